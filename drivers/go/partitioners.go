package main

import (
	"context"
	"fmt"
	"reflect"

	"github.com/twmb/franz-go/pkg/kgo"
)

var partitioners = []struct {
	name string
	make func() kgo.Partitioner
}{
	// As the client makes it by default.
	{"uniform-bytes", func() kgo.Partitioner { return kgo.UniformBytesPartitioner(64<<10, true, true, nil) }},
	{"sticky-key", func() kgo.Partitioner { return kgo.StickyKeyPartitioner(nil) }},
	{"sticky", kgo.StickyPartitioner},
	{"round-robin", kgo.RoundRobinPartitioner},
	{"least-backup", kgo.LeastBackupPartitioner},
	{"manual", kgo.ManualPartitioner},
}

func parsePartitioner(value string) (kgo.Partitioner, error) {
	for _, each := range partitioners {
		if each.name == value && value != "manual" {
			return each.make(), nil
		}
	}
	return nil, fmt.Errorf("one of uniform-bytes, sticky-key, sticky, round-robin and least-backup is wanted")
}

func showPartitioner(effective any) string {
	if wrapped, ok := effective.(*primable); ok {
		effective = wrapped.Partitioner
	}
	for _, each := range partitioners {
		if reflect.TypeOf(effective) == reflect.TypeOf(each.make()) {
			return each.name
		}
	}
	return fmt.Sprintf("%T", effective)
}

// partitionedBy lets the client use a partitioner, and be primed.
func partitionedBy(partitioner kgo.Partitioner) kgo.ProducerOpt {
	return kgo.RecordPartitioner(&primable{partitioner})
}

// priming is the context of the records that are sent to a partition each before the trial.
type priming struct{ context.Context }

func primed(record *kgo.Record) bool {
	_, is := record.Context.(priming)
	return is
}

// primable leaves priming records where they are meant to go, and everything else to another partitioner. The client asks
// what a topic's partitioner can do beyond the least, so it has to be able to do just what the other one can.
type primable struct{ kgo.Partitioner }

func (p *primable) ForTopic(topic string) kgo.TopicPartitioner {
	inner := p.Partitioner.ForTopic(topic)
	plain := primableTopic{inner}
	onNewBatch, hears := inner.(kgo.TopicPartitionerOnNewBatch)
	backup, weighs := inner.(kgo.TopicBackupPartitioner)
	switch {
	case hears && weighs:
		return struct {
			primableBackup
			kgo.TopicPartitionerOnNewBatch
		}{primableBackup{plain, backup}, onNewBatch}
	case weighs:
		return primableBackup{plain, backup}
	case hears:
		return struct {
			primableTopic
			kgo.TopicPartitionerOnNewBatch
		}{plain, onNewBatch}
	}
	return plain
}

type primableTopic struct{ inner kgo.TopicPartitioner }

func (p primableTopic) RequiresConsistency(record *kgo.Record) bool {
	return primed(record) || p.inner.RequiresConsistency(record)
}

func (p primableTopic) Partition(record *kgo.Record, n int) int {
	if primed(record) {
		return int(record.Partition)
	}
	return p.inner.Partition(record, n)
}

type primableBackup struct {
	primableTopic
	backup kgo.TopicBackupPartitioner
}

func (p primableBackup) PartitionByBackup(record *kgo.Record, n int, backlog kgo.TopicBackupIter) int {
	if primed(record) {
		return int(record.Partition)
	}
	return p.backup.PartitionByBackup(record, n, backlog)
}
