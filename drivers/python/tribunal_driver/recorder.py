"""What is counted: the books of one producer, from what its sender and its client's callbacks leave in blocks."""

import numpy as np

from .offsets import Offsets
from .tally import Tally
from .trial import PARTS

LATE = 1_000_000


class Recorder:
    """Owner of every count of a producer. Its thread books whole slices; nothing is done per record."""

    def __init__(self, windows, content, sender, client, failures, arm):
        self.windows, self.content, self.sender, self.client, self.failures = windows, content, sender, client, failures
        self.keep_offsets, self.record = arm["offsets"], arm["record"]
        # With acks 0 a success is only a write to a socket.
        self.success = "possibly_written" if client.blind else "acknowledged"
        self.t0 = 0
        self.start = 0
        self.sent, self.reported = np.zeros(3, np.int64), np.zeros(3, np.int64)
        self.scheduled, self.resolved_by = np.zeros(3, np.int64), np.zeros(2, np.int64)
        self.in_log, self.perhaps = np.zeros(1, np.int64), np.zeros(1, np.int64)
        # Records that may be in the log of a partition that the client did not name.
        self.perhaps_somewhere = 0
        self.offsets = Offsets()
        self.first_send = None
        self.ended = False
        self.unresolved = []
        self.told_full = self.told_blocked = 0
        self.begin()

    def begin(self):
        self.tallies = [Tally() for _ in PARTS]
        self.bytes = self.written_blind = 0

    def book(self, until, all_blocks):
        """Books what was seen before `until`, from t0: of every block, or only of those that are full or complete."""
        if self.ended:
            return
        instant = self.t0 + until
        blocks = list(self.sender.blocks)
        for block in blocks:
            if block.seen < block.sent and (all_blocks or block.sent == block.size):
                self.book_sends(block, instant)
            if block.open < block.seen and (all_blocks or block.complete()):
                self.book_reports(block, instant)
            # The sender may still be looking at its latest block.
            if block.open == block.size and block is not blocks[-1]:
                self.sender.blocks.remove(block)
                block.begin(0)
                self.sender.spare.append(block)

    def book_sends(self, block, until):
        first, last = block.seen, block.sent
        accepted = block.accepted[first:last]
        last = first + int(np.searchsorted(np.abs(accepted), until))
        if first == last:
            return
        accepted = accepted[: last - first]
        instants, shed = np.abs(accepted), accepted < 0
        intended, taken = block.intended[first:last], block.taken[first:last]
        taken[:] = instants - self.t0
        if self.sender.chunks is None:
            intended[:] = taken
            for place, tried in list(block.tries.items()):
                if first <= place < last:
                    block.intended[place] = tried - self.t0
            lag, delay = taken - intended, np.zeros_like(taken)
        else:
            lag = taken - intended
            delay = lag - self.sender.blocked.within(intended + self.t0, instants)
        block.seen = last
        if shed.any():
            block.booked[first:last] = shed
            self.book_shed(intended[shed], taken[shed])
            intended, taken, lag, delay = intended[~shed], taken[~shed], lag[~shed], delay[~shed]
        self.book_taken(intended, lag, delay)
        if self.first_send is None and len(taken):
            self.first_send = [int(intended[0]), int(taken[0])]
        self.pass_over(block)

    def book_shed(self, intended, instants):
        for part, places in self.windows.slices(intended):
            count = places.stop - places.start
            self.scheduled[part] += count
            self.tallies[part].counts["scheduled"] += count
            self.tallies[part].counts["shed"] += count
        self.resolve(instants)

    def book_taken(self, intended, lag, delay):
        for part, places in self.windows.slices(intended):
            count = places.stop - places.start
            tally = self.tallies[part]
            self.scheduled[part] += count
            self.sent[part] += count
            tally.counts["scheduled"] += count
            tally.counts["late_sends"] += int(np.count_nonzero(delay[places] > LATE))
            if self.record:
                tally.latencies["send_lag"].add(lag[places])
                tally.latencies["schedule_delay"].add(delay[places])

    def resolve(self, instants):
        for number, edge in enumerate(self.windows.edges):
            self.resolved_by[number] += np.count_nonzero(instants < edge)

    def pass_over(self, block):
        """Moves the block's first open record forward."""
        rest = block.booked[block.open : block.seen]
        block.open += int(np.argmin(rest)) if not rest.all() else len(rest)

    def book_reports(self, block, until):
        first, last = block.open, block.seen
        done = array(block.done[first:last])
        ready = (done != 0) & (done < until) & ~block.booked[first:last]
        if not ready.any():
            return
        places = slice(None) if ready.all() else ready
        done = done[places] - self.t0
        partitions = small_array(block.partitions[first:last])[places]
        offsets = array(block.offsets[first:last])[places]
        intended, taken = block.intended[first:last][places], block.taken[first:last][places]
        block.booked[first:last] |= ready
        self.resolve(done)
        failed = partitions < -1
        if failed.any():
            self.book_failures(partitions[failed], offsets[failed], intended[failed], done[failed])
            good = ~failed
            partitions, offsets, done = partitions[good], offsets[good], done[good]
            intended, taken = intended[good], taken[good]
            ready[ready] = good
        if len(done):
            self.book_successes(partitions, offsets, intended, taken, done)
            if not self.client.blind:
                self.bytes += self.content.bytes(block.first + first + np.flatnonzero(ready))
        self.pass_over(block)

    def book_successes(self, partitions, offsets, intended, taken, done):
        for part, places in self.windows.slices(intended):
            count = places.stop - places.start
            self.reported[part] += count
            self.tallies[part].counts[self.success] += count
            if self.record and not self.client.blind:
                latencies = self.tallies[part].latencies
                counts = latencies["response"].add(done[places] - intended[places])
                # In a closed loop they are the same, but for refused records.
                if np.array_equal(intended[places], taken[places]):
                    latencies["service"].add_counts(counts)
                else:
                    latencies["service"].add(done[places] - taken[places])
        if self.client.blind:
            self.written_blind += len(done)
            self.perhaps = added(self.perhaps, partitions)
            return
        self.in_log = added(self.in_log, partitions)
        if self.keep_offsets:
            self.offsets.add(partitions, offsets)

    def book_failures(self, numbers, partitions, intended, done):
        for number in np.unique(numbers).tolist():
            name, certain = self.failures.of(number)
            chosen = numbers == number
            when, response = intended[chosen], (done - intended)[chosen]
            for part, places in self.windows.slices(when):
                count = places.stop - places.start
                self.reported[part] += count
                self.tallies[part].counts["not_written" if certain else "possibly_written"] += count
                if self.record:
                    self.tallies[part].failed[name].add(response[places])
            if not certain:
                self.may_be_in_log(partitions[chosen])

    def may_be_in_log(self, partitions):
        self.perhaps_somewhere += int(np.count_nonzero(partitions < 0))
        self.perhaps = added(self.perhaps, partitions[partitions >= 0])

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
            "parts": {name: tally.told() for name, tally in zip(PARTS, self.tallies) if tally.counts},
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
            places = np.flatnonzero(~block.booked[: block.seen])
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
            if self.record:
                self.tallies[part].latencies["censored"].add(now - intended[places])

    def silent(self):
        """How many unresolved records still have no report."""
        return sum(block.done[place] == 0 for block, places in self.unresolved for place in places)

    def book_unresolved(self):
        """Where unresolved records may be, by what the client said of them since."""
        for block, places in self.unresolved:
            partitions = []
            for place in places:
                partition = block.partitions[place]
                if not block.done[place]:
                    partitions.append(self.client.partition_of(block, place))
                elif partition >= -1:
                    partitions.append(partition)
                elif not self.failures.of(partition)[1]:
                    partitions.append(block.offsets[place])
            self.may_be_in_log(np.array(partitions, np.int64))

    def report(self):
        """What is told once, at the end."""
        missing = self.silent() if self.client.purges else 0
        self.book_unresolved()
        size = max(len(self.in_log), len(self.perhaps))
        in_log, perhaps = np.resize(self.in_log, size), np.resize(self.perhaps, size)
        in_log[len(self.in_log) :] = perhaps[len(self.perhaps) :] = 0
        counts = zip(range(size), in_log.tolist(), perhaps.tolist())
        partitions = [count for count in counts if count[1] or count[2]]
        if self.perhaps_somewhere:
            partitions.insert(0, (-1, 0, self.perhaps_somewhere))
        backlog = np.cumsum(self.scheduled)[:2] - self.resolved_by
        return {
            "load_end_ns": self.sender.load_end,
            "start_error_ns": self.sender.start_error,
            "first_send": self.first_send,
            "backlog": np.maximum(backlog, 0).tolist(),
            "partitions": partitions,
            "offsets": self.offsets.told(),
            "missing": missing,
            "errors": self.client.errors.told(),
        }


def array(numbers):
    try:
        return np.fromiter(numbers, np.int64, len(numbers))
    except TypeError:
        # An acknowledgement without an offset, as of a duplicate that the broker had already.
        return np.array([-1 if number is None else number for number in numbers], np.int64)


def small_array(numbers):
    """The same in less than half of the time where all are below 256, as most partitions are and no failure is."""
    try:
        return np.frombuffer(bytes(numbers), np.uint8).astype(np.int64)
    except ValueError:
        return array(numbers)


def added(totals, places):
    """Totals by place with one more for each of these places."""
    counts = np.bincount(places, minlength=len(totals))
    counts[: len(totals)] += totals
    return counts
