package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Exit codes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitUnreachable = 3
)

// fault ends the driver with a line on standard error and an exit code of its own.
type fault struct {
	code int
	text string
}

func (f *fault) Error() string { return f.text }

func usage(format string, words ...any) error {
	return &fault{exitUsage, fmt.Sprintf(format, words...)}
}

func unreachable(format string, words ...any) error {
	return &fault{exitUnreachable, fmt.Sprintf(format, words...)}
}

var clientErrors = []struct {
	err  error
	name string
}{
	{kgo.ErrRecordTimeout, "ErrRecordTimeout"}, {kgo.ErrRecordRetries, "ErrRecordRetries"},
	{kgo.ErrMaxBuffered, "ErrMaxBuffered"}, {kgo.ErrAborting, "ErrAborting"}, {kgo.ErrClientClosed, "ErrClientClosed"},
}

// errorName is the client's name of an error: its own, the broker's, or else the text at the root of it.
func errorName(err error) string {
	for _, known := range clientErrors {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if broker, ok := errors.AsType[*kerr.Error](err); ok {
		return broker.Message
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return oneLine(err.Error())
}

// errorText is the text of an error without the ports of this host, which are new with every connection.
func errorText(err error) string {
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Addr != nil {
		return oneLine(fmt.Sprintf("%s %s: %v", network.Op, network.Addr, network.Err))
	}
	return oneLine(err.Error())
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
