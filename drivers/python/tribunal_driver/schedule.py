"""The schedule function tribunal-schedule/2: the intended sends of one producer, drawn in chunks.

Whatever is not exact in integers is done in IEEE doubles in the order that the function asks for; numpy's element-wise
operations are those of a scalar loop.
"""

import hashlib
import itertools

import numpy as np

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
RECORD = 10**15
LATEST = (1 << 63) - 1
HASHED = 1_000_000
# Sends drawn at once: some 100 µs of work. In uniform() CHUNK * RECORD has to fit into 63 bits.
CHUNK = 1024
# Below this a double is a whole number that int64 holds, also when CHUNK of them are summed up.
SMALL = float(1 << 52)


def mixed(state):
    """The output of SplitMix64 for a state, or for an array of states."""
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Gaps:
    """The random gaps of a Poisson process, in units of which `mean` make a record."""

    STEPS = np.arange(1, CHUNK + 1, dtype=np.uint64) * np.uint64(GAMMA)

    def __init__(self, seed, block, index, mean):
        self.state = 0
        for word in (seed, block, index):
            self.state = mixed(((self.state ^ word) + GAMMA) & MASK)
        self.mean = mean

    def next(self):
        """A chunk of gaps as doubles that hold whole numbers."""
        z = np.uint64(self.state) + self.STEPS
        self.state = (self.state + CHUNK * GAMMA) & MASK
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        unit = ((z >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * (1.0 / 9007199254740992.0)
        return np.trunc(-logarithm(unit) * self.mean + 0.5)


def logarithm(x):
    """The natural logarithm by the function's own series."""
    mantissa, exponent = np.frexp(x)
    m, e = mantissa * 2.0, exponent - 1
    high = m > 1.4142135623730951
    m, e = np.where(high, m / 2.0, m), np.where(high, e + 1, e)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    total = np.zeros_like(s)
    for k in range(21, 0, -2):
        total = total * square + 1.0 / float(k)
    return e.astype(np.float64) * 0.6931471805599453 + 2.0 * s * total


def sums(total, gaps):
    """Running sums of gaps after `total`, as exact integers: an array of int64 where they fit, else a list."""
    if gaps.max() < SMALL and total < LATEST >> 1:
        return total + np.cumsum(gaps.astype(np.int64))
    return list(itertools.accumulate(map(int, gaps.tolist()), initial=total))[1:]


def uniform(rate, index, producers):
    """Chunks of i * RECORD // rate for every i of this producer."""
    step, rest = divmod(producers * RECORD, rate)
    places = np.arange(CHUNK, dtype=np.int64)
    for first in itertools.count(index, CHUNK * producers):
        at, over = divmod(first * RECORD, rate)
        if rest * CHUNK + over <= LATEST and at + (step + 1) * CHUNK <= LATEST:
            yield at + places * step + (over + places * rest) // rate
        else:
            yield clipped([i * RECORD // rate for i in range(first, first + CHUNK * producers, producers)])


def clipped(instants):
    return np.array([min(instant, LATEST) for instant in instants], dtype=np.int64)


def poisson(rate, gaps):
    at = 0
    while True:
        drawn = sums(at, gaps.next())
        at = int(drawn[-1])
        yield drawn if isinstance(drawn, np.ndarray) else clipped(drawn)


class Shape:
    """Segments of (length, first rate, last rate), the last rate held or the whole repeated: where work becomes an instant.

    Works are asked for in ascending order.
    """

    def __init__(self, after, segments):
        self.after, self.segments = after, segments
        self.works = [(low + high) * length // 2 for length, low, high in segments]
        self.place = self.start = self.before = 0

    def instants(self, works):
        """The instants of a list of ascending works."""
        instants = []
        while len(instants) < len(works):
            rest = works[len(instants):]
            if self.place < len(self.segments):
                end = self.before + self.works[self.place]
                within = [work - self.before for work in itertools.takewhile(end.__gt__, rest)]
                if within:
                    instants += [self.start + at for at in self.offsets(within)]
                else:
                    self.start, self.before = self.start + self.segments[self.place][0], end
                    self.place += 1
            elif self.after == "hold":
                rate = self.segments[-1][2]
                instants += [self.start + (work - self.before) // rate for work in rest]
            else:
                rounds = (rest[0] - self.before) // sum(self.works)
                self.start += rounds * sum(length for length, _, _ in self.segments)
                self.before += rounds * sum(self.works)
                self.place = 0
        return clipped(instants)

    def offsets(self, within):
        """Nanoseconds from the beginning of the present segment to where each of these works has been asked for."""
        length, first, last = self.segments[self.place]
        if first == last:
            return [work // first for work in within]
        rises = first < last
        parts = within if rises else [self.works[self.place] - work for work in within]
        slow, steep = float(min(first, last)), float(abs(last - first))
        # float() of an int of any size is rounded to nearest, which numpy's conversion does not promise.
        twice = 2.0 * np.array([float(part) for part in parts])
        with np.errstate(invalid="ignore"):
            run = twice / (slow + np.sqrt(slow * slow + twice * steep / float(length)))
        at = run if rises else float(length) - run
        # No work at all is instant 0, whatever the direction.
        at = np.where(twice == 0.0, 0.0, at)
        return np.clip(at.astype(np.int64), 0, length - 1).tolist()


def shaped(shape, index, producers, gaps):
    total, latest = 0, 0
    for first in itertools.count(index, CHUNK * producers):
        if gaps is None:
            yield shape.instants([i * RECORD for i in range(first, first + CHUNK * producers, producers)])
            continue
        drawn = sums(total, gaps.next())
        works = drawn.tolist() if isinstance(drawn, np.ndarray) else drawn
        total = works[-1]
        at = np.maximum.accumulate(np.maximum(shape.instants(works), latest))
        latest = int(at[-1])
        yield at


def chunks(arrivals, shape, seed, block, index, producers):
    """Arrays of intended sends of producer `index` of `producers`, in nanoseconds from t0, ascending, without end."""
    kind, text = shape.split(":", 1)
    random = arrivals == "poisson"
    if kind == "constant":
        rate = int(text)
        if random:
            return poisson(rate, Gaps(seed, block, index, 1e15 * float(producers) / float(rate)))
        return uniform(rate, index, producers)
    segments = [tuple(int(number) for number in segment.split(":")) for segment in text.split(",")]
    gaps = Gaps(seed, block, index, 1e15 * float(producers)) if random else None
    return shaped(Shape(kind, segments), index, producers, gaps)


def digest(drawn, end):
    """How many intended sends lie before `end`, and the SHA-256 of the first million of them."""
    count, sha = 0, hashlib.sha256()
    for chunk in drawn:
        kept = chunk[: np.searchsorted(chunk, end)]
        if count < HASHED:
            sha.update(kept[: HASHED - count].astype("<i8").tobytes())
        count += len(kept)
        if len(kept) < len(chunk):
            return count, sha.hexdigest()
