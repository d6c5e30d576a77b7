#!/usr/bin/env python3
"""The schedule function tribunal-schedule/2, as a reference for other languages.

It shares no code with crates/engine/src/schedule.rs, which describes the function; both have to give the bits of
docs/schedule-vectors.txt.

    python3 docs/schedule.py --check                 compares with every published vector
    python3 docs/schedule.py ARRIVALS SHAPE SEED BLOCK INDEX PRODUCERS END_NS
                                                     prints the count of intended sends before END_NS, and the SHA-256 of
                                                     the first million of them as little-endian 64-bit integers
    python3 docs/schedule.py --first N ARRIVALS ...  prints the first N intended sends, in nanoseconds from t0

ARRIVALS is uniform or poisson. SHAPE is constant:RATE, hold:SEGMENTS or repeat:SEGMENTS, where SEGMENTS is
LENGTH_NS:FROM:TO,... and rates are in millionths of a record per second. Python's floats are IEEE doubles, its int() to
float conversion rounds to nearest, ties to even, and math.sqrt is the correctly rounded one: what the function asks for.
"""

import hashlib
import math
import pathlib
import sys

MASK = (1 << 64) - 1
RECORD = 10**15
LATEST = (1 << 63) - 1
HASHED = 1_000_000


class SplitMix64:
    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def unit(self):
        """Uniform in (0, 1], a multiple of 2^-53."""
        return float((self.next() >> 11) + 1) * (1.0 / 9007199254740992.0)


def derive(*words):
    seed = 0
    for word in words:
        seed = SplitMix64(seed ^ word).next()
    return seed


def ln(x):
    """The natural logarithm by a fixed series; not math.log, whose last bits depend on the platform."""
    mantissa, exponent = math.frexp(x)  # x = mantissa * 2**exponent, mantissa in [0.5, 1)
    m, e = mantissa * 2.0, exponent - 1
    if m > 1.4142135623730951:
        m, e = m / 2.0, e + 1
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    total = 0.0
    for k in range(21, 0, -2):
        total = total * square + 1.0 / float(k)
    return float(e) * 0.6931471805599453 + 2.0 * s * total


def work_of(segment):
    length, low, high = segment
    return (low + high) * length // 2


def offset(segment, within):
    """Nanoseconds from the segment's beginning to where `within` of its work has been asked for."""
    length, first, last = segment
    if first == last:
        return within // first
    rises = first < last
    part = within if rises else work_of(segment) - within
    if part == 0:
        return 0
    slow, steep = float(min(first, last)), float(abs(last - first))
    twice = 2.0 * float(part)
    run = twice / (slow + math.sqrt(slow * slow + twice * steep / float(length)))
    at = run if rises else float(length) - run
    return min(max(int(at), 0), length - 1)


def instants(after, segments, works):
    """The instant of each of the ascending amounts of work."""
    whole_length = sum(segment[0] for segment in segments)
    whole_work = sum(work_of(segment) for segment in segments)
    place, start, before = 0, 0, 0
    for work in works:
        while True:
            if place < len(segments):
                segment = segments[place]
                if work - before < work_of(segment):
                    yield min(start + offset(segment, work - before), LATEST)
                    break
                place, start, before = place + 1, start + segment[0], before + work_of(segment)
            elif after == "hold":
                yield min(start + (work - before) // segments[-1][2], LATEST)
                break
            else:
                rounds = (work - before) // whole_work
                place, start, before = 0, start + rounds * whole_length, before + rounds * whole_work


def schedule(arrivals, shape, seed, block, index, producers):
    """The intended sends of producer `index` of `producers`, in nanoseconds from t0, without end."""
    kind, text = shape.split(":", 1)
    random = SplitMix64(derive(seed, block, index))
    if kind == "constant":
        rate = int(text)
        if arrivals == "uniform":
            i = index
            while True:
                yield i * RECORD // rate
                i += producers
        mean = 1e15 * float(producers) / float(rate)
        at = 0
        while True:
            at += int(-ln(random.unit()) * mean + 0.5)
            yield at
    segments = [tuple(int(number) for number in segment.split(":")) for segment in text.split(",")]

    def works():
        if arrivals == "uniform":
            i = index
            while True:
                yield i * RECORD
                i += producers
        mean = 1e15 * float(producers)
        work = 0
        while True:
            work += int(-ln(random.unit()) * mean + 0.5)
            yield work

    latest = 0
    for at in instants(kind, segments, works()):
        latest = max(latest, at) if arrivals == "poisson" else at
        yield latest


def digest(arrivals, shape, seed, block, index, producers, end):
    count, sha = 0, hashlib.sha256()
    for at in schedule(arrivals, shape, seed, block, index, producers):
        if at >= end:
            return count, sha.hexdigest()
        if count < HASHED:
            sha.update(at.to_bytes(8, "little"))
        count += 1


def parsed(words):
    return (words[0], words[1], *(int(word) for word in words[2:]))


def check():
    wrong = 0
    for line in (pathlib.Path(__file__).parent / "schedule-vectors.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        *what, count, sha = line.split()
        told = digest(*parsed(what))
        good = told == (int(count), sha)
        wrong += not good
        print("same " if good else "WRONG", *what, *(() if good else told))
    return 1 if wrong else 0


def main(words):
    if words == ["--check"]:
        return check()
    if words[:1] == ["--first"]:
        sends = schedule(*parsed(words[2:8]))
        for _ in range(int(words[1])):
            print(next(sends))
        return 0
    if len(words) != 7:
        print(__doc__, file=sys.stderr)
        return 2
    print(*digest(*parsed(words)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
