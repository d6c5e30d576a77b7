"""The least that sends with confluent-kafka as fast as it takes records: what the driver's own cost is measured against.

    python3 confluent_kafka_loop.py BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]

prints the rate of acknowledged records between second 1 and the end. `poll.every=N` is this program's own: it calls poll()
after every Nth record (100); 1 is what the client's documentation shows, and slower.
"""

import os
import sys
import time

import confluent_kafka

acknowledged = 0


def on_delivery(error, message):
    global acknowledged
    if error is None:
        acknowledged += 1


def main(bootstrap, topic, seconds, record_bytes, *properties):
    asked = dict(word.split("=", 1) for word in properties)
    every = int(asked.pop("poll.every", 100))
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "allow.auto.create.topics": "false", **asked})
    body = os.urandom(int(record_bytes))
    produce, poll, clock = producer.produce, producer.poll, time.monotonic
    begin, counted_from = clock(), None
    end = begin + float(seconds)
    while (now := clock()) < end:
        if counted_from is None and now >= begin + 1:
            counted_from, before = now, acknowledged
        for _ in range(every):
            while True:
                try:
                    produce(topic, body, None, -1, on_delivery)
                    break
                except BufferError:
                    poll(0.02)
        poll(0)
    print("records_per_second", round((acknowledged - before) / (now - counted_from)), flush=True)
    # What is still queued does not matter.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
