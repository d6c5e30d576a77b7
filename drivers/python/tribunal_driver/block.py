"""Where the sender and the client's callbacks leave what they saw of each record."""

import functools
import threading

import numpy as np

from .native import Places

# Records of a block in an open loop, and in a closed one, where many more come between two samples: the thread that books is
# woken for samples, and otherwise only when no block is spare, as each waking holds up a client that shares a lock with it.
SIZE, LARGE = 8192, 65536


class Failures:
    """Error names as numbers below −1, so that one of them can stand where a partition would."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers, self.known = {}, []

    def number(self, name, certain):
        """`certain`: the broker cannot have the record."""
        with self.lock:
            if (name, certain) not in self.numbers:
                self.numbers[name, certain] = -2 - len(self.known)
                self.known.append((name, certain))
            return self.numbers[name, certain]

    def of(self, number):
        return self.known[-2 - number]


class Block:
    """Records `first` to `first + size` of one producer.

    The sender owns `accepted`, `sent` and what it has drawn; the client's callbacks own `offsets`, `partitions` and `done`,
    which is written last; the recorder owns what is below and begins a block anew once it has booked all of it. Instants
    are those of the host's clock. What is done for each record is done by `places`, in C.
    """

    def __init__(self, client, size):
        self.size = size
        # A shed record has the negative of the instant for its accepted send.
        self.accepted, self.done, self.offsets, self.partitions = (np.zeros(size, np.int64) for _ in range(4))
        # From t0. In a closed loop the sender notes the first try of a refused record, and booking fills in the rest.
        self.intended, self.taken = (np.zeros(size, np.int64) for _ in range(2))
        self.booked = np.zeros(size, np.uint8)
        # What the client gave for each record that has no report yet.
        self.futures = [None] * size if client.FUTURES else None
        self.places = Places(
            *(client.counts, functools.partial(client.failed, self), self.futures),
            *(self.accepted, self.done, self.offsets, self.partitions, self.intended, self.taken, self.booked),
        )
        self.begin(0)

    def begin(self, first):
        self.first = first
        # Records dealt with.
        self.sent = 0
        # Places filled with intended sends, and these as a list; none in a closed loop.
        self.drawn, self.due = 0, []
        self.places.begin()
