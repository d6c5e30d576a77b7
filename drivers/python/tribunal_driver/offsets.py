"""Offsets of acknowledged records."""

import numpy as np

# A partition and an offset in one number: offsets below 2^44, partitions below 2^19.
SHIFT = 44
# Runs that are kept apart before neighbours are joined.
MANY = 10_000


class Offsets:
    """Offsets by partition, as runs of consecutive ones."""

    def __init__(self):
        self.runs, self.length = [], 0

    def keep(self, taken):
        """Adds what was taken from a log."""
        if not taken:
            return
        runs = np.frombuffer(taken, np.int64).reshape(-1, 2)
        self.runs.append((runs[:, 0], runs[:, 1]))
        self.length += len(runs)
        if self.length > MANY:
            self.join()

    def join(self):
        """Sorts the runs and joins neighbours; overlaps, which would be a broken log, stay."""
        firsts, lengths = (np.concatenate(parts) for parts in zip(*self.runs))
        order = np.argsort(firsts, kind="stable")
        firsts, lengths = firsts[order], lengths[order]
        begins = np.flatnonzero(np.concatenate(([True], firsts[1:] != firsts[:-1] + lengths[:-1])))
        self.runs = [(firsts[begins], np.add.reduceat(lengths, begins))]
        # Many runs that no neighbour joins are not sorted again with each addition.
        self.length = 0

    def told(self):
        """Partition and its runs of first offset and length."""
        if not self.runs:
            return []
        self.join()
        ((firsts, lengths),) = self.runs
        told = {}
        for number, length in zip(firsts.tolist(), lengths.tolist()):
            told.setdefault(number >> SHIFT, []).append((number & ((1 << SHIFT) - 1), length))
        return list(told.items())
