"""The time in which a client was refusing records, so that it can be told apart from the driver's own lateness."""

import collections

import numpy as np


class Blocked:
    """Spells, begun and ended by the sender before it counts the record that ended one; all else is the recorder's.

    Instants are those of the host's clock. Intended sends are asked for in ascending order, so spells that ended before
    the oldest one still open can be forgotten.
    """

    def __init__(self):
        self.spells = collections.deque()
        self.began = None
        self.forgotten = 0

    def begin(self, now):
        if self.began is None:
            self.began = now

    def end(self, now):
        if self.began is not None:
            self.spells.append((self.began, now))
            self.began = None

    def forget(self, until):
        while self.spells and self.spells[0][1] <= until:
            begin, end = self.spells.popleft()
            self.forgotten += end - begin

    def within(self, intended, taken):
        """For each record the blocked time between these two instants; None if there was none at all."""
        self.forget(intended[0])
        if not self.spells:
            return None
        bounds = np.array(list(self.spells), np.float64)
        lengths = bounds[:, 1] - bounds[:, 0]
        totals = np.cumsum(lengths)
        values = np.column_stack((totals - lengths, totals)).ravel()
        until_taken, until_intended = (np.interp(at, bounds.ravel(), values) for at in (taken, intended))
        return (until_taken - until_intended).astype(np.int64)

    def until(self, instant):
        """All blocked time before an instant."""
        began, spells = self.began, list(self.spells)
        total = self.forgotten + sum(max(0, min(end, instant) - begin) for begin, end in spells)
        return total + (max(0, instant - began) if began is not None else 0)
