package main

import (
	"context"
	"runtime"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// A send whose schedule delay is above this is late.
	late = 1_000_000
	// Entries that are made at once.
	slab = 64
	// How often a waiting sender looks whether the load has ended.
	look = 20_000_000
	// The shortest sleep: at high rates what falls due meanwhile goes out together, at most this late.
	shortest = 50_000
)

// content is what a producer sends, apart from when.
type content struct {
	topic      string
	bodies     [][]byte
	firstBody  uint64
	keys       []uint64
	headers    []kgo.RecordHeader
	headerSize int
	partitions int32
	assigned   bool
}

// sender owns a producer's schedule and offers what is due to the client.
type sender struct {
	ledger
	trial    *trial
	client   *kgo.Client
	reports  *reports
	promise  func(*kgo.Record, error)
	content  *content
	schedule *schedule
	room     room
	blockage blockedTime
	// What of its content the next record has.
	body, key, partition turn
	// What records are stamped with, and until when.
	stamp     time.Time
	stampEnds int64
	free      *entry
	// The record that the client had no room for.
	waiting *entry
	// The waiting record, when the load ended before it was known whether the client took it.
	doubtful *entry
	// The latest refusal, when what was refused was shed.
	refused    int64
	shedBefore bool
	first      *[2]int64
	begun      bool
	startError int64
	loadEnd    int64
	ended      chan struct{}
	_          gap
}

// turn is a place in a row that is gone through again and again, without a division at each step.
type turn struct{ at, end uint64 }

func (t *turn) advance() {
	if t.at++; t.at >= t.end {
		t.at = 0
	}
}

func newSender(t *trial, client *kgo.Client, r *reports, c *content, s *schedule) *sender {
	made := &sender{
		ledger: newLedger(&t.windows), trial: t, client: client, reports: r, promise: r.deliver, content: c, schedule: s,
		room: roomOf(client), ended: make(chan struct{}),
		key: turn{end: uint64(len(c.keys))}, partition: turn{end: uint64(c.partitions)},
	}
	bodies := uint64(len(c.bodies))
	made.body = turn{c.firstBody % bodies, bodies}
	made.closing = func(edge int64) { made.blocked += made.blockage.take(edge) }
	return made
}

// run sends from t0 to the end of the load.
func (s *sender) run() {
	defer close(s.ended)
	if s.schedule != nil {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		sleepPrecisely()
	}
	for now := s.trial.now(); now < 0; now = s.trial.now() {
		if s.trial.ending() {
			return
		}
		sleepUntil(s.trial.t0 + min(now+look, 0))
	}
	s.begun, s.startError = true, s.trial.now()
	for !s.trial.ending() {
		switch e, next := s.step(); {
		case e == nil:
			if now := s.trial.now(); next > now {
				sleepUntil(s.trial.t0 + min(max(next, now+shortest), now+look))
			}
		case e.waits:
			s.wait(e)
		default:
			s.client.Produce(context.Background(), &e.record, s.promise)
		}
	}
	s.end(s.trial.now())
}

// step books what is due and hands it over, to be sent; without that it says when to look again. The lock is not held
// while the client is called: whatever that does, samples are told.
func (s *sender) step() (*entry, int64) {
	s.Lock()
	e, next := s.offer()
	s.Unlock()
	return e, next
}

func (s *sender) offer() (*entry, int64) {
	e := s.next()
	now := s.trial.now()
	if now >= s.edge {
		s.roll(now)
	}
	intended := now
	if s.schedule != nil {
		if intended = s.schedule.peek(); intended > now {
			return nil, intended
		}
	}
	// After the clock was read: a window that was announced by then counts.
	w := s.windows.Load()
	e.intended, e.accepted, e.part, e.waits = intended, now, w.part(intended), false
	e.delay = now - intended - s.blockage.since(intended, now)
	if !s.room.take(int64(len(e.record.Key) + len(e.record.Value) + s.content.headerSize)) {
		s.queueFull++
		if s.trial.shed && s.schedule != nil {
			s.shedDue(now, w)
			return nil, max(s.schedule.peek(), now+1)
		}
		e.waits = true
		s.waiting = e
		s.blockage.begin(now)
	} else {
		s.past()
		s.records[e.part]++
		s.book(e)
	}
	e.record.Timestamp = s.stampAt(now)
	s.free = e.next
	return e, 0
}

// next makes the next record in the first free entry. That is done before the clock is read for it: the entry comes from
// the other processor's cache, and what is fetched meanwhile is not waited for after the reading.
func (s *sender) next() *entry {
	if s.free == nil {
		s.free = s.reports.takeFree()
	}
	if s.free == nil {
		s.free = s.make()
	}
	e, c := s.free, s.content
	e.record.Value = c.bodies[s.body.at]
	if c.keys != nil {
		e.record.Key = strconv.AppendUint(e.key[:0], c.keys[s.key.at], 10)
	}
	if c.assigned {
		e.record.Partition = int32(s.partition.at)
	}
	return e
}

// stampAt is the time on the wall. Kafka keeps whole milliseconds of it, so it is read once in each of them.
func (s *sender) stampAt(now int64) time.Time {
	if now >= s.stampEnds {
		reading := time.Now()
		s.stamp = reading.Truncate(time.Millisecond)
		s.stampEnds = now + int64(time.Millisecond-reading.Sub(s.stamp))
	}
	return s.stamp
}

func (s *sender) make() *entry {
	entries := make([]entry, slab)
	for i := range entries {
		e := &entries[i]
		e.Context = context.Background()
		e.record.Topic, e.record.Headers, e.record.Context = s.content.topic, s.content.headers, e
		if i > 0 {
			e.next = &entries[i-1]
		}
	}
	return &entries[slab-1]
}

// past goes on to the next record.
func (s *sender) past() {
	s.body.advance()
	s.key.advance()
	s.partition.advance()
	if s.schedule != nil {
		s.schedule.take()
	}
}

// book counts a record that the client takes.
func (s *sender) book(e *entry) {
	part := s.part(e.part)
	part.scheduled++
	if s.trial.record {
		part.sent(e)
	}
	if e.delay > late {
		part.lateSends++
	}
	if s.first == nil {
		s.first = &[2]int64{e.intended, e.accepted}
	}
	s.shedBefore = false
}

// wait offers the waiting record by the call that returns when the client has room.
func (s *sender) wait(e *entry) {
	hold := &patience{Context: context.Background(), loadEnded: s.trial.loadEnded}
	s.client.Produce(hold, &e.record, s.promise)
	hold.over.Store(true)
	now := s.trial.now()
	s.Lock()
	defer s.Unlock()
	s.roll(now)
	s.blockage.end(now)
	s.waiting = nil
	s.room.records = 0
	s.past()
	s.records[e.part]++
	if s.trial.ending() {
		s.doubtful = e
		return
	}
	s.book(e)
}

// shedDue drops what is due. Nothing waits, so the client is known to be full only from one refusal to the next: through a
// pause of the schedule it may have had room, and a late send after it would be the driver's own.
func (s *sender) shedDue(now int64, w *windows) {
	if s.shedBefore {
		s.blockage.begin(s.refused)
		s.blockage.end(now)
	}
	s.refused, s.shedBefore = now, true
	for s.schedule.peek() <= now {
		part := s.part(w.part(s.schedule.peek()))
		part.scheduled++
		part.shed++
		s.dropped++
		s.past()
	}
}

// windowSent says whether every intended send of the window has been dealt with.
func (s *sender) windowSent(t2 int64) bool {
	if s.waiting != nil && s.waiting.part == window {
		return false
	}
	return s.schedule == nil || s.schedule.peek() >= t2
}

// end ends the load.
func (s *sender) end(now int64) {
	s.Lock()
	defer s.Unlock()
	s.roll(now)
	s.blockage.end(now)
	s.waiting = nil
	s.loadEnd = now
}

// giveUp books what the client has not taken by the end of the trial at now: of the window, and of what was due when the
// load ended. By then it is known whether it took the doubtful record.
func (s *sender) giveUp(now int64, withdrew bool) {
	w := s.windows.Load()
	unsent := func(intended int64) {
		part := s.part(w.part(intended))
		part.scheduled++
		part.unsent++
		if s.trial.record {
			part.censored.add(now - intended)
		}
	}
	switch e := s.doubtful; {
	case e == nil:
	case !withdrew:
		s.book(e)
	case s.schedule != nil:
		unsent(e.intended)
	}
	for s.schedule != nil && s.schedule.peek() < max(s.loadEnd, w.t2) {
		unsent(s.schedule.take())
	}
}
