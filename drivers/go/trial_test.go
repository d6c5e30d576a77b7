package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
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
