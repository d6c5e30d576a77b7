package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// segment is a stretch of a profile: a rate that changes evenly, in millionths of a record per second.
type segment struct{ length, first, last uint64 }

func (s segment) work() wide {
	return product(s.first+s.last, s.length).half()
}

// offset is the nanosecond at which within of the segment's work has been asked for.
func (s segment) offset(within wide) uint64 {
	if s.first == s.last {
		return within.over(wide{0, s.first}).lo
	}
	rises := s.first < s.last
	part := within
	if !rises {
		part = s.work().minus(within)
	}
	if part.zero() {
		return 0
	}
	slow, steep := float64(min(s.first, s.last)), float64(max(s.first, s.last)-min(s.first, s.last))
	length := float64(s.length)
	twice := 2 * part.float()
	run := twice / (slow + math.Sqrt(float64(slow*slow)+float64(twice*steep)/length))
	at := run
	if !rises {
		at = length - run
	}
	return uint64(min(max(int64(at), 0), int64(s.length)-1))
}

func parseSegments(text string) ([]segment, error) {
	var segments []segment
	for _, each := range strings.Split(text, ",") {
		words := strings.Split(each, ":")
		if len(words) != 3 {
			return nil, fmt.Errorf("a segment %q", each)
		}
		var numbers [3]uint64
		for i, word := range words {
			number, err := strconv.ParseUint(word, 10, 62)
			if err != nil {
				return nil, err
			}
			numbers[i] = number
		}
		if numbers[0] == 0 {
			return nil, fmt.Errorf("a segment %q without length", each)
		}
		segments = append(segments, segment{numbers[0], numbers[1], numbers[2]})
	}
	return segments, nil
}

// curve tells which instant belongs to an amount of work. Amounts ascend from one question to the next.
type curve struct {
	segments      []segment
	repeats       bool
	wholeLength   wide
	wholeWork     wide
	place         int
	start, before wide
}

func newCurve(segments []segment, repeats bool) *curve {
	c := &curve{segments: segments, repeats: repeats}
	for _, s := range segments {
		c.wholeLength = c.wholeLength.plus(wide{0, s.length})
		c.wholeWork = c.wholeWork.plus(s.work())
	}
	return c
}

func (c *curve) instant(work wide) int64 {
	for {
		within := work.minus(c.before)
		if c.place < len(c.segments) {
			s := c.segments[c.place]
			if within.below(s.work()) {
				return c.start.plus(wide{0, s.offset(within)}).instant()
			}
			c.place++
			c.start, c.before = c.start.plus(wide{0, s.length}), c.before.plus(s.work())
			continue
		}
		if !c.repeats {
			held := c.segments[len(c.segments)-1].last
			if held == 0 {
				return math.MaxInt64
			}
			return c.start.plus(within.over(wide{0, held})).instant()
		}
		if c.wholeWork.zero() {
			return math.MaxInt64
		}
		rounds := within.over(c.wholeWork)
		if rounds.hi != 0 {
			return math.MaxInt64
		}
		c.place = 0
		c.start, c.before = c.start.plus(c.wholeLength.times(rounds.lo)), c.before.plus(c.wholeWork.times(rounds.lo))
	}
}
