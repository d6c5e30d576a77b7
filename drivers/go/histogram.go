package main

import "math/bits"

// highest is the most microseconds that a bucket stands for; more is bucket 0.
const highest = 3_600_000_000

// bucketOf is the bucket of a latency in nanoseconds.
func bucketOf(nanoseconds int64) int {
	microseconds := max(nanoseconds/1000, 1)
	switch {
	case microseconds < 2048:
		return int(microseconds)
	case microseconds > highest:
		return 0
	}
	shift := bits.Len64(uint64(microseconds)) - 11
	return 1024*shift + int(microseconds>>shift)
}

// histogram counts latencies by bucket.
type histogram struct{ counts []uint64 }

func (h *histogram) add(nanoseconds int64) {
	h.addTimes(nanoseconds, 1)
}

func (h *histogram) addTimes(nanoseconds int64, times uint64) {
	bucket := bucketOf(nanoseconds)
	if bucket >= len(h.counts) {
		h.grow(bucket + 1)
	}
	h.counts[bucket] += times
}

func (h *histogram) grow(buckets int) {
	grown := make([]uint64, max(buckets, 2*len(h.counts), 1024))
	copy(grown, h.counts)
	h.counts = grown
}

func (h *histogram) merge(other *histogram) {
	if len(h.counts) < len(other.counts) {
		h.grow(len(other.counts))
	}
	for bucket, count := range other.counts {
		h.counts[bucket] += count
	}
}

// pairs are the buckets that hold something, ascending, with their counts.
func (h *histogram) pairs() [][2]uint64 {
	var pairs [][2]uint64
	for bucket, count := range h.counts {
		if count > 0 {
			pairs = append(pairs, [2]uint64{uint64(bucket), count})
		}
	}
	return pairs
}
