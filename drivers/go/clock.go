package main

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// clock shows CLOCK_MONOTONIC in nanoseconds. The runtime reads the same clock of the kernel without a system call, but
// counts it from an origin of its own; the two are tied together once.
type clock struct {
	base time.Time
	// What CLOCK_MONOTONIC showed at base, and by how much that may be off.
	atBase, bound int64
}

// newClock brackets a reading of the runtime between two of the kernel, and keeps the narrowest bracket of many.
func newClock() clock {
	best := clock{bound: math.MaxInt64}
	for range 100 {
		before := kernelTime()
		base := time.Now()
		after := kernelTime()
		if half := (after - before + 1) / 2; half < best.bound {
			best = clock{base: base, atBase: before + half, bound: half}
		}
	}
	return best
}

func kernelTime() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

func (c clock) now() int64 {
	return c.atBase + int64(time.Since(c.base))
}

// reading is what the runtime's clock shows at an instant.
func (c clock) reading(instant int64) time.Time {
	return c.base.Add(time.Duration(instant - c.atBase))
}

// sleepPrecisely lets the calling thread sleep to the nanosecond instead of the 50 µs by which Linux may delay wake-ups.
// Where the kernel refuses, the schedule delay shows it.
func sleepPrecisely() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
}

// sleepUntil blocks the calling thread: the runtime's own timers end up to a millisecond late.
func sleepUntil(instant int64) {
	until := unix.NsecToTimespec(instant)
	for kernelTime() < instant {
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &until, nil)
	}
}
