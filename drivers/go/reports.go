package main

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// entry is a record on its way. It rides in the record's own context, so that its delivery report finds it, and is used
// again after that.
type entry struct {
	context.Context
	record kgo.Record
	// Instants from t0; delay is what of the time between them is the driver's own.
	intended, accepted, delay int64
	part                      int
	// The client had no room for it when it was offered.
	waits bool
	key   [20]byte
	next  *entry
}

// reports books delivery reports. The client calls deliver from one goroutine at a time.
type reports struct {
	ledger
	trial *trial
	// No report changes a fate any more: the instant, and whether.
	frozenAt int64
	frozen   bool
	free     *entry
	// By partition; the last one is for records without.
	partitions []partitionCount
	withdrew   bool
	// The most bytes of a record that the client sends at all.
	largest int64
	_       gap
}

type partitionCount struct {
	acknowledged, perhaps uint64
	runs                  [][2]int64
}

func newReports(t *trial, client *kgo.Client, partitions int32) *reports {
	largest := int64(client.OptValue(kgo.ProducerBatchMaxBytes).(int32))
	if buffer := client.OptValue(kgo.MaxBufferedBytes).(int64); buffer > 0 {
		largest = min(largest, buffer)
	}
	return &reports{
		ledger: newLedger(&t.windows), trial: t, partitions: make([]partitionCount, partitions+1), largest: largest,
	}
}

// deliver is the promise of every record.
func (r *reports) deliver(record *kgo.Record, err error) {
	defer defect()
	now := int64(0)
	if r.trial.record {
		now = r.trial.now()
	}
	e := record.Context.(*entry)
	r.Lock()
	if now >= r.edge {
		r.roll(now)
	}
	r.records[e.part]++
	r.book(e, now, err)
	e.next, r.free = r.free, e
	r.Unlock()
}

func (r *reports) book(e *entry, now int64, err error) {
	part := r.part(e.part)
	partition := &r.partitions[len(r.partitions)-1]
	if at := int(e.record.Partition); 0 <= at && at < len(r.partitions)-1 {
		partition = &r.partitions[at]
	}
	switch {
	case err == errWithdrawn && e.waits:
		r.withdrew = true
	case r.frozen:
		part.unresolved++
		if r.trial.record {
			part.censored.add(r.frozenAt - e.intended)
		}
		if !r.neverLeft(e, err) {
			partition.perhaps++
		}
	case err == nil && r.trial.blind:
		part.possiblyWritten++
		partition.perhaps++
		r.writtenBlind++
	case err == nil:
		part.acknowledged++
		partition.acknowledged++
		r.bytes += uint64(len(e.record.Key) + len(e.record.Value))
		if r.trial.record {
			part.answered(e, now)
		}
		if r.trial.offsets && e.record.Offset >= 0 {
			partition.add(e.record.Offset)
		}
	default:
		if r.neverLeft(e, err) {
			part.notWritten++
		} else {
			part.possiblyWritten++
			partition.perhaps++
		}
		part.fail(errorName(err), r.trial.now()-e.intended)
	}
}

// silent books records of which the client never said a word. Their age is not known; the least that can be said is that
// they have waited since the end of their part.
func (r *reports) silent(of int, records uint64) uint64 {
	if records == 0 {
		return 0
	}
	w := r.windows.Load()
	since := [3]int64{w.t1, w.t2, r.frozenAt}[of]
	part := r.part(of)
	part.unresolved += records
	r.partitions[len(r.partitions)-1].perhaps += records
	for range records {
		if r.trial.record {
			part.censored.add(r.frozenAt - since)
		}
	}
	return records
}

// neverLeft says whether a failed record is certainly not in the log. The client fails all records of a partition with the
// error of one, so the error of a broker says nothing of the others; what cannot be sent at all is known here.
func (r *reports) neverLeft(e *entry, err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) && int64(len(e.record.Key)+len(e.record.Value)) > r.largest
}

// takeFree hands over all entries that can be used again.
func (r *reports) takeFree() *entry {
	r.Lock()
	defer r.Unlock()
	free := r.free
	r.free = nil
	return free
}

func (p *partitionCount) add(offset int64) {
	if last := len(p.runs) - 1; last >= 0 && p.runs[last][0]+p.runs[last][1] == offset {
		p.runs[last][1]++
		return
	}
	p.runs = append(p.runs, [2]int64{offset, 1})
}

// joined are the runs in order, neighbours as one.
func (p *partitionCount) joined() [][2]int64 {
	slices.SortFunc(p.runs, func(a, b [2]int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	joined := [][2]int64{}
	for _, run := range p.runs {
		if last := len(joined) - 1; last >= 0 && joined[last][0]+joined[last][1] == run[0] {
			joined[last][1] += run[1]
		} else {
			joined = append(joined, run)
		}
	}
	return joined
}

var errWithdrawn = errors.New("the load ended before the client had room")

// patience lets a full client keep the caller waiting, until the load ends. Once the client has taken the record it asks
// for nothing any more.
type patience struct {
	context.Context
	loadEnded <-chan struct{}
	over      atomic.Bool
}

func (p *patience) Done() <-chan struct{} {
	if p.over.Load() {
		return nil
	}
	return p.loadEnded
}

func (p *patience) Err() error {
	if p.over.Load() {
		return nil
	}
	select {
	case <-p.loadEnded:
		return errWithdrawn
	default:
		return nil
	}
}
