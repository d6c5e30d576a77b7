"""Where the sender and the client's callbacks leave what they saw of each record."""

import threading

import numpy as np

# Records of a block in an open loop, and in a closed one. Every array operation gives the interpreter's lock away, to threads
# that keep it for 5 ms: a saturated client pays for few operations on much, and others would only pay for the memory.
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
    are those of the host's clock. What callbacks store goes to lists, which takes a third of the time that an array takes;
    the recorder makes arrays of whole slices.
    """

    def __init__(self, callbacks, size):
        self.size = size
        self.done, self.offsets, self.partitions = ([0] * size for _ in range(3))
        self.accepted, self.intended, self.taken = (np.zeros(size, np.int64) for _ in range(3))
        self.booked = np.zeros(size, bool)
        self.begin(0)
        # Each callback knows its record, and serves every record that takes this place: none is made while load is on.
        self.callbacks = callbacks(self)

    def begin(self, first):
        self.first = first
        # Records dealt with; a shed one has the negative of the instant for its accepted send.
        self.sent = 0
        # Places filled with intended sends, and these as a list; none in a closed loop.
        self.drawn, self.due = 0, []
        # Closed loop: first tries of refused records.
        self.tries = {}
        self.done[:] = [0] * self.size
        self.seen = self.open = 0
        self.booked[:] = False

    def fail(self, place, instant, number, partition):
        self.offsets[place] = partition
        self.partitions[place] = number
        self.done[place] = instant

    def complete(self):
        """Whether every record is sent and reported; the last ones mostly are last."""
        return self.sent == self.size and self.done[-1] != 0 and self.done[self.size // 2] != 0 and 0 not in self.done
