package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
)

const second = 1_000_000_000

// Parts of a trial, by intended send.
const (
	warmUp = iota
	window
	coolDown
)

var partNames = [3]string{"warm_up", "window", "cool_down"}

// windows are a trial's instants, in nanoseconds from t0. While t1 may still be put off it lies as late as it can.
type windows struct{ t1, t2, deadline int64 }

func windowsFrom(t1 int64, arm *armOrder) *windows {
	t2 := t1 + arm.Measure
	return &windows{t1, t2, t2 + arm.Drain}
}

func (w *windows) part(intended int64) int {
	switch {
	case intended < w.t1:
		return warmUp
	case intended < w.t2:
		return window
	}
	return coolDown
}

// edgeAfter is the first edge of the sample grid after an instant.
func (w *windows) edgeAfter(instant int64) int64 {
	origin, end := int64(0), w.t1
	switch {
	case instant >= w.t2:
		origin, end = w.t2, math.MaxInt64
	case instant >= w.t1:
		origin, end = w.t1, w.t2
	}
	return min(origin+((instant-origin)/second+1)*second, end)
}

// readBodies reads the payload pool in a file of the agent.
func readBodies(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	words := uint64(len(data) / 8)
	if words < 2 || binary.LittleEndian.Uint64(data) == 0 || binary.LittleEndian.Uint64(data) > words-1 {
		return nil, fmt.Errorf("%s holds no payload pool", path)
	}
	pool := make([][]byte, binary.LittleEndian.Uint64(data))
	rest := data[8+8*len(pool):]
	from := uint64(0)
	for i := range pool {
		to := binary.LittleEndian.Uint64(data[8+8*i:])
		if to < from || to > uint64(len(rest)) {
			return nil, fmt.Errorf("%s: body %d from %d to %d of %d bytes", path, i, from, to, len(rest))
		}
		pool[i] = rest[from:to:to]
		from = to
	}
	return pool, nil
}

// readKeys reads the keys of a producer's records, to be used again and again.
func readKeys(path string) ([]uint64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < 8 {
		return nil, fmt.Errorf("%s holds no keys", path)
	}
	keys := make([]uint64, len(data)/8)
	for i := range keys {
		keys[i] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return keys, nil
}
