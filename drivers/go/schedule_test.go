package main

import (
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestEveryPublishedVectorHolds(t *testing.T) {
	text, err := os.ReadFile("../../docs/schedule-vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 9 || words[0] == "#" {
			continue
		}
		var numbers [6]uint64
		for i := range numbers {
			if numbers[i], err = strconv.ParseUint(words[2+i], 10, 64); err != nil {
				t.Fatal(line, err)
			}
		}
		of := scheduleOrder{words[0], words[1], numbers[0], numbers[1], numbers[3]}
		planned, err := newSchedule(of, numbers[2])
		if err != nil {
			t.Fatal(line, err)
		}
		if count, sha := digest(planned, int64(numbers[4])); count != numbers[5] || sha != words[8] {
			t.Errorf("%s: %d %s", strings.TrimSpace(line), count, sha)
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("only %d vectors", checked)
	}
}

func TestWideNumbersAreExact(t *testing.T) {
	values := []uint64{0, 1, 2, 3, 1e15, 1 << 53, 1<<53 + 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}
	exact := func(w wide) *big.Int {
		hi := new(big.Int).Lsh(new(big.Int).SetUint64(w.hi), 64)
		return hi.Add(hi, new(big.Int).SetUint64(w.lo))
	}
	for _, a := range values {
		for _, b := range values {
			w := wide{a, b}
			float, _ := new(big.Float).SetInt(exact(w)).Float64()
			if w.float() != float {
				t.Errorf("%v as a double: %v, not %v", w, w.float(), float)
			}
			if float < 0x1p128 && exact(wideOf(float)).Cmp(truncated(float)) != 0 {
				t.Errorf("%v truncated: %v", float, wideOf(float))
			}
			for _, c := range values {
				for _, by := range []wide{{0, c}, {c, b}} {
					if by.zero() {
						continue
					}
					want := new(big.Int).Div(exact(w), exact(by))
					if got := w.over(by); exact(got).Cmp(want) != 0 {
						t.Errorf("%v over %v: %v, not %v", w, by, got, want)
					}
				}
			}
		}
	}
}

func truncated(x float64) *big.Int {
	whole, _ := new(big.Float).SetFloat64(x).Int(nil)
	return whole
}
