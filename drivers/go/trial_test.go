package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBothEndsOfTheWindowAreEdges(t *testing.T) {
	w := &windows{t1: 1_500_000_000, t2: 3_750_000_000}
	edges := []int64{0}
	for len(edges) < 9 {
		edges = append(edges, w.edgeAfter(edges[len(edges)-1])/1_000_000*1_000_000)
	}
	for i := range edges {
		edges[i] /= 1_000_000
	}
	if want := []int64{0, 1000, 1500, 2500, 3500, 3750, 4750, 5750, 6750}; !slices.Equal(edges, want) {
		t.Error(edges)
	}
}

func TestBucketsAreThoseOfTheProtocol(t *testing.T) {
	for nanoseconds, want := range map[int64]int{
		-5: 1, 0: 1, 1999: 1, 2_047_999: 2047, 2_048_000: 2048, 2_049_000: 2048, 2_050_000: 2049, 4_096_000: 3072,
		3_600_000_000_000: 23220, 3_600_000_001_000: 0,
	} {
		if got := bucketOf(nanoseconds); got != want {
			t.Errorf("%d ns: bucket %d, not %d", nanoseconds, got, want)
		}
	}
}

func TestBlockedTimeIsThatWithinALag(t *testing.T) {
	var b blockedTime
	b.begin(100)
	b.end(200)
	b.begin(300)
	check := func(name string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, not %d", name, got, want)
		}
	}
	check("all of it", b.since(50, 350), 150)
	check("half of a spell", b.since(150, 350), 100)
	check("told", b.take(350), 150)
	b.end(400)
	b.begin(400)
	b.end(450)
	check("between spells", b.since(200, 500), 150)
	check("behind them", b.since(450, 500), 0)
	check("told again", b.take(500), 100)
}

func TestALedgerIsCutAtEveryEdge(t *testing.T) {
	shared := &trial{}
	shared.windows.Store(&windows{t1: second, t2: 2500 * second / 1000, deadline: math.MaxInt64})
	l := newLedger(&shared.windows)
	l.roll(second - 1)
	l.part(warmUp).scheduled++
	l.roll(3 * second)
	l.part(coolDown).scheduled++
	l.freeze(4 * second)
	l.cut(4 * second)
	var ends []int64
	for _, each := range l.cuts {
		ends = append(ends, each.end*10/second)
	}
	if !slices.Equal(ends, []int64{10, 20, 25, 35, 40}) || l.cuts[0].parts[warmUp] == nil || l.cuts[3].parts[coolDown] == nil {
		t.Error(ends)
	}
}

func TestWhatIsCountedOnceIsToldInFull(t *testing.T) {
	punctual, behind := &entry{intended: 5, accepted: 5}, &entry{intended: 0, accepted: 3_000, delay: 2_000}
	var sent, reported part
	for _, e := range []*entry{punctual, behind, punctual} {
		sent.sent(e)
		reported.answered(e, 7_005)
	}
	sent.merge(&reported)
	told := sent.message()
	for name, each := range map[string][2][][2]uint64{
		"response": {told.Response, {{7, 3}}}, "service": {told.Service, {{4, 1}, {7, 2}}},
		"send lag": {told.SendLag, {{1, 2}, {3, 1}}}, "schedule delay": {told.ScheduleDelay, {{1, 2}, {2, 1}}},
	} {
		if !slices.Equal(each[0], each[1]) {
			t.Errorf("%s: %v, not %v", name, each[0], each[1])
		}
	}
	if again := sent.message(); !slices.Equal(again.Service, told.Service) || !slices.Equal(again.SendLag, told.SendLag) {
		t.Error("told twice, it is not the same")
	}
	var empty part
	if told := empty.message(); told.Response != nil || told.SendLag != nil {
		t.Error("nothing was counted, but", told)
	}
}

func TestRecordsGoThroughTheirContentInTurn(t *testing.T) {
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	shared := newTrial(newClock(), &armOrder{WarmUp: second, Measure: second, Drain: second, Record: true}, false)
	shared.begin(shared.clock.now())
	content := &content{
		topic: "t", bodies: [][]byte{{0}, {1}, {2}}, firstBody: 5, keys: []uint64{7, 42}, partitions: 4, assigned: true,
	}
	r := newReports(shared, client, 4)
	s := newSender(shared, client, r, content, nil)
	var last int64
	for i := range 3 * slab {
		e, _ := s.step()
		record := e.record
		key := []string{"7", "42"}[i%2]
		if record.Value[0] != byte((5+i)%3) || string(record.Key) != key || record.Partition != int32(i%4) {
			t.Fatalf("record %d: %v", i, record)
		}
		if e.intended != e.accepted || e.accepted < last || e.delay != 0 {
			t.Fatalf("record %d was due at %d and accepted at %d, after %d", i, e.intended, e.accepted, last)
		}
		if age := time.Since(record.Timestamp); age < 0 || age > time.Second || record.Timestamp.Nanosecond()%1_000_000 != 0 {
			t.Fatalf("record %d is stamped %v", i, record.Timestamp)
		}
		last = e.accepted
		r.deliver(&e.record, nil)
	}
	if s.total() != 3*slab || r.total() != 3*slab {
		t.Error(s.records, r.records)
	}
}

func TestOffsetsBecomeSortedRuns(t *testing.T) {
	var p partitionCount
	for _, offset := range []int64{5, 6, 7, 1, 2, 9, 3, 4} {
		p.add(offset)
	}
	if got := p.joined(); !slices.Equal(got, [][2]int64{{1, 7}, {9, 1}}) {
		t.Error(got)
	}
}

func TestAPayloadPoolIsReadAsItWasWritten(t *testing.T) {
	var file []byte
	for _, word := range []uint64{3, 2, 2, 5} {
		file = binary.LittleEndian.AppendUint64(file, word)
	}
	path := filepath.Join(t.TempDir(), "bodies")
	if err := os.WriteFile(path, append(file, "abcde"...), 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := readBodies(path)
	if err != nil || len(pool) != 3 || string(pool[0]) != "ab" || len(pool[1]) != 0 || string(pool[2]) != "cde" {
		t.Error(pool, err)
	}
	if err := os.WriteFile(path, file[:8], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readBodies(path); err == nil {
		t.Error("a pool without bodies was read")
	}
}

func TestTheClockIsTiedClosely(t *testing.T) {
	c := newClock()
	before := kernelTime()
	now := c.now()
	after := kernelTime()
	if now < before-c.bound || now > after+c.bound || c.bound > second/1000 {
		t.Errorf("%d is not within %d ns of %d to %d", now, c.bound, before, after)
	}
}
