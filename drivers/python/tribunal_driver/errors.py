"""Errors of a client that concern no single record."""

import collections
import threading

KEPT = 20
OTHERS = ("", "(others)")


class Errors:
    """How often which error was told, by any thread; past the first ones, all others together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()

    def add(self, name, text):
        with self.lock:
            known = (name, text) in self.counts or len(self.counts) < KEPT - 1
            self.counts[(name, text) if known else OTHERS] += 1

    def told(self):
        with self.lock:
            return [(name, text, count) for (name, text), count in self.counts.items()]
