"""kafka-python, as its documentation has it: the future of each `send` with a callback and an errback."""

import logging
import threading
import time

import kafka
from kafka import codec, errors
from kafka.metrics.measurable_stat import AbstractMeasurableStat
from kafka.record import util

from .errors import Errors
from .lines import Refused, Unreachable
from .native import Counts

# What a closed loop keeps in flight, as the client itself takes whatever it is given.
IN_FLIGHT = 10_000
# Most records that a sender waits to have room for, and its longest wait for it.
ROOM, ROOM_S = 16, 0.02
NO_LIMIT = 1 << 62

# Errors after which the broker cannot have the record; after any other one an earlier try may have been written.
CERTAIN = frozenset(["MessageSizeTooLargeError", "RecordListTooLargeError", "InvalidRecordError"])

# Kinds of the settings whose default is none; others are of their default's kind.
KINDS = {
    "api_version": tuple,
    "receive_buffer_bytes": int,
    "send_buffer_bytes": int,
    **dict.fromkeys(
        ["compression_type", "transactional_id", "ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile", "ssl_password"]
        + ["ssl_ciphers", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password", "sasl_kerberos_domain_name"]
        + ["proxy_url", "socks5_proxy"],
        str,
    ),
}


def typed(name, value):
    """A setting as kafka-python wants it, from text."""
    defaults = kafka.KafkaProducer.DEFAULT_CONFIG
    if name not in defaults:
        raise Refused(f"property {name} = {value}: kafka-python {kafka.__version__} has no such setting")
    kind = KINDS.get(name, type(defaults[name]))
    if value.lower() == "none" and (defaults[name] is None):
        return None
    try:
        if name == "acks":
            return value if value == "all" else int(value)
        if kind is bool:
            return {"true": True, "false": False}[value.lower()]
        if kind is tuple:
            return tuple(int(number) for number in value.split("."))
        if kind in (int, float):
            return int(value) if value.lstrip("+-").isdigit() else float(value)
    except (KeyError, ValueError):
        words = {bool: "true or false", tuple: "a version"}.get(kind, "a number")
        raise Refused(f"property {name} = {value}: not {words}") from None
    if kind is not str:
        raise Refused(f"property {name} = {value}: this setting cannot be given as text")
    return value


class Sum(AbstractMeasurableStat):
    """How often a sensor of the client was told something, and the sum of it."""

    def __init__(self):
        self.count, self.total = 0, 0.0

    def record(self, config, value, now):
        self.count += 1
        self.total += value

    def measure(self, config, now):
        return self.total


class ErrorLog(logging.Handler):
    """Warnings and errors that the client logs."""

    def __init__(self, errors):
        super().__init__(logging.WARNING)
        self.errors = errors

    def emit(self, record):
        self.errors.add(f"{record.levelname} {record.name}", record.getMessage())


class KafkaPython:
    """One producer. Its callbacks run in the client's own thread, and it never refuses a record for being full."""

    NAME = "kafka-python"
    OPTIONS = ("max.in.flight.records",)
    UNASSIGNED = None
    FUTURES = True
    RUN = 64
    purges = False

    @staticmethod
    def hello():
        found = [("gzip", codec.has_gzip), ("snappy", codec.has_snappy), ("lz4", codec.has_lz4), ("zstd", codec.has_zstd)]
        return {
            "version": kafka.__version__,
            "library": f"kafka-python {kafka.__version__}",
            "facts": [
                ["delivery", "callbacks of the future of send(), in the client's own thread"],
                ["when full", "send() takes every record: this version has no limit to its buffer. The driver holds records"
                 f" back at max.in.flight.records, by default {IN_FLIGHT:,} in a closed loop and no limit in an open one"],
                ["codecs", " ".join(["none", *(name for name, has in found if has())])],
                ["idempotence", "yes"],
                ["configuration", "KafkaProducer.config"],
                ["checksum", "crc32c" if util.crc32c_c else "pure Python"],
                ["not written", "errors " + " ".join(sorted(CERTAIN))],
            ],
        }

    def __init__(self, arm, producer, options, failures):
        self.topic, self.failures = producer["topic"], failures
        self.headers = [(name, value.encode()) for name, value in arm["headers"]]
        self.limit = self.in_flight_limit(options, closed=arm["schedule"] is None)
        self.errors = Errors()
        log = logging.getLogger("kafka")
        # What is logged does not name its client: with several of them the first one tells it all.
        if not log.handlers:
            log.addHandler(ErrorLog(self.errors))
            log.propagate = False
        properties = {name: typed(name, value) for name, value in arm["properties"]}
        try:
            self.producer = kafka.KafkaProducer(
                bootstrap_servers=arm["bootstrap"].split(","),
                client_id=producer["client_id"],
                **{"allow_auto_create_topics": False, **properties},
            )
        except (errors.KafkaConfigurationError, ValueError, TypeError, AssertionError, RuntimeError) as error:
            raise Refused(f"kafka-python refused its properties: {error}") from None
        except errors.KafkaError as error:
            raise Unreachable(f"topic {self.topic}: {type(error).__name__}: {error}") from None
        config = self.producer.config
        self.configuration = [(name, text(value)) for name, value in sorted(config.items()) if not callable(value)]
        self.blind = config["acks"] == 0
        self.sums, self.before = {}, {}
        self.room = threading.Event()
        self.counts = Counts(self.room.set)

    @staticmethod
    def in_flight_limit(options, closed):
        value = options.get("max.in.flight.records")
        if value is None:
            return IN_FLIGHT if closed else NO_LIMIT
        if not value.isdigit() or int(value) == 0:
            raise Refused(f"option max.in.flight.records = {value}: not a whole number above 0")
        return min(int(value), NO_LIMIT)

    def prime(self, value, partitions):
        """Partition and offset of one acknowledged record in each partition."""
        try:
            futures = [self.producer.send(self.topic, value, partition=partition) for partition in range(partitions)]
            told = [(partition, future.get().offset) for partition, future in enumerate(futures)]
        except (errors.KafkaError, ValueError) as error:
            raise Unreachable(f"topic {self.topic}: {type(error).__name__}: {error}") from None
        self.listen()
        return told

    def listen(self):
        """Adds sums of our own to the client's sensors, as its metrics are means over half a minute."""
        registry = self.producer._metrics
        for name in ("request-latency", "batch-size", "records-per-request", "record-retries") if registry else ():
            self.sums[name] = Sum()
            registry.get_sensor(name).add(registry.metric_name(f"tribunal-{name}", "tribunal"), self.sums[name])
            self.before[name] = 0, 0.0

    def failed(self, block, place, instant, error):
        """The errback of a record is not told the partition, its future knows it."""
        name = type(error).__name__
        block.places.fail(place, instant, self.failures.number(name, name in CERTAIN), self.partition_of(block, place))

    def partition_of(self, block, place):
        """The partition of a record that was sent; the client has no public word for it before success."""
        partition = block.futures[place]._produce_future.topic_partition.partition
        return -1 if partition is None else partition

    def offer(self, block, place, stop, content):
        """Gives records of a block to the client; the first place that it did not take."""
        places, send = block.places, self.producer.send
        while True:
            carried = content.at(block.first + place)
            try:
                return places.send(place, stop, self.limit, send, self.topic, self.headers, *carried)
            except errors.KafkaTimeoutError:
                return places.at
            except (errors.KafkaError, ValueError) as error:
                places.fail(places.at, time.monotonic_ns(), self.failures.number(type(error).__name__, True), -1)
                place = places.at + 1

    def rest(self, until):
        wait = until - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)

    def wait_for_room(self):
        counts = self.counts
        if counts.given - counts.reported < self.limit:
            return
        self.room.clear()
        counts.room_at = counts.given - self.limit + min(ROOM, 1 + self.limit // 16)
        if counts.reported < counts.room_at:
            self.room.wait(ROOM_S)

    def sender_ends(self):
        """Nothing of the client's belongs to the sender."""

    def numbers(self):
        """What the client said of itself since the last time."""
        if not self.sums:
            return {}
        now = {name: (one.count, one.total) for name, one in self.sums.items()}
        grown = {name: (count - self.before[name][0], total - self.before[name][1]) for name, (count, total) in now.items()}
        self.before = now
        (answers, latency), (batches, _) = grown["request-latency"], grown["batch-size"]
        (requests, records), (_, retries) = grown["records-per-request"], grown["record-retries"]
        told = {"requests": requests, "batches": batches, "batch_records": int(records), "retries": int(retries)}
        if answers:
            told["request_latency_us"] = latency * 1000 / answers
        return told


def text(value):
    plain = isinstance(value, (str, int, float, tuple, list, type(None)))
    return str(value) if plain else type(value).__name__
