"""The thread that offers records to one client: the intended sends of a schedule, or as many as the client takes."""

import bisect
import collections
import ctypes
import threading
import time

import numpy as np

from .block import LARGE, SIZE, Block
from .blocked import Blocked

# How often a sleeping sender looks at what others have told it.
LOOK = 20_000_000
SPARE = 4

PR_SET_TIMERSLACK = 29


def sleep_precisely():
    """Ends the kernel's habit of waking this thread up to 50 µs late."""
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)


class Sender:
    """The load of one producer. Only its thread offers records; what it leaves for the recorder is in blocks."""

    def __init__(self, client, content, windows, drawn, shed, together, short):
        """`drawn`: chunks of intended sends, or None for a closed loop; `together`: producers of this process; `short` is called
        when no block is spare, so that full ones are booked."""
        self.client, self.content, self.windows = client, content, windows
        self.chunks, self.shed = drawn, shed
        self.short = short
        self.ending = False
        self.t0 = self.start_error = self.load_end = None
        self.queue_full = 0
        self.blocked = Blocked()
        # Every intended send before this instant from t0 has been dealt with.
        self.frontier = 0
        self.records = 0
        self.refused = None
        self.size = SIZE if drawn is not None else max(SIZE, LARGE // together)
        self.spare = collections.deque(Block(client, self.size) for _ in range(SPARE))
        self.blocks = collections.deque()
        self.thread = threading.Thread(target=self.run, name="sender", daemon=True)

    def start(self, t0):
        self.t0 = t0
        self.thread.start()

    def run(self):
        sleep_precisely()
        clock = time.monotonic_ns
        while (wait := self.t0 - clock()) > 0 and not self.ending:
            time.sleep(min(wait, LOOK) / 1e9)
        self.start_error = clock() - self.t0
        self.send()
        self.client.sender_ends()
        self.leave()

    def leave(self):
        """The load has ended, whether or not the client still holds this thread."""
        if self.load_end is None:
            now = time.monotonic_ns()
            self.blocked.end(now)
            self.load_end = now - self.t0

    def send(self):
        clock, client, t0 = time.monotonic_ns, self.client, self.t0
        block = self.next_block()
        while True:
            now = clock()
            if self.ending or now - t0 >= self.windows.deadline:
                return
            place = block.sent
            if place == block.size:
                block = self.next_block()
                continue
            if self.chunks is None:
                stop = min(place + client.RUN, block.size)
            else:
                if place == block.drawn:
                    self.draw(block)
                due = block.due
                stop = bisect.bisect_right(due, now - t0, place, min(place + client.RUN, len(due)))
                if stop == place:
                    self.frontier = due[place]
                    client.rest(min(t0 + due[place], now + LOOK))
                    continue
            waits = self.offer(block, place, stop)
            self.frontier = self.dealt_with(block)
            if waits:
                client.wait_for_room()

    def offer(self, block, place, stop):
        """Offers records until one is refused, and says whether that one waits."""
        taken = self.client.offer(block, place, stop, self.content)
        if taken > place:
            self.refused = None
            self.blocked.end(int(block.accepted[place]))
            block.sent = taken
        if taken == stop:
            return False
        self.queue_full += 1
        now = int(block.accepted[taken])
        if self.chunks is None:
            # Of its first try, if it has had one.
            if block.intended[taken] == 0:
                block.intended[taken] = now - self.t0
        elif self.shed:
            # Nothing waits, so the client is known to be full only from one refusal to the next.
            if self.refused is not None:
                self.blocked.begin(self.refused)
                self.blocked.end(now)
            self.refused = now
            block.accepted[taken] = -now
            block.sent = taken + 1
            return False
        self.blocked.begin(now)
        return True

    def dealt_with(self, block):
        if self.chunks is None:
            tried = block.intended[block.sent] if block.sent < block.size else 0
            return int(tried) or time.monotonic_ns() - self.t0
        return block.due[min(block.sent, block.drawn - 1)]

    def next_block(self):
        # The latest one is in the processor's caches.
        block = self.spare.pop() if self.spare else Block(self.client, self.size)
        block.first = self.records
        self.records += self.size
        self.blocks.append(block)
        if not self.spare:
            self.short()
        return block

    def draw(self, block):
        chunk = next(self.chunks)
        block.intended[block.drawn : block.drawn + len(chunk)] = chunk
        block.due += chunk.tolist()
        block.drawn += len(chunk)

    def left(self, until):
        """After the end: the intended sends before `until`, from t0, that have not been dealt with."""
        if self.chunks is None:
            return
        block = self.blocks[-1]
        chunk = block.intended[block.sent : block.drawn]
        while True:
            kept = chunk[: np.searchsorted(chunk, until)]
            yield kept
            if len(kept) < len(chunk):
                return
            chunk = next(self.chunks)
