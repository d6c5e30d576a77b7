"""Lets dashboards/live ask a server that answers what a test wants, and demands that it notices.

usage: test_live.py DASHBOARD.json…
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

LIVE = Path(__file__).resolve().parent.parent / "live"


class Stub(BaseHTTPRequestHandler):
    """A server on which all is well, but for the queries that hold one of some words, which get other values."""

    protocol_version = "HTTP/1.1"
    planted = ()

    def do_GET(self):
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        expr = asked.get("query") or asked.get("match[]") or url.path
        values = next((values for word, values, _ in self.planted if word in expr), ["0.5", "1"])
        if values == "refused":
            self.answer(400, {"status": "error", "error": "parse error: a word"})
        elif "/label/" in url.path:
            self.answer(200, {"data": ["t-9", "t-10"] if values else []})
        elif url.path.endswith("/query"):
            result = [{"metric": {}, "value": [0, value]} for value in values[:1]]
            self.answer(200, {"data": {"resultType": "vector", "result": result}})
        else:
            result = [{"metric": {}, "values": [[0, value] for value in values]}] if values else []
            self.answer(200, {"data": {"resultType": "matrix", "result": result}})

    def answer(self, code, told):
        body = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


# A word of some queries, what they get, and what has to be said of each of them; None where nothing may be.
PLANTED = [
    ("clock_bound", [], "returns nothing"),
    ("schedule_delay", ["NaN", "NaN"], "is NaN throughout"),
    ("agent_cpu", ["NaN", "1"], None),
    ("broker_round_trip", ["1", "+Inf"], "is infinite somewhere"),
    ("broker_queue_seconds", ["1", "-0.25"], "is -0.25 somewhere, below 0"),
    ("kafka_request_time_mean_seconds", ["1", "-4.9e-17"], None),
    ("start_skew_seconds_bucket", ["-1"], "is -1.0 somewhere, below 0"),
    ("gc_collection", ["1.2"], None),
    ("queue_full_seconds", ["3000"], "is 3000.0 somewhere, far above 1"),
    ("host_busy", "refused", "refused: parse error: a word"),
    ("tribunal_coordinator_agents", [], "returns nothing"),
    # These may be empty, but not nonsense.
    ("tribunal_producer_failures_total", [], None),
    ("kafka_request_errors_total", ["-2"], "is -2.0 somewhere, below 0"),
    ('phase="window"})', [], "returns nothing"),
    ('up{job=~".+"}', [], "has no values"),
    # The last in the natural order is what Grafana would offer first.
    ('message_rate{topic="t-10"}', [], "returns nothing"),
    ('error_rate{topic="t-9"}', [], None),
    # Rates over four scrapes, of agents and of brokers, and over the whole time.
    ("tribunal_client_retries_total{", [], "returns nothing"),
    ("tribunal_client_timeouts_total", [], "returns nothing"),
]
WINDOWS = {"tribunal_producer_records_total": "[4s]", "kafka_topic_records_in_total": "[20s]", "void_attempts": "[60s]"}


def asked(url, dashboards):
    command = [sys.executable, LIVE, "--prometheus", url, "--from", "1000", "--to", "1060", "--json", *dashboards]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, json.loads(ran.stdout)["asked"]


def main(dashboards):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    wrong = []

    code, sound = asked(url, dashboards)
    wrong += [f"found where nothing is: {one}" for one in sound if one["finding"]]
    wrong += [f"exits with {code} where nothing is"] if code else []
    for name, window in WINDOWS.items():
        rates = [one["expr"] for one in sound if name in one["expr"] and "[" in one["expr"]]
        wrong += [f"not over {window}: {expr}" for expr in rates if window not in expr] if rates else [f"no {name}"]

    Stub.planted = PLANTED
    code, found = asked(url, dashboards)
    wrong += [] if code == 1 else [f"exits with {code} where much is wrong"]
    for word, _, finding in PLANTED:
        if finding and not any(word in one["expr"] for one in found):
            wrong.append(f"no query has {word}")
    for one in found:
        expected = next((finding for word, _, finding in PLANTED if word in one["expr"]), None)
        if one["finding"] != expected and not one["where"].startswith("variable "):
            wrong.append(f"expected {expected!r}: {one}")
    if not any(one["where"] == "variable instance" and one["finding"] == "has no values" for one in found):
        wrong.append("a variable without values is not found")

    server.shutdown()
    server.server_close()
    gone = subprocess.run([sys.executable, LIVE, "--prometheus", url], capture_output=True, check=False)
    wrong += [] if gone.returncode == 2 else [f"exits with {gone.returncode} where there is no server"]
    for line in wrong:
        print(line)
    print(f"dashboards/live: {len(found)} queries, {sum(1 for one in PLANTED if one[2])} faults planted, {len(wrong)} wrong")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
