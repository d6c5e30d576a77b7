package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// loop is the least that a saturating producer can be: what the driver's own share is measured against.
func loop(words []string) error {
	if len(words) < 4 {
		return usage("loop BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]")
	}
	seconds, err := strconv.ParseFloat(words[2], 64)
	if err != nil || seconds <= 1 {
		return usage("more than one second is wanted, not %s", words[2])
	}
	size, err := strconv.Atoi(words[3])
	if err != nil || size < 0 {
		return usage("bytes of a record are wanted, not %s", words[3])
	}
	var given []pair
	for _, word := range words[4:] {
		name, value, _ := strings.Cut(word, "=")
		given = append(given, pair{name, value})
	}
	options, err := clientOptions(given)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(strings.Split(words[0], ",")...))...)
	if err != nil {
		return usage("%v", err)
	}
	defer client.Close()
	bodies := make([][]byte, 2000)
	for i := range bodies {
		bodies[i] = make([]byte, size)
		_, _ = rand.Read(bodies[i])
	}
	var acknowledged atomic.Uint64
	promise := func(_ *kgo.Record, err error) {
		if err == nil {
			acknowledged.Add(1)
		}
	}
	var done atomic.Bool
	go func() {
		for i := 0; !done.Load(); i++ {
			client.Produce(context.Background(), &kgo.Record{Topic: words[1], Value: bodies[i%len(bodies)]}, promise)
		}
	}()
	time.Sleep(time.Second)
	first, from := acknowledged.Load(), time.Now()
	time.Sleep(time.Duration((seconds - 1) * float64(time.Second)))
	records, took := acknowledged.Load()-first, time.Since(from)
	done.Store(true)
	fmt.Printf("records_per_second %.0f\n", float64(records)/took.Seconds())
	return nil
}
