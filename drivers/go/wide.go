package main

import (
	"math"
	"math/bits"
)

// wide is an unsigned integer of 128 bits: work of a schedule outgrows 64.
type wide struct{ hi, lo uint64 }

func product(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (w wide) plus(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	hi, _ := bits.Add64(w.hi, v.hi, carry)
	return wide{hi, lo}
}

func (w wide) minus(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	hi, _ := bits.Sub64(w.hi, v.hi, borrow)
	return wide{hi, lo}
}

func (w wide) below(v wide) bool {
	return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo
}

func (w wide) zero() bool { return w == wide{} }

func (w wide) half() wide {
	return wide{w.hi >> 1, w.hi<<63 | w.lo>>1}
}

// over divides, rounded down; v is not zero.
func (w wide) over(v wide) wide {
	if v.hi == 0 {
		hi, rest := w.hi/v.lo, w.hi%v.lo
		lo, _ := bits.Div64(rest, w.lo, v.lo)
		return wide{hi, lo}
	}
	var quotient uint64
	var rest wide
	for bit := 127; bit >= 0; bit-- {
		rest = wide{rest.hi<<1 | rest.lo>>63, rest.lo << 1}
		if bit >= 64 {
			rest.lo |= w.hi >> (bit - 64) & 1
		} else {
			rest.lo |= w.lo >> bit & 1
		}
		quotient <<= 1
		if !rest.below(v) {
			rest = rest.minus(v)
			quotient |= 1
		}
	}
	return wide{0, quotient}
}

func (w wide) times(n uint64) wide {
	low := product(w.lo, n)
	return wide{low.hi + w.hi*n, low.lo}
}

// float is the nearest double, ties to even.
func (w wide) float() float64 {
	if w.hi == 0 {
		return float64(w.lo)
	}
	shift := bits.Len64(w.hi)
	top := w.hi<<(64-shift) | w.lo>>shift
	if w.lo<<(64-shift) != 0 {
		// What was shifted out only decides ties.
		top |= 1
	}
	return math.Ldexp(float64(top), shift)
}

// instant is the number as nanoseconds, at most the latest there are.
func (w wide) instant() int64 {
	if w.hi != 0 || w.lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(w.lo)
}

// wideOf truncates a double that is not negative.
func wideOf(x float64) wide {
	if x < 1<<63 {
		return wide{0, uint64(x)}
	}
	fraction, exponent := math.Frexp(x)
	mantissa := uint64(math.Ldexp(fraction, 64))
	shift := exponent - 64
	if shift <= 0 {
		return wide{0, mantissa >> -shift}
	}
	return wide{mantissa >> (64 - shift), mantissa << shift}
}
