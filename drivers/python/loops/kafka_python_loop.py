"""The least that sends with kafka-python as fast as it takes records: what the driver's own cost is measured against.

    python3 kafka_python_loop.py BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]

prints the rate of acknowledged records between second 1 and the end. `max.in.flight.records=N` is this program's own: it
waits while so many are in flight (10000), as the client itself has no limit.
"""

import ast
import os
import sys
import time

import kafka

acknowledged = 0


def on_success(metadata):
    global acknowledged
    acknowledged += 1


def on_error(error):
    sys.exit(f"{type(error).__name__}: {error}")


def value_of(text):
    try:
        return ast.literal_eval(text.capitalize() if text in ("true", "false", "none") else text)
    except (ValueError, SyntaxError):
        return text


def main(bootstrap, topic, seconds, record_bytes, *properties):
    asked = {name: value_of(value) for name, value in (word.split("=", 1) for word in properties)}
    limit = asked.pop("max.in.flight.records", 10_000)
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap.split(","), **{"allow_auto_create_topics": False, **asked})
    body = os.urandom(int(record_bytes))
    send, clock = producer.send, time.monotonic
    sent, counted_from, begin = 0, None, clock()
    end = begin + float(seconds)
    while (now := clock()) < end:
        if counted_from is None and now >= begin + 1:
            counted_from, before = now, acknowledged
        for _ in range(16):
            future = send(topic, body)
            future.add_callback(on_success)
            future.add_errback(on_error)
        sent += 16
        while sent - acknowledged >= limit and clock() < end:
            time.sleep(0.001)
    print("records_per_second", round((acknowledged - before) / (now - counted_from)), flush=True)
    # What is still in flight does not matter.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
