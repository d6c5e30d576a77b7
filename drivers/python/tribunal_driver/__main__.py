"""python3 -m tribunal_driver CLIENT: speaks the driver protocol for confluent-kafka or kafka-python.

Two more uses serve the tests of this repository, with or without CLIENT in front:

    schedule ARRIVALS SHAPE SEED BLOCK INDEX PRODUCERS END_NS    prints the count and the SHA-256 of intended sends
    buckets                                                      reads latencies in nanoseconds, prints BUCKET COUNT lines
"""

import os
import platform
import signal
import sys
import threading

from . import schedule
from .lines import Lines, Refused, say_and_end
from .native import Histogram

PROTOCOL = 1


def confluent_kafka():
    from .confluent import ConfluentKafka

    return ConfluentKafka


def kafka_python():
    from .kafkapython import KafkaPython

    return KafkaPython


CLIENTS = {"confluent-kafka": confluent_kafka, "kafka-python": kafka_python}


def speak(client):
    from .session import Session

    lines = Lines(sys.stdin.buffer, sys.stdout.buffer)
    runtime = f"{platform.python_implementation()} {platform.python_version()}"
    lines.say("hello", {"protocol": PROTOCOL, "client": client.NAME, **client.hello(), "runtime": runtime})
    Session(lines, client).hear()


def print_schedule(words):
    arrivals, shape, *numbers = words
    seed, block, index, producers, end = map(int, numbers)
    print(*schedule.digest(schedule.chunks(arrivals, shape, seed, block, index, producers), end))


def print_buckets():
    latencies = Histogram()
    for word in sys.stdin.read().split():
        latencies.add(int(word))
    for bucket, count in latencies.told():
        print(bucket, count)


def main(words):
    client = CLIENTS.get(words[0]) if words else None
    rest = words[1:] if client else words
    if rest[:1] == ["schedule"] and len(rest) == 8:
        print_schedule(rest[1:])
    elif rest == ["buckets"]:
        print_buckets()
    elif client and not rest:
        speak(client())
    else:
        raise Refused("usage: python3 -m tribunal_driver " + "|".join(CLIENTS))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.excepthook = lambda told: say_and_end(told.exc_value)
    try:
        main(sys.argv[1:])
    except Exception as error:
        say_and_end(error)
    sys.stdout.flush()
    # Clients would wait for what they still hold; what counts has been said.
    os._exit(0)
