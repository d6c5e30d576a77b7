"""What a trial asks for, read from *arm*: its parts and sample grid, and what records carry."""

import array
import struct
import sys

import numpy as np

SECOND = 1_000_000_000
LATEST = (1 << 63) - 1
PARTS = ("warm_up", "window", "cool_down")


class Windows:
    """t1 and t2, in nanoseconds from t0."""

    def __init__(self, arm):
        self.measure, self.drain = arm["measure_ns"], arm["drain_ns"]
        self.announce(arm["warm_up_ns"] + arm["settle_ns"])

    def announce(self, t1):
        # One assignment, so that no other thread sees an old t1 with a new t2.
        self.edges = t1, t1 + self.measure

    @property
    def t2(self):
        return self.edges[1]

    @property
    def deadline(self):
        return self.t2 + self.drain

    def slices(self, intended):
        """Number and slice of each part that some of these ascending intended sends fall in."""
        bounds = [0, *np.searchsorted(intended, self.edges).tolist(), len(intended)]
        return [(part, slice(a, b)) for part, (a, b) in enumerate(zip(bounds, bounds[1:])) if a < b]

    def part(self, intended):
        """Number of the part that an intended send falls in."""
        return sum(intended >= edge for edge in self.edges)

    def edge_after(self, instant):
        """The next edge of the sample grid."""
        t1, t2 = self.edges
        origin, end = (0, t1) if instant < t1 else (t1, t2) if instant < t2 else (t2, LATEST)
        return min(origin + (instant - origin) // SECOND * SECOND + SECOND, end)


def bodies(path):
    """The payload pool in a file of the agent."""
    with open(path, "rb") as file:
        data = file.read()
    (count,) = struct.unpack_from("<Q", data)
    ends = struct.unpack_from(f"<{count}Q", data, 8)
    start = 8 + 8 * count
    return [data[start + a : start + b] for a, b in zip((0, *ends), ends)]


def keys(path):
    """Keys of the records in order, to be used again and again; one that is none for no keys."""
    if path is None:
        return [None]
    values = array.array("Q")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    if sys.byteorder == "big":
        values.byteswap()
    return [b"%d" % value for value in values]


class Cycle:
    """A list that begins anew at its end."""

    def __init__(self, items, first=0):
        self.items, self.first = items, first

    def at(self, record):
        """The list, and where in it a record's item is."""
        return self.items, (self.first + record) % len(self.items)

    def sizes(self):
        """The bytes of each item, and the place of record 0's: one number for all if they are of one size."""
        each = np.array([len(item or b"") for item in self.items], np.int64)
        return (each[:1] if (each == each[0]).all() else each), self.first


class Content:
    """What the records of one producer carry: record r from 0."""

    def __init__(self, arm, producer, pool, unassigned):
        """`unassigned`: the client's word for a partition of its own choice."""
        assigned = arm["partitioner"] == "assigned"
        self.values = Cycle(pool, producer["first_body"])
        self.keys = Cycle(keys(producer["keys"]))
        self.sizes = self.values.sizes(), self.keys.sizes()
        self.partitions = Cycle(list(range(arm["partitions"])) if assigned else [unassigned])

    def at(self, record):
        """Values, keys and partitions from `record` on: lists that begin anew, and where to begin in them."""
        return self.values.at(record), self.keys.at(record), self.partitions.at(record)
