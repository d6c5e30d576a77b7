package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// The work of one record: what a rate in millionths of a record per second does of it in a nanosecond is one.
	recordWork = 1_000_000_000_000_000
	// Intended sends that the hash of a schedule covers.
	hashed = 1_000_000
)

// splitMix is the generator SplitMix64.
type splitMix struct{ state uint64 }

func (s *splitMix) next() uint64 {
	s.state += 0x9E3779B97F4A7C15
	z := s.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// unit is uniform in (0, 1], a multiple of 2^-53.
func (s *splitMix) unit() float64 {
	return float64(s.next()>>11+1) * (1.0 / 9007199254740992.0)
}

func derive(words ...uint64) uint64 {
	seed := uint64(0)
	for _, word := range words {
		stream := splitMix{seed ^ word}
		seed = stream.next()
	}
	return seed
}

var reciprocals = func() (r [11]float64) {
	for i := range r {
		r[i] = 1 / float64(21-2*i)
	}
	return r
}()

// ln is the natural logarithm by a fixed series; the last bits of math.Log depend on the platform. Conversions to float64
// keep the compiler from fusing a product with a sum.
func ln(x float64) float64 {
	mantissa, exponent := math.Frexp(x)
	m, e := mantissa*2, exponent-1
	if m > 1.4142135623730951 {
		m, e = m/2, e+1
	}
	s := (m - 1) / (m + 1)
	square := s * s
	total := 0.0
	for _, reciprocal := range reciprocals {
		total = float64(total*square) + reciprocal
	}
	return float64(float64(e)*0.6931471805599453) + float64(2*s*total)
}

// schedule is the sequence of a producer's intended sends, in nanoseconds from t0, ascending and without end. The function
// is that of docs/schedule.py.
type schedule struct {
	at      int64
	advance func(at int64) int64
}

// peek is the next intended send.
func (s *schedule) peek() int64 { return s.at }

// take is the next intended send, which is then past.
func (s *schedule) take() int64 {
	at := s.at
	s.at = s.advance(at)
	return at
}

// newSchedule is the schedule of producer index.
func newSchedule(of scheduleOrder, index uint64) (*schedule, error) {
	kind, text, _ := strings.Cut(of.Shape, ":")
	if of.Producers < 1 || of.Arrivals != "uniform" && of.Arrivals != "poisson" {
		return nil, fmt.Errorf("a schedule with arrivals %q of %d producers", of.Arrivals, of.Producers)
	}
	random := &splitMix{derive(of.Seed, of.Block, index)}
	if kind == "constant" {
		rate, err := strconv.ParseUint(text, 10, 63)
		if err != nil || rate == 0 {
			return nil, fmt.Errorf("a schedule of shape %q", of.Shape)
		}
		if of.Arrivals == "uniform" {
			return uniform(rate, index, of.Producers), nil
		}
		return poisson(1e15*float64(of.Producers)/float64(rate), random), nil
	}
	segments, err := parseSegments(text)
	if err != nil || kind != "hold" && kind != "repeat" {
		return nil, fmt.Errorf("a schedule of shape %q", of.Shape)
	}
	curve := newCurve(segments, kind == "repeat")
	if of.Arrivals == "uniform" {
		work, step := product(index, recordWork), product(of.Producers, recordWork)
		return &schedule{curve.instant(work), func(int64) int64 {
			work = work.plus(step)
			return curve.instant(work)
		}}, nil
	}
	work, mean := wide{}, 1e15*float64(of.Producers)
	advance := func(at int64) int64 {
		work = work.plus(wideOf(float64(-ln(random.unit())*mean) + 0.5))
		// Two sends within the rounding of the curve must not change places.
		return max(at, curve.instant(work))
	}
	return &schedule{advance(0), advance}, nil
}

// uniform goes from send to send by quotient and remainder: a division for each would cost more than all the rest.
func uniform(rate, index, producers uint64) *schedule {
	divided := func(work wide) (int64, uint64) {
		whole := work.over(wide{0, rate})
		return whole.instant(), work.minus(whole.times(rate)).lo
	}
	at, rest := divided(product(index, recordWork))
	gap, gapRest := divided(product(producers, recordWork))
	return &schedule{at, func(at int64) int64 {
		rest += gapRest
		carry := int64(0)
		if rest >= rate {
			rest -= rate
			carry = 1
		}
		return later(later(at, gap), carry)
	}}
}

func poisson(mean float64, random *splitMix) *schedule {
	advance := func(at int64) int64 {
		return later(at, wideOf(float64(-ln(random.unit())*mean)+0.5).instant())
	}
	return &schedule{advance(0), advance}
}

// later adds without passing the latest instant there is.
func later(at, gap int64) int64 {
	if gap > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + gap
}

// digest tells how many intended sends lie before end, and the SHA-256 of the first million of them.
func digest(s *schedule, end int64) (uint64, string) {
	count, sha := uint64(0), sha256.New()
	buffer := make([]byte, 0, 1<<16)
	for s.peek() < end {
		at := s.take()
		if count < hashed {
			if len(buffer) == cap(buffer) {
				sha.Write(buffer)
				buffer = buffer[:0]
			}
			buffer = binary.LittleEndian.AppendUint64(buffer, uint64(at))
		}
		count++
	}
	sha.Write(buffer)
	return count, hex.EncodeToString(sha.Sum(nil))
}
