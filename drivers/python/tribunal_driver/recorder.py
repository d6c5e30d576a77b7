"""What is counted: the books of one producer, from what its sender and its client's callbacks leave in blocks."""

import collections

import numpy as np

from .native import Log
from .offsets import MANY, Offsets
from .tally import Tally
from .trial import PARTS


class Recorder:
    """Owner of every count of a producer. Its thread books whole slices, in C and without the interpreter's lock."""

    def __init__(self, windows, content, sender, client, failures, arm):
        self.windows, self.content, self.sender, self.client, self.failures = windows, content, sender, client, failures
        self.record = arm["record"]
        # With acks 0 a success is only a write to a socket.
        self.success = "possibly_written" if client.blind else "acknowledged"
        self.t0 = 0
        self.start = 0
        self.sent, self.reported = np.zeros(3, np.int64), np.zeros(3, np.int64)
        self.scheduled, self.resolved_by = np.zeros(3, np.int64), np.zeros(2, np.int64)
        # Records by partition that the client said are written, and those that may be; −1 for one that it did not name.
        self.log, self.perhaps = Log(arm["offsets"] and not client.blind), collections.Counter()
        self.offsets = Offsets()
        self.first_send = None
        self.ended = False
        self.unresolved = []
        self.told_full = self.told_blocked = 0
        self.begin()

    def begin(self):
        self.tallies = [Tally() for _ in PARTS]
        self.bytes = self.written_blind = 0

    def pairs(self, first, second):
        """Two histograms of each part, or none where latencies are not recorded."""
        return tuple(tally.pair(first, second) for tally in self.tallies) if self.record else None

    def book(self, until, all_blocks):
        """Books what was seen before `until`, from t0: of every block, or only of those that are full."""
        if self.ended:
            return
        instant = self.t0 + until
        blocks = list(self.sender.blocks)
        for block in blocks:
            if all_blocks or block.sent == block.size:
                self.book_sends(block, instant)
                self.book_reports(block, instant)
            # The sender may still be looking at its latest block.
            if block.places.open == block.size and block is not blocks[-1]:
                self.sender.blocks.remove(block)
                block.begin(0)
                self.sender.spare.append(block)

    def book_sends(self, block, until):
        first, last = block.places.seen, block.sent
        # Blocked time is asked for in ascending order: not for what is booked later.
        if first == last or abs(int(block.accepted[first])) >= until:
            return
        closed = self.sender.chunks is None
        blocked = None if closed else self.blocked(block.intended[first:last], block.accepted[first:last])
        pairs = self.pairs("send_lag", "schedule_delay")
        told = block.places.book_sends(last, until, self.t0, self.windows.edges, closed, blocked, pairs)
        taken, late, shed, resolved, place = told
        self.sent += taken
        self.resolved_by += resolved
        for part, tally in enumerate(self.tallies):
            self.scheduled[part] += taken[part] + shed[part]
            tally.counts.update(scheduled=taken[part] + shed[part], late_sends=late[part], shed=shed[part])
        if self.first_send is None and place >= 0:
            self.first_send = [int(block.intended[place]), int(block.taken[place])]

    def blocked(self, intended, accepted):
        """For each record the time in which the client was refusing records while it waited."""
        within = self.sender.blocked.within(intended + self.t0, np.abs(accepted))
        return None if within is None else np.ascontiguousarray(within)

    def book_reports(self, block, until):
        if block.places.open == block.places.seen:
            return
        pairs = None if self.client.blind else self.pairs("response", "service")
        told = block.places.book_reports(until, self.t0, self.windows.edges, self.log, pairs, block.first, *self.content.sizes)
        acknowledged, resolved, size, failed = told
        self.resolved_by += resolved
        self.reported += acknowledged
        for part, tally in enumerate(self.tallies):
            tally.counts[self.success] += acknowledged[part]
        if self.client.blind:
            self.written_blind += sum(acknowledged)
        else:
            self.bytes += size
        if self.log.waiting > MANY:
            self.offsets.keep(self.log.take())
        for place in failed:
            self.book_failure(block, place)

    def book_failure(self, block, place):
        number = int(block.partitions[place])
        if number == -1:
            raise ValueError("a delivery report without an error names no partition")
        name, certain = self.failures.of(number)
        intended = int(block.intended[place])
        part = self.windows.part(intended)
        self.reported[part] += 1
        self.tallies[part].counts["not_written" if certain else "possibly_written"] += 1
        if self.record:
            self.tallies[part].failed[name].add(int(block.done[place]) - self.t0 - intended)
        if not certain:
            self.perhaps[int(block.offsets[place])] += 1

    def window_resolved(self, now):
        """Whether every record of the window has its final word; to be asked once `now` is past t2."""
        dealt_with = self.sender.frontier >= self.windows.t2
        self.book(now, all_blocks=True)
        return dealt_with and bool(self.reported[1] == self.sent[1])

    def resolved(self, now):
        self.book(now, all_blocks=True)
        return bool((self.reported == self.sent).all())

    def cut(self, end):
        """The sample from the last cut to `end`, from t0."""
        self.book(end, all_blocks=True)
        if self.sender.chunks is None:
            self.sender.blocked.forget(self.t0 + end)
        full, blocked = self.sender.queue_full, max(self.told_blocked, self.sender.blocked.until(self.t0 + end))
        sample = {
            "start_ns": self.start,
            "end_ns": end,
            "parts": {name: told for name, tally in zip(PARTS, self.tallies) if (told := tally.told())},
            "queue_full": full - self.told_full,
            "blocked_ns": blocked - self.told_blocked,
            "in_flight": int((self.sent - self.reported).sum()),
            "acknowledged_bytes": self.bytes,
            "written_blind": self.written_blind,
            "client": self.client.numbers(),
        }
        self.start, self.told_full, self.told_blocked = end, full, blocked
        self.begin()
        return sample

    def finish(self, now):
        """The end: what has no report by `now` is unresolved, what was not taken is unsent. The last sample."""
        self.book(now, all_blocks=True)
        self.ended = True
        for block in self.sender.blocks:
            places = np.flatnonzero(block.booked[: block.places.seen] == 0)
            if len(places):
                self.give_up("unresolved", block.intended[places], now)
                self.unresolved.append((block, places.tolist()))
        load_end = self.sender.load_end
        for intended in self.sender.left(max(load_end, self.windows.t2)):
            for part, places in self.windows.slices(intended):
                self.scheduled[part] += places.stop - places.start
                self.tallies[part].counts["scheduled"] += places.stop - places.start
            self.give_up("unsent", intended, load_end)
        return self.cut(now)

    def give_up(self, fate, intended, now):
        for part, places in self.windows.slices(intended):
            self.tallies[part].counts[fate] += places.stop - places.start
            for age in (now - intended[places]).tolist() if self.record else ():
                self.tallies[part].latencies["censored"].add(age)

    def silent(self):
        """How many unresolved records still have no report."""
        return sum(int(np.count_nonzero(block.done[places] == 0)) for block, places in self.unresolved)

    def book_unresolved(self):
        """Where unresolved records may be, by what the client said of them since."""
        for block, places in self.unresolved:
            for place in places:
                done, partition = block.done[place], int(block.partitions[place])
                if not done:
                    self.perhaps[self.client.partition_of(block, place)] += 1
                elif partition >= -1:
                    self.perhaps[partition] += 1
                elif not self.failures.of(partition)[1]:
                    self.perhaps[int(block.offsets[place])] += 1

    def report(self):
        """What is told once, at the end."""
        missing = self.silent() if self.client.purges else 0
        self.book_unresolved()
        in_log = collections.Counter(dict(enumerate(self.log.counts())))
        if self.client.blind:
            self.perhaps, in_log = self.perhaps + in_log, collections.Counter()
        partitions = [(number, in_log[number], self.perhaps[number]) for number in sorted({*in_log, *self.perhaps})]
        self.offsets.keep(self.log.take())
        backlog = np.cumsum(self.scheduled)[:2] - self.resolved_by
        return {
            "load_end_ns": self.sender.load_end,
            "start_error_ns": self.sender.start_error,
            "first_send": self.first_send,
            "backlog": np.maximum(backlog, 0).tolist(),
            "partitions": [counts for counts in partitions if any(counts[1:])],
            "offsets": self.offsets.told(),
            "missing": missing,
            "errors": self.client.errors.told(),
        }
