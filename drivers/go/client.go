package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

const module = "github.com/twmb/franz-go"

// newClient makes a producer's client.
func newClient(arm *armOrder, who producerOrder, hooks ...kgo.Hook) (*kgo.Client, error) {
	given, err := clientOptions(arm.Properties)
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{partitionedBy(partitioners[0].make())}
	options = append(options, given...)
	options = append(options, kgo.SeedBrokers(strings.Split(arm.Bootstrap, ",")...), kgo.ClientID(who.ClientID))
	if arm.Partitioner == "assigned" {
		options = append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	client, err := kgo.NewClient(append(options, kgo.WithHooks(hooks...))...)
	if err != nil {
		return nil, usage("%s refuses its configuration: %s", clientName, oneLine(err.Error()))
	}
	return client, nil
}

// prime has one record acknowledged by each partition, and tells partition and offset of each.
func prime(ctx context.Context, client *kgo.Client, topic string, partitions int32, body []byte) ([][2]int64, error) {
	type outcome struct {
		record *kgo.Record
		err    error
	}
	outcomes := make(chan outcome, partitions)
	for partition := range partitions {
		record := &kgo.Record{Topic: topic, Partition: partition, Value: body, Context: priming{context.Background()}}
		client.Produce(context.Background(), record, func(record *kgo.Record, err error) {
			outcomes <- outcome{record, err}
		})
	}
	primed := make([][2]int64, partitions)
	for range partitions {
		select {
		case done := <-outcomes:
			if done.err != nil {
				return nil, done.err
			}
			primed[done.record.Partition] = [2]int64{int64(done.record.Partition), done.record.Offset}
			if unacknowledged(client) {
				primed[done.record.Partition][1] = -1
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return primed, nil
}

func unacknowledged(client *kgo.Client) bool {
	return client.OptValue(kgo.RequiredAcks) == kgo.NoAck()
}

const clientName = "franz-go"

func hello() *helloMessage {
	told := &helloMessage{
		Protocol: protocolVersion, Client: clientName,
		Runtime: fmt.Sprintf("%s, GOMAXPROCS %d, default garbage collection", runtime.Version(), runtime.GOMAXPROCS(0)),
		Facts: []pair{
			{"sending", "Produce() of kgo, one record a call"},
			{"delivery", "a promise a record, called by the client's goroutine, one after the other"},
			{"when full", "Produce() blocks at MaxBufferedRecords or MaxBufferedBytes and ends lingering; the driver asks for " +
				"the room that is left before, and drops instead where records are shed"},
			{"partitioner", "uniform-bytes: keys are hashed as in Java, without key 64 KiB to a partition, then one by backlog"},
			{"idempotence", "on by default, needs acks=all; DisableIdempotentWrite turns it off"},
			{"in flight", "5 requests a broker when idempotent, else MaxProduceRequestsInflightPerBroker (1)"},
			{"purge", "does not tell which records never left"},
			{"certainly not written", "only what is larger than a batch or the buffer may be"},
			{"codecs", "none gzip snappy lz4 zstd"},
		},
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		var parts []string
		for _, each := range info.Deps {
			name, version := each.Path, strings.TrimPrefix(each.Version, "v")
			switch name {
			case module:
				told.Version = version
			case module + "/pkg/kmsg", "github.com/klauspost/compress", "github.com/pierrec/lz4/v4":
				parts = append(parts, strings.TrimPrefix(name, module+"/pkg/")+" "+version)
			}
		}
		told.Library = strings.Join(parts, ", ")
	}
	return told
}
