"""What librdkafka itself says: its live configuration, which confluent-kafka does not show, and its statistics."""

import collections
import ctypes
import json


def library():
    """The librdkafka that confluent-kafka has loaded into this process."""
    with open("/proc/self/maps") as maps:
        path = next(line.split(maxsplit=5)[5].strip() for line in maps if "/librdkafka" in line)
    return ctypes.CDLL(path)


def dump(function, pointer):
    """Names and values, by a function that fills an array of them."""
    size = ctypes.c_size_t()
    function.restype = ctypes.POINTER(ctypes.c_char_p)
    function.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)]
    words = function(pointer, ctypes.byref(size))
    texts = [words[place].decode(errors="replace") for place in range(size.value)]
    free = library().rd_kafka_conf_dump_free
    free.restype, free.argtypes = None, [ctypes.c_void_p, ctypes.c_size_t]
    free(words, size)
    # Callbacks and the like are addresses; what a topic inherits stands among the client's own.
    pairs = zip(texts[::2], texts[1::2])
    return [(name, value) for name, value in pairs if not value.startswith("0x") and value != "inherit"]


def configuration(producer):
    """What is in effect, of the client and of its topics, read from the live handle."""
    lib = library()
    # A client object of confluent-kafka 2.16.1 begins with its rd_kafka_t pointer (struct Handle in confluent_kafka.h).
    handle = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__)
    lib.rd_kafka_conf.restype, lib.rd_kafka_conf.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    conf = lib.rd_kafka_conf(handle)
    default_topic = lib.rd_kafka_conf_get_default_topic_conf
    default_topic.restype, default_topic.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    lib.rd_kafka_topic_conf_new.restype = ctypes.c_void_p
    # Where nothing of a topic was set there is none, and topics have their defaults.
    topic = default_topic(conf) or lib.rd_kafka_topic_conf_new()
    return dump(lib.rd_kafka_conf_dump, conf) + dump(lib.rd_kafka_topic_conf_dump, topic)


def codecs():
    lib = library()
    lib.rd_kafka_conf_new.restype = ctypes.c_void_p
    conf = lib.rd_kafka_conf_new()
    features = dict(dump(lib.rd_kafka_conf_dump, conf))["builtin.features"].split(",")
    lib.rd_kafka_conf_destroy.argtypes = [ctypes.c_void_p]
    lib.rd_kafka_conf_destroy(conf)
    return " ".join(["none", *(codec for codec in ("gzip", "snappy", "lz4", "zstd") if codec in features)])


# Sums of an interval by broker: librdkafka's name of them, and how many microseconds its unit has.
LATENCIES = {
    "queue_us": ("int_latency", 1),
    "outbound_us": ("outbuf_latency", 1),
    "round_trip_us": ("rtt", 1),
    "throttle_us": ("throttle", 1000),
}
COUNTS = (
    *("requests", "batches", "batch_records", "record_bytes", "wire_bytes"),
    *("timeouts", "transmit_errors", "disconnects", "throttle_ms", "throttled", "out_of_range"),
)


class Statistics:
    """The client's statistics since they were last asked for. Emissions are left by the callback and read later."""

    def __init__(self):
        self.emissions = collections.deque()
        self.before = {}
        self.sent = self.retries = 0

    def take(self, text):
        self.emissions.append(text)

    def numbers(self, given):
        """`given`: the records that the client has been given by now."""
        sums, brokers = collections.Counter(), {}
        while self.emissions:
            self.add(json.loads(self.emissions.popleft()), sums, brokers)
        if not sums:
            return {}
        # librdkafka counts no retries of records, but each record each time it is put into a request: a lower bound.
        retries = max(self.retries, self.sent - given)
        told = {"retries": retries - self.retries}
        self.retries = retries
        if sums["answers"]:
            told["request_latency_us"] = sums["round_trips"] / sums["answers"]
        told.update((name, sums[name]) for name in COUNTS)
        return {**told, "brokers": brokers}

    def add(self, emission, sums, brokers):
        sums["emissions"] += 1
        for name, broker in emission["brokers"].items():
            # Bootstrap connections that have not become a broker, and internal ones.
            if broker["nodeid"] < 0:
                continue
            sums["round_trips"] += broker["rtt"]["sum"]
            sums["answers"] += broker["rtt"]["cnt"]
            sums["requests"] += self.grown(("requests", name), broker["req"].get("Produce", 0))
            sums["wire_bytes"] += self.grown(("wire_bytes", name), broker["txbytes"])
            sums["timeouts"] += self.grown(("timeouts", name), broker["req_timeouts"])
            sums["transmit_errors"] += self.grown(("transmit_errors", name), broker["txerrs"])
            sums["disconnects"] += self.grown(("disconnects", name), broker["disconnects"])
            sums["throttle_ms"] += broker["throttle"]["sum"]
            sums["throttled"] += broker["throttle"]["cnt"]
            sums["out_of_range"] += broker["int_latency"]["outofrange"] + broker["rtt"]["outofrange"]
            latencies = brokers.setdefault(broker["nodeid"], {ours: [0, 0] for ours in LATENCIES})
            for ours, (theirs, unit) in LATENCIES.items():
                latencies[ours][0] += broker[theirs]["sum"] * unit
                latencies[ours][1] += broker[theirs]["cnt"]
        for name, topic in emission["topics"].items():
            sums["batches"] += topic["batchcnt"]["cnt"]
            sums["batch_records"] += topic["batchcnt"]["sum"]
            partitions = topic["partitions"].values()
            sums["record_bytes"] += self.grown(("record_bytes", name), sum(one["txbytes"] for one in partitions))
            self.sent += self.grown(("sent", name), sum(one["txmsgs"] for one in partitions))

    def grown(self, counter, value):
        """The growth of a counter that begins at zero again when librdkafka forgets a broker and learns it anew."""
        before = self.before.get(counter, 0)
        self.before[counter] = value
        return value - before if value >= before else value
