package main

import (
	"math"
	"sync"
	"sync/atomic"
)

// gap ends what one goroutine writes for each record: what another one uses lies on another line of the processor's cache.
type gap [64]byte

// part is what was counted of one part of the trial.
type part struct {
	scheduled, acknowledged, notWritten, possiblyWritten, unresolved, unsent, shed uint64
	lateSends                                                                      uint64
	response, service, sendLag, scheduleDelay, censored                            histogram
	failed                                                                         map[string]*histogram
	// Sends that were accepted at their intended instant, whose lag and delay are zero, and the latencies of such records,
	// whose response is their service. Each is counted once here and unfolded when it is told.
	punctual uint64
	both     histogram
	_        gap
}

// sent counts how late a record went out.
func (p *part) sent(e *entry) {
	if e.accepted == e.intended {
		p.punctual++
		return
	}
	p.sendLag.add(e.accepted - e.intended)
	p.scheduleDelay.add(e.delay)
}

// answered counts how long a record took that was acknowledged at now.
func (p *part) answered(e *entry, now int64) {
	if e.accepted == e.intended {
		p.both.add(now - e.intended)
		return
	}
	p.response.add(now - e.intended)
	p.service.add(now - e.accepted)
}

// unfold books what was counted once wherever it belongs.
func (p *part) unfold() {
	p.sendLag.addTimes(0, p.punctual)
	p.scheduleDelay.addTimes(0, p.punctual)
	p.response.merge(&p.both)
	p.service.merge(&p.both)
	p.punctual, p.both = 0, histogram{}
}

func (p *part) fail(name string, response int64) {
	if p.failed == nil {
		p.failed = map[string]*histogram{}
	}
	if p.failed[name] == nil {
		p.failed[name] = &histogram{}
	}
	p.failed[name].add(response)
}

// merge adds another part.
func (p *part) merge(o *part) {
	p.scheduled += o.scheduled
	p.acknowledged += o.acknowledged
	p.notWritten += o.notWritten
	p.possiblyWritten += o.possiblyWritten
	p.unresolved += o.unresolved
	p.unsent += o.unsent
	p.shed += o.shed
	p.lateSends += o.lateSends
	p.punctual += o.punctual
	p.both.merge(&o.both)
	p.response.merge(&o.response)
	p.service.merge(&o.service)
	p.sendLag.merge(&o.sendLag)
	p.scheduleDelay.merge(&o.scheduleDelay)
	p.censored.merge(&o.censored)
	for name, counts := range o.failed {
		if p.failed == nil {
			p.failed = map[string]*histogram{}
		}
		if known := p.failed[name]; known != nil {
			known.merge(counts)
		} else {
			p.failed[name] = counts
		}
	}
}

func (p *part) message() *partMessage {
	p.unfold()
	told := &partMessage{
		Scheduled: p.scheduled, Acknowledged: p.acknowledged, NotWritten: p.notWritten,
		PossiblyWritten: p.possiblyWritten, Unresolved: p.unresolved, Unsent: p.unsent, Shed: p.shed,
		LateSends: p.lateSends, Response: p.response.pairs(), Service: p.service.pairs(), SendLag: p.sendLag.pairs(),
		ScheduleDelay: p.scheduleDelay.pairs(), Censored: p.censored.pairs(),
	}
	if p.failed != nil {
		told.Failed = map[string][][2]uint64{}
		for name, counts := range p.failed {
			told.Failed[name] = counts.pairs()
		}
	}
	return told
}

// slice is what was booked in a ledger between two edges of the sample grid.
type slice struct {
	start, end          int64
	parts               [3]*part
	queueFull           uint64
	blocked             int64
	bytes, writtenBlind uint64
	// Since t0: records taken by the client or reported by it, and records shed.
	total, dropped uint64
	_              gap
}

func (s *slice) part(of int) *part {
	if s.parts[of] == nil {
		s.parts[of] = &part{}
	}
	return s.parts[of]
}

// ledger holds one side's bookings: the sender's or the delivery reports'. Its lock is held by whoever books. An owner cuts
// the slice by itself when its clock passes an edge; for an owner that has nothing to do, or is stuck in the client,
// the watch does it a little later.
type ledger struct {
	sync.Mutex
	windows *atomic.Pointer[windows]
	*slice
	edge int64
	cuts []*slice
	// Records of each part since t0.
	records [3]uint64
	closing func(edge int64)
}

func newLedger(w *atomic.Pointer[windows]) ledger {
	return ledger{windows: w, slice: &slice{}, edge: w.Load().edgeAfter(0)}
}

func (l *ledger) total() uint64 { return l.records[warmUp] + l.records[window] + l.records[coolDown] }

// roll cuts at every edge up to now.
func (l *ledger) roll(now int64) {
	for now >= l.edge {
		l.cut(l.edge)
		l.edge = l.windows.Load().edgeAfter(l.edge)
	}
}

func (l *ledger) cut(end int64) {
	if l.closing != nil {
		l.closing(end)
	}
	l.end, l.slice.total = end, l.total()
	l.cuts = append(l.cuts, l.slice)
	l.slice = &slice{start: end, dropped: l.dropped}
}

// freeze makes the present slice the last one: whatever is booked from now on belongs to it.
func (l *ledger) freeze(now int64) {
	l.roll(now)
	l.edge = math.MaxInt64
}
