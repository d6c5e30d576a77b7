"""What is counted of one part of the trial in one sample."""

import collections

import numpy as np

HIGHEST_US = 3_600_000_000


def buckets(nanoseconds):
    """The bucket of each latency of an array, as PROTOCOL.md has it; 0 beyond an hour."""
    microseconds = np.maximum(nanoseconds // 1000, 1)
    # The exponent of a double is the place of its highest digit; numbers below 2^11 are their own bucket.
    shift = np.maximum((microseconds.astype(np.float64).view(np.int64) >> 52) - (1023 + 10), 0)
    found = 1024 * shift + (microseconds >> shift)
    if microseconds.max(initial=0) > HIGHEST_US:
        found[microseconds > HIGHEST_US] = 0
    return found


class Distribution:
    def __init__(self):
        self.counts = np.zeros(0, np.int64)

    def add(self, nanoseconds):
        """Counts an array of latencies, and says how many were in each bucket."""
        # In a closed loop most of them are none at all.
        least = nanoseconds.max(initial=0) < 2000
        return self.add_counts(np.array([0, len(nanoseconds)]) if least else np.bincount(buckets(nanoseconds)))

    def add_counts(self, counts):
        if len(counts) > len(self.counts):
            self.counts = np.concatenate((self.counts, np.zeros(len(counts) - len(self.counts), np.int64)))
        self.counts[: len(counts)] += counts
        return counts

    def told(self):
        places = np.flatnonzero(self.counts)
        return list(zip(places.tolist(), self.counts[places].tolist()))


class Tally:
    def __init__(self):
        self.counts = collections.Counter()
        self.latencies = collections.defaultdict(Distribution)
        self.failed = collections.defaultdict(Distribution)

    def told(self):
        told = {name: count for name, count in self.counts.items() if count}
        told.update((name, latencies.told()) for name, latencies in self.latencies.items())
        if self.failed:
            told["failed"] = {error: latencies.told() for error, latencies in self.failed.items()}
        return told
