"""What native/ does, against the same in plain Python and against clients that are none.

    PYTHONPATH=. python3 tests/native.py

The cases are random and their seeds are told when one fails.
"""

import collections
import random
import struct
import unittest

import numpy as np

from tribunal_driver.native import Counts, Histogram, Log, Places
from tribunal_driver.offsets import Offsets

SIZE = 300
EDGES = 4_000, 9_000
T0 = 1_000_000
LATE = 1_000_000


def bucket(nanoseconds):
    microseconds = max(nanoseconds // 1000, 1)
    if microseconds > 3_600_000_000:
        return 0
    shift = max(microseconds.bit_length() - 11, 0)
    return 1024 * shift + (microseconds >> shift)


def part(intended):
    return sum(intended >= edge for edge in EDGES)


def histograms():
    return tuple((Histogram(), Histogram()) for _ in range(3))


class Made:
    """Places with arrays of their own."""

    def __init__(self, size=SIZE, futures=None, failed=None):
        names = ("accepted", "done", "offsets", "partitions", "intended", "taken")
        self.arrays = {name: np.zeros(size, np.int64) for name in names}
        self.booked = np.zeros(size, np.uint8)
        self.woken = []
        self.counts = Counts(lambda: self.woken.append(self.counts.reported))
        self.places = Places(self.counts, failed, futures, *self.arrays.values(), self.booked)
        self.places.begin()

    def __getattr__(self, name):
        return self.arrays[name]


class Buckets(unittest.TestCase):
    def test_a_latency_has_the_bucket_of_the_protocol(self):
        edges = [base + step for shift in range(42) for base in [1000 << shift] for step in (-1, 0, 1, 999)]
        for nanoseconds in [-5, 0, 1, 3_600_000_000_000, 3_600_000_001_000, *edges]:
            one = Histogram()
            one.add(nanoseconds)
            self.assertEqual((one.told(), one.total), ([(bucket(nanoseconds), 1)], 1), nanoseconds)


class Books(unittest.TestCase):
    def test_sends_are_counted_as_they_would_be_one_by_one(self):
        for seed in range(200):
            with self.subTest(seed=seed):
                self.sends(random.Random(seed))

    def sends(self, chance):
        made, closed = Made(), chance.random() < 0.5
        at, expected = 0, []
        for place in range(SIZE):
            at += chance.choice([0, 1, 90, 3_000_000 if chance.random() < 0.02 else 5])
            taken = at + chance.choice([0, 0, 7, 2_000_000])
            shed = not closed and chance.random() < 0.1
            made.accepted[place] = -(T0 + taken) if shed else T0 + taken
            tried = chance.random() < 0.1 and at > 0
            if not closed or tried:
                made.intended[place] = at
            expected.append((at if not closed or tried else taken, taken, shed))
        # Accepted sends ascend.
        order = np.maximum.accumulate(np.abs(made.accepted))
        made.accepted[:] = np.where(made.accepted < 0, -order, order)
        expected = [
            (int(order[place]) - T0 if closed and made.intended[place] == 0 else intended, int(order[place]) - T0, shed)
            for place, (intended, _, shed) in enumerate(expected)
        ]
        blocked = np.array([chance.choice([0, 3]) for _ in range(SIZE)], np.int64)
        pairs, counted, first = histograms(), collections.Counter(), None
        stops = sorted(chance.sample(range(1, SIZE), 3)) + [SIZE]
        for stop in stops:
            until = T0 + chance.choice([expected[stop - 1][1], expected[stop - 1][1] + 1])
            until = until if stop < SIZE else 1 << 60
            begin = made.places.seen
            held = None if closed else np.ascontiguousarray(blocked[begin:stop])
            told = made.places.book_sends(stop, until, T0, EDGES, closed, held, pairs)
            for name, numbers in zip(("taken", "late", "shed", "resolved"), told):
                for number, count in enumerate(numbers):
                    counted[name, number] += count
            first = told[4] if first is None and told[4] >= 0 else first
            passed = sum(T0 + taken < until for _, taken, _ in expected[:stop])
            self.assertEqual(made.places.seen, max(begin, passed))
        wanted, lags, delays = collections.Counter(), collections.Counter(), collections.Counter()
        for place, (intended, taken, shed) in enumerate(expected):
            self.assertEqual((made.intended[place], made.taken[place], made.booked[place]), (intended, taken, shed))
            if shed:
                wanted["shed", part(intended)] += 1
                for number, edge in enumerate(EDGES):
                    wanted["resolved", number] += taken < edge
                continue
            lag = taken - intended
            delay = 0 if closed else lag - int(blocked[place])
            wanted["taken", part(intended)] += 1
            wanted["late", part(intended)] += delay > LATE
            lags[part(intended), bucket(lag)] += 1
            delays[part(intended), bucket(delay)] += 1
        self.assertEqual(+counted, +wanted)
        self.assertEqual(first, next((place for place, (*_, shed) in enumerate(expected) if not shed), None))
        for side, latencies in enumerate((lags, delays)):
            told = {(number, at): count for number, pair in enumerate(pairs) for at, count in pair[side].told()}
            self.assertEqual(told, dict(latencies))

    def test_reports_are_counted_as_they_would_be_one_by_one(self):
        for seed in range(200):
            with self.subTest(seed=seed):
                self.reports(random.Random(seed))

    def reports(self, chance):
        made, log, record = Made(), Log(True), chance.randrange(1000)
        made.accepted[:] = T0 + np.arange(SIZE) * 40
        made.places.book_sends(SIZE, 1 << 60, T0, EDGES, True, None, None)
        values = np.array([chance.randrange(50) for _ in range(chance.choice([1, 7]))], np.int64)
        keys, behind = np.array([chance.randrange(9)], np.int64), chance.randrange(len(values))
        pairs, counted, failed, size = histograms(), collections.Counter(), [], 0
        wanted, latencies, offsets, sizes = collections.Counter(), collections.Counter(), collections.Counter(), 0
        ends, open_places = [0, 5, 9], list(range(SIZE))
        for round_number in range(4):
            chance.shuffle(open_places)
            reported = sorted(open_places[: chance.randrange(1 + len(open_places))])
            if round_number == 3:
                reported = sorted(open_places)
            until = T0 + 40 * SIZE + 100 * (round_number + 1)
            for place in reported:
                partition = chance.choice([0, 1, 2, 2, 2, -2, -3] if chance.random() < 0.3 else [2])
                made.partitions[place] = partition
                if partition >= 0:
                    made.offsets[place] = -1 if chance.random() < 0.05 else ends[partition]
                    ends[partition] += chance.choice([1, 1, 1, 4])
                made.done[place] = until - 1 if chance.random() < 0.9 else until
            told = made.places.book_reports(until, T0, EDGES, log, pairs, record, (values, behind), (keys, 0))
            for name, numbers in zip(("acknowledged", "resolved"), told):
                for number, count in enumerate(numbers):
                    counted[name, number] += count
            size += told[2]
            failed += told[3]
            for place in list(open_places):
                if not 0 < made.done[place] < until:
                    continue
                open_places.remove(place)
                done, intended, taken = (int(made.arrays[name][place]) for name in ("done", "intended", "taken"))
                for number, edge in enumerate(EDGES):
                    wanted["resolved", number] += done - T0 < edge
                if made.partitions[place] < 0:
                    wanted["failed", place] += 1
                    continue
                wanted["acknowledged", part(intended)] += 1
                latencies[part(intended), bucket(done - T0 - intended)] += 1
                sizes += int(values[(behind + record + place) % len(values)] + keys[0])
                if made.offsets[place] >= 0:
                    offsets[int(made.partitions[place]), int(made.offsets[place])] += 1
            self.assertEqual(made.places.open, min(open_places, default=SIZE))
        counted.update(("failed", place) for place in failed)
        self.assertEqual((+counted, size), (+wanted, sizes))
        told = {(number, at): count for number, pair in enumerate(pairs) for at, count in pair[0].told()}
        self.assertEqual(told, dict(latencies))
        runs = list(struct.iter_unpack("qq", log.take()))
        found = collections.Counter((first >> 44, (first & ((1 << 44) - 1)) + at) for first, length in runs for at in range(length))
        self.assertEqual((found, log.take()), (offsets, b""))
        by_partition = collections.Counter(made.partitions[(made.booked == 1) & (made.partitions >= 0)].tolist())
        self.assertEqual([by_partition[number] for number in range(len(log.counts()))], log.counts())

    def test_a_failure_is_noted_with_or_without_its_partition(self):
        made = Made()
        made.places.fail(3, 17, -2, None)
        made.places.fail(4, 18, -3, 5)
        self.assertEqual([made.done[3], made.partitions[3], made.offsets[3]], [17, -2, -1])
        self.assertEqual([made.done[4], made.partitions[4], made.offsets[4]], [18, -3, 5])

    def test_a_log_without_offsets_has_no_runs(self):
        made, log, offsets = Made(3), Log(False), Offsets()
        made.places.book_sends(3, 1 << 60, 0, EDGES, True, None, None)
        made.done[:] = 5
        made.places.book_reports(9, 0, EDGES, log, None, 0, (np.zeros(1, np.int64), 0), (np.zeros(1, np.int64), 0))
        offsets.keep(log.take())
        self.assertEqual((log.counts(), offsets.told()), ([3], []))

    def test_what_does_not_fit_is_refused(self):
        made = Made()
        with self.assertRaises(IndexError):
            made.places.fail(SIZE, 1, -2, None)
        with self.assertRaises(IndexError):
            made.places.book_sends(SIZE + 1, 1 << 60, T0, EDGES, True, None, None)
        with self.assertRaises(IndexError):
            made.places.book_sends(SIZE, 1 << 60, T0, EDGES, False, np.zeros(SIZE - 1, np.int64), None)
        with self.assertRaises(ValueError):
            Places(made.counts, None, None, *[np.zeros(3, np.int64)] * 5, np.zeros(4, np.int64), np.zeros(3, np.uint8))
        with self.assertRaises(ValueError):
            Places(made.counts, None, [None], *[np.zeros(3, np.int64)] * 6, np.zeros(3, np.uint8))


class Metadata:
    def __init__(self, partition, offset):
        self.partition, self.offset = partition, offset


class Future:
    """As kafka-python's: one that is done calls back at once."""

    def __init__(self, done=None):
        self.done, self.callbacks, self.errbacks = done, [], []

    def add_callback(self, callback):
        self.callbacks.append(callback)
        return self

    def add_errback(self, errback):
        if self.done is not None:
            errback(self.done)
        self.errbacks.append(errback)
        return self


class Message:
    """As confluent-kafka's."""

    def __init__(self, partition, offset):
        self.told = partition, offset

    def partition(self):
        return self.told[0]

    def offset(self):
        return self.told[1]


class Offering(unittest.TestCase):
    CARRIED = ([b"a", b"b", b"c"], 2), ([None], 0), ([0, 1], 1)

    def test_send_gives_each_record_its_turn_and_its_callbacks(self):
        failures, given = [], []
        made = Made(8, [None] * 8, lambda *told: failures.append(told))
        rejected = KeyError("rejected")

        def send(*words):
            if len(given) == 5:
                raise ValueError("no")
            given.append((words, Future(rejected if len(given) == 3 else None)))
            return given[-1][1]

        with self.assertRaises(ValueError):
            made.places.send(1, 8, 100, send, "t", [], *self.CARRIED)
        self.assertEqual((made.places.at, made.counts.given, made.counts.reported), (6, 5, 1))
        self.assertEqual(
            [words for words, _ in given],
            [("t", value, None, [], partition) for value, partition in zip((b"c", b"a", b"b", b"c", b"a"), (1, 0, 1, 0, 1))],
        )
        self.assertEqual([(place, error) for place, _, error in failures], [(4, rejected)])
        made.counts.room_at = 3
        given[0][1].callbacks[0](Metadata(4, 17))
        given[1][1].errbacks[0](OSError("gone"))
        self.assertEqual((made.offsets[1], made.partitions[1], made.woken), (17, 4, [3]))
        self.assertTrue(0 < made.accepted[1] <= made.done[1])
        self.assertEqual((failures[-1][0], type(failures[-1][2])), (2, OSError))
        # Two are in flight.
        self.assertEqual(made.places.send(6, 8, 2, send, "t", [], *self.CARRIED), 6)
        self.assertEqual(made.places.send(6, 6, 100, send, "t", [], *self.CARRIED), 6)
        with self.assertRaises(IndexError):
            made.places.send(6, 9, 100, send, "t", [], *self.CARRIED)
        with self.assertRaises(AttributeError):
            given[2][1].callbacks[0]("no metadata")
        self.assertEqual(made.done[3], 0)

    def test_produce_stops_where_the_client_is_full_and_takes_its_reports(self):
        failures, given = [], []
        made = Made(8, None, lambda *told: failures.append(told))

        def produce(*words):
            if len(given) == 4:
                raise BufferError("full")
            given.append(words)

        with self.assertRaises(BufferError):
            made.places.produce(0, 8, 2, produce, "t", *self.CARRIED)
        self.assertEqual((made.places.at, made.counts.given), (4, 4))
        self.assertEqual([words[:4] for words in given][:2], [("t", b"c", None, 1), ("t", b"a", None, 0)])
        self.assertEqual(made.accepted[0], made.accepted[1])
        given[2][4](None, Message(3, 9))
        given[3][4](None, Message(3, None))
        given[0][4]("error", Message(2, None))
        self.assertEqual([made.offsets[2], made.partitions[2], made.offsets[3]], [9, 3, -1])
        self.assertEqual([(place, error, message.told) for place, _, error, message in failures], [(0, "error", (2, None))])
        self.assertEqual(made.counts.reported, 3)
        with self.assertRaises(TypeError):
            given[1][4](None)


if __name__ == "__main__":
    unittest.main()
