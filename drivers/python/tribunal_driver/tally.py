"""What is counted of one part of the trial in one sample."""

import collections

from .native import Histogram

LATENCIES = ("send_lag", "schedule_delay", "response", "service", "censored")


class Tally:
    def __init__(self):
        self.counts = collections.Counter()
        self.latencies = {name: Histogram() for name in LATENCIES}
        self.failed = collections.defaultdict(Histogram)

    def pair(self, first, second):
        return self.latencies[first], self.latencies[second]

    def told(self):
        told = {name: count for name, count in self.counts.items() if count}
        told.update((name, latencies.told()) for name, latencies in self.latencies.items() if latencies.total)
        if self.failed:
            told["failed"] = {error: latencies.told() for error, latencies in self.failed.items()}
        return told
