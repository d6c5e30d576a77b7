// The command tribunal-driver-go is the driver of franz-go: drivers/PROTOCOL.md says what it does.
//
//	tribunal-driver-go                                            speaks the protocol
//	tribunal-driver-go loop BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]
//	                                                              prints what a minimal loop reaches
//	tribunal-driver-go schedule ARRIVALS SHAPE SEED BLOCK INDEX PRODUCERS END_NS
//	                                                              prints count and hash, as docs/schedule.py does
//	tribunal-driver-go buckets                                    reads nanoseconds, prints buckets and counts
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	// An agent that has gone is noticed by the end of what it says.
	signal.Ignore(syscall.SIGPIPE)
	guarded(func() {
		if err := run(os.Args[1:]); err != nil {
			end(err)
		}
	})
}

// end ends the process with a line on standard error.
func end(err error) {
	fmt.Fprintln(os.Stderr, oneLine(err.Error()))
	if own, ok := errors.AsType[*fault](err); ok {
		os.Exit(own.code)
	}
	os.Exit(exitFailure)
}

// guarded lets a defect of the driver end it with one line.
func guarded(act func()) {
	defer defect()
	act()
}

var traced = os.Getenv("TRIBUNAL_DRIVER_TRACE") == "1"

// defect is deferred where the driver's own code begins.
func defect() {
	if traced {
		return
	}
	if found := recover(); found != nil {
		end(fmt.Errorf("a defect of the driver: %v", found))
	}
}

func run(words []string) error {
	switch {
	case len(words) == 0:
		return speak(os.Stdin, os.Stdout)
	case words[0] == "loop":
		return loop(words[1:])
	case words[0] == "schedule" && len(words) == 8:
		return printSchedule(words[1:])
	case words[0] == "buckets" && len(words) == 1:
		return printBuckets(os.Stdin)
	}
	return usage("unknown words %q", words)
}

func printSchedule(words []string) error {
	var numbers [5]uint64
	for i, word := range words[2:] {
		number, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return usage("a number is wanted, not %s", word)
		}
		numbers[i] = number
	}
	of := scheduleOrder{Arrivals: words[0], Shape: words[1], Seed: numbers[0], Block: numbers[1], Producers: numbers[3]}
	planned, err := newSchedule(of, numbers[2])
	if err != nil {
		return usage("%v", err)
	}
	fmt.Println(digest(planned, int64(numbers[4])))
	return nil
}

func printBuckets(source io.Reader) error {
	var counts histogram
	words := bufio.NewScanner(source)
	words.Split(bufio.ScanWords)
	for words.Scan() {
		nanoseconds, err := strconv.ParseInt(words.Text(), 10, 64)
		if err != nil {
			return usage("nanoseconds are wanted, not %s", words.Text())
		}
		counts.add(nanoseconds)
	}
	for _, each := range counts.pairs() {
		fmt.Println(each[0], each[1])
	}
	return words.Err()
}
