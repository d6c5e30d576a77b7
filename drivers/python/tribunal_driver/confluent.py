"""confluent-kafka, as its documentation has it: `produce` with `on_delivery`, `poll`, and `BufferError` waited for."""

import functools
import threading
import time

import confluent_kafka

from . import librdkafka
from .errors import Errors
from .lines import Refused, Unreachable
from .native import Counts

# Records that share a reading of the clock for their accepted send: some 15 µs of work at most.
TOGETHER = 16
# A sender that has offered so many records without a rest serves delivery reports itself.
HURRY = 1024
# For how long it does at least, once it has begun.
SHIFT_NS = 20_000_000
# A rest shorter than this is too short to leave it.
SHORT_NS = 1_000_000
# Longest wait for delivery reports by the thread that serves them, and by a sender that waits for room.
SERVE_S, ROOM_S = 0.01, 0.02

# Errors after which the broker cannot have the record. `_MSG_TIMED_OUT` is none of them: it may have been sent before.
CERTAIN = frozenset(["_PURGE_QUEUE", "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC", "MSG_SIZE_TOO_LARGE"])


class ConfluentKafka:
    """One producer.

    Its callbacks run in whichever thread calls `poll`, and take the interpreter's lock anew for each record. So while
    the sender is busy it calls `poll` itself, between records; only while it rests does a thread of its own wait there.
    Two threads that both run Python all the time would hand that lock over once per record.
    """

    NAME = "confluent-kafka"
    OPTIONS = ("poll.interval.ms",)
    UNASSIGNED = -1
    FUTURES = False
    RUN = 256
    purges = True

    @staticmethod
    def hello():
        libversion = confluent_kafka.libversion()[0]
        return {
            "version": confluent_kafka.version(),
            "library": f"librdkafka {libversion}",
            "facts": [
                ["delivery", "on_delivery, called from poll(): by the sender while it is busy, else by a thread of its own"],
                ["when full", "produce() raises BufferError; the sender waits in poll() for delivery reports"],
                ["codecs", librdkafka.codecs()],
                ["idempotence", "yes"],
                ["configuration", "rd_kafka_conf_dump of the live handle, reached through ctypes"],
                ["not written", "errors " + " ".join(sorted(CERTAIN)) + "; the status of a message is not in its API"],
                ["accepted send", f"one reading of the clock for up to {TOGETHER} records offered together"],
            ],
        }

    def __init__(self, arm, producer, options, failures):
        self.topic, self.failures = producer["topic"], failures
        headers = [(name, value.encode()) for name, value in arm["headers"]]
        interval = options.get("poll.interval.ms", "0")
        if not interval.isdigit():
            raise Refused(f"option poll.interval.ms = {interval}: not a whole number")
        self.interval = int(interval) / 1e3
        self.errors = Errors()
        self.statistics = librdkafka.Statistics()
        own = {
            "bootstrap.servers": arm["bootstrap"],
            "client.id": producer["client_id"],
            "allow.auto.create.topics": "false",
            "error_cb": lambda error: self.errors.add(error.name(), error.str()),
            "stats_cb": self.statistics.take,
        }
        asked = dict(arm["properties"])
        try:
            self.producer = confluent_kafka.Producer({"statistics.interval.ms": "1000", **asked, **own})
        except (confluent_kafka.KafkaException, ValueError, TypeError) as error:
            words = error.args[0].str() if isinstance(error, confluent_kafka.KafkaException) else str(error)
            raise Refused(f"confluent-kafka refused its properties: {words}") from None
        # In positional order, which costs least; headers only where there are any.
        self.produce = functools.partial(self.producer.produce, headers=headers) if headers else self.producer.produce
        self.configuration = librdkafka.configuration(self.producer)
        effective = dict(self.configuration)
        self.blind = effective.get("request.required.acks", effective.get("acks")) == "0"
        # Held by the thread that polls; while `idle` is not set the sender wants it.
        self.turn = threading.Lock()
        self.idle = threading.Event()
        self.idle.set()
        self.served = threading.Event()
        self.mine, self.mine_since, self.hurried = False, 0, 0
        self.counts = Counts(None)

    def prime(self, value, partitions):
        """Partition and offset of one acknowledged record in each partition."""
        told = {}

        def on_delivery(error, message):
            told[message.partition()] = error, -1 if message.offset() is None else message.offset()

        try:
            for partition in range(partitions):
                self.producer.produce(self.topic, value, partition=partition, on_delivery=on_delivery)
        except confluent_kafka.KafkaException as error:
            raise Unreachable(f"topic {self.topic}: {error.args[0].str()}") from None
        while len(told) < partitions:
            self.producer.poll(0.1)
        for partition, (error, _) in told.items():
            if error is not None:
                raise Unreachable(f"partition {partition} of topic {self.topic}: {error.str()} ({error.name()})")
        self.counts.given = partitions
        threading.Thread(target=self.serve, name="poll", daemon=True).start()
        return [(partition, told[partition][1]) for partition in range(partitions)]

    def serve(self):
        poll = self.producer.poll
        while self.interval:
            time.sleep(self.interval)
            poll(0)
            self.served.set()
        while True:
            self.idle.wait()
            with self.turn:
                poll(SERVE_S)

    def failed(self, block, place, instant, error, message):
        name = error.name()
        block.places.fail(place, instant, self.failures.number(name, name in CERTAIN), message.partition())

    def offer(self, block, place, stop, content):
        """Gives records of a block to the client; the first place that it did not take."""
        first, places = place, block.places
        while True:
            carried = content.at(block.first + place)
            try:
                place = places.produce(place, stop, TOGETHER, self.produce, self.topic, *carried)
                break
            except BufferError:
                place = places.at
                break
            except confluent_kafka.KafkaException as error:
                name = error.args[0].name()
                places.fail(places.at, time.monotonic_ns(), self.failures.number(name, True), -1)
                place = places.at + 1
        self.hurried += place - first
        if not self.interval:
            if self.hurried >= HURRY and not self.mine:
                self.take_turn()
            if self.mine:
                self.producer.poll(0)
        return place

    def take_turn(self):
        self.idle.clear()
        if self.turn.acquire(timeout=2 * SERVE_S):
            self.mine, self.mine_since = True, time.monotonic_ns()

    def leave_turn(self):
        if self.mine:
            self.mine = False
            self.turn.release()
        self.idle.set()

    def rest(self, until):
        self.hurried = 0
        now = time.monotonic_ns()
        if self.mine and until - now < SHORT_NS and now - self.mine_since < SHIFT_NS:
            self.producer.poll(0)
        elif not self.idle.is_set():
            self.leave_turn()
        wait = until - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)

    def wait_for_room(self):
        if self.interval:
            self.served.clear()
            self.served.wait(ROOM_S)
            return
        if not self.mine:
            self.take_turn()
        if self.mine:
            self.producer.poll(ROOM_S)

    def sender_ends(self):
        self.leave_turn()

    def purge(self):
        self.producer.purge(blocking=False)
        self.producer.poll(0.05)

    def partition_of(self, block, place):
        """Not known without a delivery report."""
        return -1

    def numbers(self):
        """What the client said of itself since the last time."""
        return self.statistics.numbers(self.counts.given)
