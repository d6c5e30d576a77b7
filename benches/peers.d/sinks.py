"""The sinks: librdkafka's mock cluster in its own process, and one broker of real Kafka."""

import contextlib
import itertools
import pathlib
import socket
import struct
import subprocess
import time

import measure
from cases import PARTITIONS

PORT_BASE = 19592
numbers = itertools.count(1)


class Mock:
    """A new process for every run: the mock keeps what it is sent, up to 5 MiB of a partition."""

    def __init__(self, tribunal):
        self.tribunal = tribunal

    @contextlib.contextmanager
    def topic(self, tls):
        words = [self.tribunal, "mock", "--brokers", "3", "--round-trip-ms", "0"]
        child = measure.start(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            bootstrap = child.stdout.readline().strip().removeprefix("bootstrap=")
            child.stdin.write(f"topic peer {PARTITIONS} 1\n")
            child.stdin.flush()
            if not child.stdout.readline().startswith("ok"):
                raise measure.Failed("the mock makes no topic")
            yield bootstrap, "peer", lambda: (None, None)
        finally:
            measure.end(child)

    def close(self):
        pass


class Kafka:
    """One broker of dev/kafka, which is also the controller. Its plaintext listener is the one for tools; with --secure
    the other wants SASL_SSL, so one cluster serves all cases. Deleted files go at once instead of a minute later."""

    def __init__(self, root, state):
        self.words = [str(root / "dev/kafka")]
        self.options = ["--port-base", str(PORT_BASE), "--dir", str(state)]
        self.state = state
        self.close()
        up = ["--brokers", "1", "--secure", "--owner", str(measure.os.getpid()), *self.options]
        up += ["--set", "log.segment.delete.delay.ms=100"]
        environment = dict(measure.os.environ, TRIBUNAL_KAFKA_HEAP="1g")
        child = measure.start([*self.words, "up", *up], stdout=subprocess.PIPE, text=True, env=environment)
        said, _ = child.communicate()
        measure.running.discard(child)
        if child.returncode:
            raise measure.Failed("dev/kafka did not start a broker")
        self.secure = said.strip().removeprefix("bootstrap=")
        self.plain = f"127.0.0.1:{PORT_BASE + 1}"
        self.admin = Admin("127.0.0.1", PORT_BASE + 1)

    @contextlib.contextmanager
    def topic(self, tls):
        """A topic for one run. What it gives last tells how many records and bytes its log has."""
        name = f"peer-{next(numbers)}"
        self.await_deleted()
        self.admin.create(name)
        try:
            yield self.secure if tls else self.plain, name, lambda: (self.admin.records(name), self.log_bytes(name))
        finally:
            self.admin.delete(name)

    def log_bytes(self, prefix=""):
        logs = self.state.glob(f"broker-1/data/{prefix}*-[0-9]*/*.log")
        total = 0
        for log in logs:
            with contextlib.suppress(OSError):
                total += log.stat().st_size
        return total

    def await_deleted(self):
        """Until the files of the runs before are gone, whoever made them, and what is left to write is written."""
        until = time.monotonic() + 60
        while any(self.state.glob("broker-1/data/*-delete")) or any(self.state.glob("broker-1/data/tribunal-*")):
            if time.monotonic() > until:
                raise measure.Failed("the broker does not delete topics")
            time.sleep(0.1)
        measure.os.sync()

    def close(self):
        subprocess.run([*self.words, "down", *self.options], stderr=subprocess.DEVNULL, check=False)


class Admin:
    """The four requests that are needed, as bytes: a tool of Kafka's would take seconds for each."""

    def __init__(self, host, port):
        self.address = (host, port)

    def ask(self, key, version, body):
        with socket.create_connection(self.address, timeout=30) as wire:
            head = struct.pack(">hhih", key, version, 1, 5) + b"peers"
            wire.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
            with wire.makefile("rb") as answer:
                (length,) = struct.unpack(">i", answer.read(4))
                return answer.read(length)[4:]

    def create(self, name):
        topic = text(name) + struct.pack(">ihii", PARTITIONS, 1, 0, 0)
        answer = self.ask(19, 2, struct.pack(">i", 1) + topic + struct.pack(">i?", 30_000, False))
        (code,) = struct.unpack_from(">h", answer, 8 + len(text(name)))
        if code:
            raise measure.Failed(f"topic {name} was not made: error {code}")
        until = time.monotonic() + 30
        while self.records(name) is None:
            if time.monotonic() > until:
                raise measure.Failed(f"topic {name} gets no leaders")
            time.sleep(0.05)

    def delete(self, name):
        self.ask(20, 1, struct.pack(">i", 1) + text(name) + struct.pack(">i", 30_000))

    def records(self, name):
        """The sum of the end offsets, or None while some partition has no leader."""
        partitions = b"".join(struct.pack(">iq", number, -1) for number in range(PARTITIONS))
        body = struct.pack(">ii", -1, 1) + text(name) + struct.pack(">i", PARTITIONS) + partitions
        answer = self.ask(2, 1, body)
        at, total = 4 + len(text(name)) + 4, 0
        for _ in range(PARTITIONS):
            _, code, _, offset = struct.unpack_from(">ihqq", answer, at)
            at += 22
            if code:
                return None
            total += offset
        return total


def text(word):
    return struct.pack(">h", len(word)) + word.encode()
