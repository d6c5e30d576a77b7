"""The tools: how each is built, told what to do, and understood."""

import base64
import json
import os
import re
import subprocess

import measure
from cases import PARTITIONS, QUEUE_BYTES, QUEUE_RECORDS, WARM_UP, java_buffer, payload, properties

# What each tool is given beyond what all share (cases.properties), and why. This table is also printed.
BEST = {
    "tribunal": (
        "`run --local 1`: one agent, one producer, `queue.buffering.max.messages=1000000`; records of `size` without "
        "zstd, the peers' own payload (`samples`) with it",
        "as users run it: coordinator, agent, histograms, audit of every offset, report are all in its figures",
    ),
    "tribunal-stamped": ("the same with `headers = { source = \"tribunal\" }`", "the stamped path"),
    "rdkafka_performance": (
        "`-m PAYLOAD -q`, `queue.buffering.max.messages=1000000`, linked with Tribunal's own librdkafka.a",
        "one payload, not copied; no output while it runs; its default linger of 1000 ms is overridden",
    ),
    "rdkafka_performance-headers": ("the same with `-H source=tribunal`", "like for like with the stamped path"),
    "perf-test": (
        "`--payload-file` of one payload, `--warmup-records` (the steady-state summary counts), `-Xms2g -Xmx2g`, "
        "parallel collector, `buffer.memory` as large as librdkafka's queue",
        "`--record-size` draws every byte of every record at random, which is slower; the collector with the most "
        "throughput",
    ),
    "trogdor": (
        "agent in `--exec` mode, `constant` value generator with the payload, `null` keys, `skipFlush`, "
        "`useConfiguredPartitioner`, the JVM as above",
        "without `skipFlush` it flushes ten times a second, without the client's partitioner it fills six batches at once",
    ),
    "bare_loop": ("`cargo run --example bare_loop`", "the least that a producer on the same library can do"),
}
JVM = ["-Xms2g", "-Xmx2g", "-XX:+UseParallelGC", "-XX:-UsePerfData"]

# Records a second to size the first run of a tool by; later runs go by the figures of earlier ones.
GUESS = {"mock": (3_000_000, 1500e6), "kafka": (800_000, 200e6)}

PLAN = """name = "peers"
[agents]
count = 1
[cluster]
bootstrap = "{bootstrap}"
{cluster}
[topic]
partitions = {partitions}
[workload]
rate = "{rate}"
producers = 1
record = {record}
[window]
warm_up = "{warm_up}s"
measure = "{seconds}s"
drain = "10s"
[baseline]
{baseline}
"""
LOG = """appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %p %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.work.name = org.apache.kafka.trogdor.workload
logger.work.level = info
"""


class Tools:
    """Builds what is needed, and knows where it is."""

    def __init__(self, root, work, java):
        self.root, self.work = root, work
        build = ["cargo", "build", "--release", "--locked", "--quiet"]
        subprocess.run([*build, "-p", "tribunal"], cwd=root, check=True)
        peer = subprocess.run([root / "benches/peer"], check=True, stdout=subprocess.PIPE, text=True)
        self.peer = peer.stdout.strip()
        self.tribunal = str(root / "target/release/tribunal")
        self.bare_loop = root / "crates/kafka/examples/bare_loop.rs"
        self.has_bare_loop = self.bare_loop.exists()
        if self.has_bare_loop:
            subprocess.run([*build, "-p", "tribunal-kafka", "--example", "bare_loop"], cwd=root, check=True)
        self.jars = work / "jars"
        if java and not self.jars.is_dir():
            new = work / "jars.new"
            copy = ["mvn", "-q", "-B", "-ntp", "-f", root / "benches/peers.d/pom.xml", "dependency:copy-dependencies"]
            subprocess.run([*copy, "-DincludeScope=runtime", f"-DoutputDirectory={new}"], check=True)
            new.rename(self.jars)
        (work / "log4j2.properties").write_text(LOG)

    def run(self, tool, case, seconds, rate, guess, bootstrap, topic, secrets):
        """One run. `rate` is None or records a second; `guess` is how many a second the tool will manage."""
        kind, _, variant = tool.partition("-") if tool != "perf-test" else (tool, "", "")
        method = {"tribunal": self._tribunal, "rdkafka_performance": self._rdkafka, "perf-test": self._perf_test,
                  "trogdor": self._trogdor, "bare_loop": self._bare_loop}[kind]
        (self.work / "payload").write_text(payload(case))
        records = int((rate or guess) * (seconds + WARM_UP))
        return method(case, seconds, rate, records, bootstrap, topic, secrets, variant)

    def _finish(self, words, figures, used):
        words = [str(word) for word in words]
        shown = ["PAYLOAD" if word == (self.work / "payload").read_text() else word for word in words]
        command = " ".join("'%s'" % word if re.search(r"[*;{} ]", word) else word for word in shown)
        return {**figures, **used, "command": command.replace(f"{self.root}/", "")}

    def _tribunal(self, case, seconds, rate, records, bootstrap, topic, secrets, variant):
        """Delivered is what was acknowledged inside the window, over its length; records are those of the whole run."""
        record = f'size = "{case.size}"' if case.codec == "none" else f'samples = ["{self.work / "payload"}"]'
        if variant == "stamped":
            record += ', headers = { source = "tribunal" }'
        cluster = ""
        if case.tls:
            cluster = "[cluster.properties]\n" + "".join(
                f'"{key}" = {{ file = "{secrets["password_file"]}" }}\n' if key == "sasl.password"
                else f'"{key}" = "{value}"\n' for key, value in secrets["librdkafka"].items())
        baseline = {**properties(case), "queue.buffering.max.messages": QUEUE_RECORDS}
        plan = self.work / "plan.toml"
        plan.write_text(PLAN.format(
            bootstrap="mock" if case.sink == "mock" else bootstrap, cluster=cluster, partitions=PARTITIONS,
            rate=f"{rate}/s" if rate else "saturate", record="{ " + record + " }", warm_up=WARM_UP, seconds=seconds,
            baseline="\n".join(f'"{key}" = "{value}"' for key, value in baseline.items())))
        words = [self.tribunal, "run", plan, "--local", "1", "--store", self.work / "store", "--out",
                 self.work / "result", "--format", "json", "--quiet"]
        subprocess.run(["rm", "-rf", self.work / "store", self.work / "result"], check=True)
        # 3: the trial is invalid by Tribunal's own limits (this host is shared with the sink). The row says so.
        # `self.work / "run"` holds what every tool said.
        said, used = measure.run([str(word) for word in words], self.work / "run", seconds + 60, exits=(0, 3),
                                 has_mock=case.sink == "mock")
        whole = json.JSONDecoder().raw_decode(said)[0]
        result = (whole["results"] or [item["result"] for item in whole["void_attempts"] if "result" in item])[0]
        producers = [producer for agent in result["agents"] for producer in agent["producers"]]
        sent = sum(part["fates"]["acknowledged"] for part in result["parts"]) + sum(
            sum(producer["primed"]) for producer in producers)
        window = result["window"] or {}
        cpu = result["agents"][0]["window"]["cpu"]
        acknowledged = result["agents"][0]["window"]["acknowledged"]
        numbers = result["statistics"] or {}
        return self._finish(words, {
            "records": sent,
            "rate": result["rates"]["delivered"],
            "offered": result["rates"]["offered"],
            "lost": sum(part["fates"]["scheduled"] - part["fates"]["acknowledged"] for part in result["parts"]),
            "wire_bytes_per_record": ratio(numbers.get("wire_bytes"), numbers.get("batch_records")),
            "records_per_batch": ratio(numbers.get("batch_records"), numbers.get("batches")),
            "thread_cpu_per_million": {name: round(cpu[name] / 1e3 / acknowledged, 4)
                                       for name in ("sender_ns", "recorder_ns", "client_ns", "other_ns")},
            "invalid": not whole["results"],
            "bound_by": result["verdict"].get("bound_by"),
            "path": result["workload"]["path"],
        }, used)

    def _rdkafka(self, case, seconds, rate, records, bootstrap, topic, secrets, variant):
        """Its own final figure: delivered over the time from before the first record to the last report."""
        shared = {**properties(case), "queue.buffering.max.messages": QUEUE_RECORDS}
        shared |= secrets["librdkafka"] if case.tls else {}
        words = [self.peer, "-P", "-t", topic, "-m", payload(case), "-c", records, "-b", bootstrap, "-q"]
        for key, value in shared.items():
            words += ["-X", f"{key}={value}"]
        if variant == "headers":
            words += ["-H", "source=tribunal"]
        offered = None
        if rate:
            words += ["-r", rate]
            offered = 1e6 / (1_000_000 // rate)  # it waits for whole microseconds between records
        said, used = measure.run([str(word) for word in words], self.work / "run", seconds * 6 + 60)
        found = re.findall(r"(\d+) delivered \(offset -?\d+, (\d+) failed\) in \d+ms: (\d+) msgs/s", said)[-1]
        hidden = [str(word).replace(secrets["password"], "PASSWORD") if case.tls else word for word in words]
        return self._finish(hidden, {"records": int(found[0]), "lost": int(found[1]), "rate": float(found[2]),
                                     "offered": offered}, used)

    def _java(self, main, *words):
        return ["java", *JVM, "-cp", f"{self.jars}/*",
                f"-Dlog4j2.configurationFile={self.work / 'log4j2.properties'}", main, *words]

    def _perf_test(self, case, seconds, rate, records, bootstrap, topic, secrets, variant):
        """Its steady-state summary: what comes after the warm-up."""
        warm = records * WARM_UP // (seconds + WARM_UP)
        words = self._java(
            "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", records,
            "--payload-file", self.work / "payload", "--throughput", rate or -1, "--warmup-records", warm,
            "--bootstrap-server", bootstrap)
        if case.tls:
            words += ["--command-config", secrets["java_file"]]
        words += ["--command-property", *(f"{key}={value}" for key, value in properties(case).items()),
                  f"buffer.memory={java_buffer(case)}"]
        said, used = measure.run([str(word) for word in words], self.work / "run", seconds * 6 + 60)
        ends = re.findall(r"(\d+)( steady state)? records sent, ([\d.]+) records/sec", said)
        steady = [float(figure) for _, kind, figure in ends if kind]
        whole = max(int(count) for count, kind, _ in ends if not kind)
        return self._finish(words, {"records": whole, "lost": records - whole, "rate": steady[-1],
                                    "offered": rate}, used)

    def _trogdor(self, case, seconds, rate, records, bootstrap, topic, secrets, variant):
        """Records over milliseconds as its log tells them: from the first send to the end of the last."""
        agent = self.work / "agent.json"
        agent.write_text(json.dumps({
            "platform": "org.apache.kafka.trogdor.basic.BasicPlatform",
            "nodes": {"node0": {"hostname": "127.0.0.1", "trogdor.agent.port": "0"}}}))
        value = base64.b64encode(payload(case).encode()).decode()
        task = self.work / "task.json"
        task.write_text(json.dumps({
            "class": "org.apache.kafka.trogdor.workload.ProduceBenchSpec", "startMs": 0, "durationMs": 600_000,
            "producerNode": "node0", "bootstrapServers": bootstrap,
            "targetMessagesPerSec": rate or 10_000_000, "maxMessages": records,
            "keyGenerator": {"type": "null"},
            "valueGenerator": {"type": "constant", "size": case.bytes, "value": value},
            "producerConf": {**properties(case), "buffer.memory": str(java_buffer(case))},
            "activeTopics": {topic: {"numPartitions": PARTITIONS, "replicationFactor": 1}}, "inactiveTopics": {},
            "useConfiguredPartitioner": True, "skipFlush": True}))
        words = self._java("org.apache.kafka.trogdor.agent.Agent", "--agent.config", agent, "--node-name", "node0",
                           "--exec", task)
        said, used = measure.run([str(word) for word in words], self.work / "run", seconds * 6 + 60)
        count, millis = re.findall(r"Sent (\d+) total record\(s\) in (\d+) ms", said)[-1]
        return self._finish(words, {"records": int(count), "lost": records - int(count),
                                    "rate": int(count) * 1000 / int(millis), "offered": rate}, used)

    def _bare_loop(self, case, seconds, rate, records, bootstrap, topic, secrets, variant):
        shared = {**properties(case), "queue.buffering.max.messages": QUEUE_RECORDS}
        words = [self.root / "target/release/examples/bare_loop", bootstrap, topic, case.bytes, seconds + WARM_UP,
                 *(f"{key}={value}" for key, value in shared.items())]
        said, used = measure.run([str(word) for word in words], self.work / "run", seconds + 60)
        told = json.loads([line for line in said.splitlines() if line.startswith("{")][-1])
        return self._finish(words, {"records": told["records"], "rate": told["records"] / told["seconds"],
                                    "offered": None, "told": told}, used)


def ratio(a, b):
    return round(a / b, 3) if a and b else None


def secrets_of(state):
    """How the SASL_SSL listener of the cluster in the given folder is reached."""
    password = (state / "password").read_text()
    return {
        "password": password,
        "password_file": state / "password",
        "java_file": state / "client.properties",
        "librdkafka": {
            "security.protocol": "SASL_SSL", "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": (state / "user").read_text(), "sasl.password": password,
            "ssl.ca.location": str(state / "ca.pem")},
    }


def versions(tools, java):
    def said(*words):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.stdout.strip()

    library = re.search(r"librdkafka version ([\d.]+)", said(tools.peer, "-h") or "")
    lock = (tools.root / "Cargo.lock").read_text()
    package = re.search(r'name = "rdkafka-sys"\nversion = "([^"]+)"', lock)
    commit = said("git", "-C", str(tools.root), "rev-parse", "--short", "HEAD")
    listed = [f"Tribunal {said(tools.tribunal, '--version').split()[-1]} ({commit})",
              f"librdkafka {library.group(1) if library else '?'} (rdkafka-sys {package.group(1)})"]
    if java:
        kafka = re.search(r"<kafka.version>(.*?)<", (tools.root / "benches/peers.d/pom.xml").read_text()).group(1)
        listed += [f"Apache Kafka {kafka}, broker and tools", said("java", "-version").splitlines()[0].split('"')[1]]
        listed[-1] = f"Java {listed[-1]}"
    system = os.uname()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return listed + [f"{system.sysname} {system.release.split('-')[0]}", f"{os.cpu_count()} processors",
                     f"{memory:.0f} GiB of memory"]
