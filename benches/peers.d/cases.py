"""Which cases there are, and the settings that all tools share in them."""

import dataclasses
import fnmatch
import random

SIZES = {"100B": 100, "1KiB": 1024, "10KiB": 10240}
PARTITIONS = 6
WARM_UP = 2  # seconds, of every tool that can leave them out of its figure

# Queue limits: librdkafka's are records and (by default) 1 GiB; Java's is bytes only.
QUEUE_RECORDS = 1_000_000
QUEUE_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Case:
    sink: str  # mock or kafka
    load: str  # saturated or half
    size: str
    codec: str
    acks: str
    tls: bool = False

    @property
    def name(self):
        return "-".join([self.sink, self.load, self.size, self.codec, f"acks_{self.acks}"] + ["tls"] * self.tls)

    @property
    def bytes(self):
        return SIZES[self.size]

    @property
    def saturated(self):
        """The case whose rates a case of half the rate goes by."""
        return dataclasses.replace(self, load="saturated")

    def tools(self, has_bare_loop):
        """Kafka's own tools do not get beyond the metadata of librdkafka's mock, so they run on real Kafka only."""
        tools = ["tribunal", "rdkafka_performance"]
        if self.sink == "kafka":
            tools.append("perf-test")
            # Trogdor needs a target rate: it belongs to the fixed rates; saturated it runs once, for its ceiling.
            if not self.tls and (self.load == "half" or self == Case("kafka", "saturated", "100B", "none", "1")):
                tools.append("trogdor")
        elif self == Case("mock", "saturated", "100B", "none", "1"):
            tools += ["tribunal-stamped", "rdkafka_performance-headers"]
            if has_bare_loop:
                tools.append("bare_loop")
        return tools


GRID = [
    Case(sink, load, size, codec, acks)
    for sink in ("mock", "kafka")
    for load in ("saturated", "half")
    for size in SIZES
    for codec in ("none", "zstd")
    for acks in ("1", "all")
] + [Case("kafka", "saturated", "1KiB", "none", "1", tls=True)]

# What is run without --cases: one thing changed at a time, because all combinations take hours. A mock has no replicas
# to wait for, so acks=all is left to real Kafka.
CORE = [
    Case("mock", "saturated", "100B", "none", "1"),
    Case("mock", "saturated", "1KiB", "none", "1"),
    Case("mock", "saturated", "10KiB", "none", "1"),
    Case("mock", "saturated", "1KiB", "zstd", "1"),
    Case("mock", "half", "100B", "none", "1"),
    Case("kafka", "saturated", "100B", "none", "1"),
    Case("kafka", "saturated", "1KiB", "none", "1"),
    Case("kafka", "saturated", "10KiB", "none", "1"),
    Case("kafka", "saturated", "1KiB", "zstd", "1"),
    Case("kafka", "saturated", "1KiB", "none", "all"),
    Case("kafka", "saturated", "1KiB", "none", "1", tls=True),
    Case("kafka", "half", "100B", "none", "1"),
    Case("kafka", "half", "1KiB", "none", "1"),
    Case("kafka", "half", "1KiB", "none", "all"),
    Case("kafka", "half", "1KiB", "zstd", "1"),
]


def chosen(pattern, sink):
    cases = [case for case in GRID if fnmatch.fnmatch(case.name, pattern)] if pattern else CORE
    return [case for case in cases if sink in (case.sink, "both")]


def properties(case):
    """In the words that librdkafka and Java share. Idempotence off everywhere: librdkafka refuses it with acks=1."""
    return {
        "acks": case.acks,
        "linger.ms": "10",
        "batch.size": "262144",
        "compression.type": case.codec,
        "enable.idempotence": "false",
    }


def java_buffer(case):
    """As many bytes as librdkafka's queue may hold: a million records or 1 GiB."""
    return min(QUEUE_BYTES, max(128 << 20, QUEUE_RECORDS * case.bytes))


def payload(case):
    """One record of letters and digits, the same on every machine. No newline: perf-test would split there."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(random.Random(case.bytes).choices(letters, k=case.bytes))
