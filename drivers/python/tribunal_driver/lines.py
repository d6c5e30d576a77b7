"""Messages: one JSON object a line; and the last line on standard error."""

import json
import os
import sys
import threading
import traceback

REFUSED, UNREACHABLE, BROKEN = 2, 3, 1


class Refused(Exception):
    """A property or an option that makes no sense."""


class Unreachable(Exception):
    """A topic that could not be written to."""


def say_and_end(error):
    """Ends the process with one line about why, whatever its other threads are doing."""
    if os.environ.get("TRIBUNAL_DRIVER_TRACE") == "1":
        traceback.print_exception(type(error), error, error.__traceback__)
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, (Refused, Unreachable)):
        code = REFUSED if isinstance(error, Refused) else UNREACHABLE
    else:
        code, text = BROKEN, f"{type(error).__name__}: {text}"
    print(text, file=sys.stderr, flush=True)
    os._exit(code)


class Lines:
    """What is said to the agent, by any thread, and what it says."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.lock = threading.Lock()

    def say(self, name, body):
        line = json.dumps({name: body}, separators=(",", ":")).encode() + b"\n"
        with self.lock:
            self.sink.write(line)
            self.sink.flush()

    def heard(self):
        """Name and body of each message, until the agent has nothing more to say."""
        for line in self.source:
            yield from json.loads(line).items()
