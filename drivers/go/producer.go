package main

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// How often a producer is looked after: cut where it is not cut by itself, ended, its window told as resolved.
	beat = 10 * time.Millisecond
	// How long records in flight are awaited at least, after the load has ended.
	leastWait = 5 * second
	// How long a purge may take to bring the last delivery reports: a sample is told within a second.
	purgeWait = 800 * time.Millisecond
)

// trial is what the producers of a process share.
type trial struct {
	clock clock
	t0    int64
	// What the runtime's clock shows at t0.
	origin  time.Time
	windows atomic.Pointer[windows]
	// Whether latencies are recorded, offsets kept, refused records dropped; and whether nothing is ever acknowledged.
	record, offsets, shed, blind bool
	loadEnded                    chan struct{}
	over, stopped                atomic.Bool
}

func newTrial(c clock, arm *armOrder, blind bool) *trial {
	t := &trial{
		clock: c, record: arm.Record, offsets: arm.Offsets, shed: arm.WhenFull == "shed", blind: blind,
		loadEnded: make(chan struct{}),
	}
	t.windows.Store(windowsFrom(arm.WarmUp+arm.Settle, arm))
	return t
}

// begin says when t0 is.
func (t *trial) begin(t0 int64) {
	t.t0, t.origin = t0, t.clock.reading(t0)
}

// now is the present instant from t0.
func (t *trial) now() int64 { return int64(time.Since(t.origin)) }

func (t *trial) endLoad() {
	if !t.over.Swap(true) {
		close(t.loadEnded)
	}
}

func (t *trial) stop() {
	t.stopped.Store(true)
	t.endLoad()
}

func (t *trial) ending() bool { return t.over.Load() }

// producer is one client with its load, and the watch over both.
type producer struct {
	index   uint64
	trial   *trial
	client  *kgo.Client
	numbers *numbers
	sender  *sender
	reports *reports
	agent   *speaker
	// Scheduled records by part, and records with a final word by t1 and by t2 or, before those, so far.
	scheduled [3]uint64
	settled   [2]uint64
	missing   uint64
}

// run goes from t0 to the report.
func (p *producer) run() {
	go guarded(p.sender.run)
	resolved := false
	for {
		time.Sleep(beat)
		now, w := p.trial.now(), p.trial.windows.Load()
		if now >= w.deadline {
			p.trial.endLoad()
		}
		p.cut(now)
		if !resolved && now >= w.t2 && p.windowResolved(w.t2) {
			resolved = true
			p.agent.say("resolved", resolvedMessage{p.index})
		}
		if p.over(now, w) {
			break
		}
	}
	if p.sender.begun {
		p.finish(p.trial.now())
	}
	p.report()
}

func (p *producer) windowResolved(t2 int64) bool {
	p.sender.Lock()
	defer p.sender.Unlock()
	p.reports.Lock()
	defer p.reports.Unlock()
	return p.sender.windowSent(t2) && p.reports.records[window] >= p.sender.records[window]
}

// over says whether every record is resolved, or the wait for the rest has ended.
func (p *producer) over(now int64, w *windows) bool {
	select {
	case <-p.sender.ended:
	default:
		return false
	}
	return p.outstanding() == 0 || p.trial.stopped.Load() || now >= max(w.deadline, p.sender.loadEnd+leastWait)
}

// outstanding are the records that the client has taken and not reported.
func (p *producer) outstanding() uint64 {
	p.sender.Lock()
	defer p.sender.Unlock()
	p.reports.Lock()
	defer p.reports.Unlock()
	return p.sender.total() - p.reports.total()
}

// cut tells the samples that have ended by now.
func (p *producer) cut(now int64) {
	p.sender.Lock()
	p.sender.roll(now)
	p.sender.Unlock()
	p.reports.Lock()
	p.reports.roll(now)
	p.reports.Unlock()
	p.tell()
}

// tell says what was cut of both ledgers, at the same edges.
func (p *producer) tell() {
	p.sender.Lock()
	p.reports.Lock()
	cut := min(len(p.sender.cuts), len(p.reports.cuts))
	sent, reported := p.sender.cuts[:cut], p.reports.cuts[:cut]
	p.sender.cuts, p.reports.cuts = p.sender.cuts[cut:], p.reports.cuts[cut:]
	p.reports.Unlock()
	p.sender.Unlock()
	for i := range sent {
		p.sample(sent[i], reported[i])
	}
}

func (p *producer) sample(sent, reported *slice) {
	w := p.trial.windows.Load()
	for i, instant := range []int64{w.t1, w.t2} {
		if sent.end <= instant {
			p.settled[i] = reported.total + sent.dropped
		}
	}
	told := &sampleMessage{
		Producer: p.index, Start: sent.start, End: sent.end, Parts: map[string]*partMessage{},
		QueueFull: sent.queueFull, Blocked: sent.blocked, InFlight: positive(sent.total, reported.total),
		Bytes: reported.bytes, WrittenBlind: reported.writtenBlind, Client: p.numbers.take(p.trial.blind),
	}
	for i, both := range sent.parts {
		if other := reported.parts[i]; both == nil {
			both = other
		} else if other != nil {
			both.merge(other)
		}
		if both != nil {
			p.scheduled[i] += both.scheduled
			told.Parts[partNames[i]] = both.message()
		}
	}
	p.agent.say("sample", told)
}

func positive(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// finish ends the wait for what has no report yet, purges the client, and tells the last sample.
func (p *producer) finish(now int64) {
	p.cut(now)
	s, r := p.sender, p.reports
	s.Lock()
	s.freeze(now)
	s.Unlock()
	r.Lock()
	r.freeze(now)
	r.frozen, r.frozenAt = true, now
	r.Unlock()
	if p.outstanding() > 0 {
		go p.client.UnsafeAbortBufferedRecords()
		for until := time.Now().Add(purgeWait); p.outstanding() > 0 && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
	}
	s.Lock()
	r.Lock()
	s.giveUp(now, r.withdrew)
	for part := range partNames {
		p.missing += r.silent(part, positive(s.records[part], r.records[part]))
	}
	s.cut(max(now, s.start+1))
	r.cut(max(now, r.start+1))
	r.Unlock()
	s.Unlock()
	p.tell()
}

func (p *producer) report() {
	r := p.reports
	before := [2]uint64{p.scheduled[warmUp], p.scheduled[warmUp] + p.scheduled[window]}
	told := &reportMessage{
		Producer: p.index, LoadEnd: p.sender.loadEnd, StartError: p.sender.startError, FirstSend: p.sender.first,
		Backlog:    [2]uint64{positive(before[0], p.settled[0]), positive(before[1], p.settled[1])},
		Partitions: [][3]int64{}, Offsets: []offsetRuns{}, Missing: p.missing, Errors: p.numbers.noted(),
	}
	r.Lock()
	defer r.Unlock()
	for i := range r.partitions {
		count, at := &r.partitions[i], int64(i)
		if i == len(r.partitions)-1 {
			at = -1
			if count.acknowledged+count.perhaps == 0 {
				break
			}
		}
		told.Partitions = append(told.Partitions, [3]int64{at, int64(count.acknowledged), int64(count.perhaps)})
		if p.trial.offsets && len(count.runs) > 0 {
			told.Offsets = append(told.Offsets, offsetRuns{at, count.joined()})
		}
	}
	p.agent.say("report", told)
}
