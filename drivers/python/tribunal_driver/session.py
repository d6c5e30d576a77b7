"""One trial: what is heard from the agent, and the thread that prepares, cuts samples and reports."""

import gc
import math
import threading
import time

from . import schedule
from .block import Failures
from .lines import Refused, Unreachable, say_and_end
from .recorder import Recorder
from .sender import Sender
from .trial import Content, Windows, bodies

# Longest preparation of a client.
PREPARE_S = 25
# How often it is seen after the window whether the end has come.
LOOK_S = 0.02
# Reports are awaited so long after the load has ended, whatever the drain.
LEAST_WAIT = 5_000_000_000
# A sender that the client holds for longer than this after the end is left behind.
JOIN_S = 1
# How long a purge may take to bring the last delivery reports.
PURGE_S = 5
MASKED = ("password", "secret", "token", "key.pem", "key_pem")


class Producer:
    """A client with its sender and its books."""

    def __init__(self, client_class, arm, spec, pool, windows, short):
        """`short`: called by the sender when full blocks have to be booked."""
        options = dict(arm["options"])
        for name in options:
            if name not in client_class.OPTIONS:
                raise Refused(f"option {name}: {client_class.NAME} has " + " and ".join(client_class.OPTIONS))
        self.index = spec["index"]
        failures = Failures()
        self.client = client_class(arm, spec, options, failures)
        content = Content(arm, spec, pool, self.client.UNASSIGNED)
        self.plan = arm["schedule"]
        drawn = None if self.plan is None else self.draw()
        shed, together = arm["when_full"] == "shed", len(arm["producers"])
        self.sender = Sender(self.client, content, windows, drawn, shed, together, short)
        self.recorder = Recorder(windows, content, self.sender, self.client, failures, arm)

    def draw(self):
        words = (self.plan[name] for name in ("arrivals", "shape", "seed", "block"))
        return schedule.chunks(*words, self.index, self.plan["producers"])

    def prepare(self, value, partitions, end):
        """Primes the client, and says what *ready* does of it."""
        primed = self.client.prime(value, partitions)
        count, digest = (None, None) if self.plan is None else schedule.digest(self.draw(), end)
        return {
            "index": self.index,
            "primed": primed,
            "scheduled": count,
            "schedule_sha256": digest,
            "configuration": [(name, masked(name, value)) for name, value in self.client.configuration],
        }


def masked(name, value):
    return "[masked]" if any(word in name for word in MASKED) else value


class Session:
    """The agent's orders come by one thread, and all that takes time is done by another."""

    def __init__(self, lines, client_class):
        self.lines, self.client_class = lines, client_class
        self.arm = self.windows = self.t0 = None
        self.producers = []
        self.stopped = self.load_ends = False
        # Whether there is something new for the thread that waits.
        self.heard = False
        self.start = 0
        self.news = threading.Condition()
        self.thread = threading.Thread(target=self.run, name="trial", daemon=True)

    def hear(self):
        """Does what the agent says until it says no more."""
        for name, body in self.lines.heard():
            if name == "bye":
                return
            with self.news:
                if name == "arm":
                    self.arm, self.windows = body, Windows(body)
                    self.thread.start()
                elif name == "go":
                    self.t0 = body["t0_ns"]
                elif name == "window":
                    self.windows.announce(body["t1_ns"])
                elif name == "end_load":
                    self.load_ends = True
                elif name == "stop":
                    self.stopped = True
                self.heard = True
                self.news.notify()
        with self.news:
            self.stopped = self.heard = True
            self.news.notify()
        if self.thread.is_alive():
            self.thread.join(JOIN_S + PURGE_S)

    def run(self):
        arm = self.arm
        late = threading.Timer(PREPARE_S, self.give_up, [", ".join(spec["topic"] for spec in arm["producers"])])
        late.daemon = True
        late.start()
        pool = bodies(arm["bodies"])
        for spec in arm["producers"]:
            self.producers.append(Producer(self.client_class, arm, spec, pool, self.windows, self.wake))
        ready = [producer.prepare(pool[0], arm["partitions"], self.windows.t2) for producer in self.producers]
        late.cancel()
        gc.collect()
        gc.freeze()
        self.lines.say("ready", {"clock_bound_ns": 0, "producers": ready})
        with self.news:
            self.news.wait_for(lambda: self.stopped or self.t0 is not None)
            if not self.stopped and self.t0 < time.monotonic_ns():
                self.lines.say("not_started", {})
                self.news.wait_for(lambda: self.stopped)
            if self.stopped:
                self.t0 = time.monotonic_ns()
        for producer in self.producers:
            producer.recorder.t0 = self.t0
            producer.sender.ending = self.stopped
            producer.sender.start(self.t0)
        self.load()
        self.drain()
        self.report()

    @staticmethod
    def give_up(topics):
        say_and_end(Unreachable(f"topic {topics} could not be written to within {PREPARE_S} s"))

    def wake(self):
        """Wakes the thread that books."""
        with self.news:
            self.heard = True
            self.news.notify()

    def now(self):
        return time.monotonic_ns() - self.t0

    def load(self):
        """Until every sender has ended."""
        resolved = set()
        while any(producer.sender.load_end is None for producer in self.producers):
            if self.stopped or self.load_ends:
                self.end_senders()
                return
            now = self.step(math.inf if self.now() < self.windows.t2 else LOOK_S)
            if now < self.windows.t2:
                continue
            for producer in self.producers:
                if producer.index not in resolved and producer.recorder.window_resolved(now):
                    resolved.add(producer.index)
                    self.lines.say("resolved", {"producer": producer.index})

    def end_senders(self):
        for producer in self.producers:
            producer.sender.ending = True
        for producer in self.producers:
            producer.sender.thread.join(JOIN_S)
            producer.sender.leave()

    def drain(self):
        """Until every record is resolved, or has been awaited for long enough."""
        load_end = max(producer.sender.load_end for producer in self.producers)
        until = max(self.windows.deadline, load_end + LEAST_WAIT)
        while not self.stopped and (now := self.step(LOOK_S)) < until:
            if all(producer.recorder.resolved(now) for producer in self.producers):
                return

    def step(self, seconds):
        """Waits for so long, but not beyond the end of a sample, books, and tells the samples that have ended."""
        edge = self.windows.edge_after(self.start)
        with self.news:
            self.news.wait_for(lambda: self.heard, max(0.0, min(seconds, (edge - self.now()) / 1e9)))
            self.heard = False
        now = self.now()
        while now >= edge:
            self.tell(edge, [producer.recorder.cut(edge) for producer in self.producers])
            edge = self.windows.edge_after(edge)
        for producer in self.producers:
            producer.recorder.book(now, all_blocks=False)
        return now

    def tell(self, end, samples):
        for producer, sample in zip(self.producers, samples):
            self.lines.say("sample", {"producer": producer.index, **sample})
        self.start = end

    def report(self):
        now = max(self.now(), self.start + 1)
        self.tell(now, [producer.recorder.finish(now) for producer in self.producers])
        until = time.monotonic() + PURGE_S
        purged = [producer for producer in self.producers if producer.client.purges and producer.recorder.unresolved]
        while any(producer.recorder.silent() for producer in purged) and time.monotonic() < until:
            for producer in purged:
                producer.client.purge()
        for producer in self.producers:
            self.lines.say("report", {"producer": producer.index, **producer.recorder.report()})
