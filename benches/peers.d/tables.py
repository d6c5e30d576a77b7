"""The Markdown of all runs: floor ratios, tables, settings, commands."""

import statistics

from cases import GRID, PARTITIONS, WARM_UP
from tools import BEST

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"
ORDER = list(BEST)
# Only for itself in a ratio: these stand beside a variant of their own.
VARIANTS = ("tribunal-stamped", "rdkafka_performance-headers", "bare_loop")


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def spread(values, show=number):
    """Median, least and greatest."""
    values = sorted(values)
    middle = show(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({show(values[0])} to {show(values[-1])})"


def two(value):
    return f"{value:.2f}"


def four(value):
    return f"{value:.4f}"


def cpu(row):
    return row["cpu_s"] / row["records"] * 1e6


def share(row):
    return row["rate"] / row["offered"]


def paired(rows, case, tool, other, figure):
    """Ratios of the runs of the same round."""
    def by_round(name):
        return {row["round"]: figure(row) for row in rows if (row["case"], row["tool"]) == (case, name)}
    ours, theirs = by_round(tool), by_round(other)
    return [ours[round_] / theirs[round_] for round_ in sorted(ours.keys() & theirs.keys())]


def rate(row):
    return row["rate"]


def threads_cpu(row):
    """CPU of the threads that a bare loop has as well."""
    return sum(row["thread_cpu_per_million"][name] for name in ("sender_ns", "recorder_ns"))


def floor(rows):
    mock, kafka = "mock-saturated-{}-none-acks_1", "kafka-saturated-{}-none-acks_1"
    peer = "rdkafka_performance"
    wanted = [
        ("records/s, 100 B, mock, bare path ÷ " + peer, mock.format("100B"), "tribunal", peer, rate),
        ("CPU-seconds per million records, same case ÷ " + peer, mock.format("100B"), "tribunal", peer, cpu),
        ("records/s, 100 B, real Kafka ÷ " + peer, kafka.format("100B"), "tribunal", peer, rate),
        ("records/s, 1 KiB, real Kafka ÷ " + peer, kafka.format("1KiB"), "tribunal", peer, rate),
        ("bytes/s, 10 KiB, real Kafka ÷ " + peer, kafka.format("10KiB"), "tribunal", peer, rate),
        ("records/s, 100 B, mock, stamped path ÷ bare path", mock.format("100B"), "tribunal-stamped", "tribunal", rate),
        (f"records/s, 100 B, mock, `{peer}` with a header ÷ without", mock.format("100B"), peer + "-headers", peer, rate),
    ]
    lines = [(what, paired(rows, *how)) for what, *how in wanted]
    for tool in ("tribunal", "perf-test", "trogdor"):
        for size in ("100B", "1KiB"):
            name = f"kafka-half-{size}-none-acks_1"
            values = [share(row) for row in rows if (row["case"], row["tool"]) == (name, tool)]
            lines.append((f"delivered ÷ offered, {size}, half of saturation, real Kafka: {tool}", values))
    name = mock.format("100B")
    loop = {row["round"]: row["told"] for row in rows if (row["case"], row["tool"]) == (name, "bare_loop")}
    ours = {row["round"]: row for row in rows if (row["case"], row["tool"]) == (name, "tribunal")}
    both = sorted(loop.keys() & ours.keys())
    lines.append(("CPU of sender and report thread in the window ÷ those of the bare loop, 100 B, mock", [
        threads_cpu(ours[key]) / (
            (loop[key]["sender_cpu_seconds"] + loop[key]["reports_cpu_seconds"]) / loop[key]["records"] * 1e6)
        for key in both]))
    text = ["| what | median (range over rounds) | rounds |", "|---|---|---|"]
    for what, values in lines:
        if values:
            show = four if "offered" in what else two
            text.append(f"| {what} | {spread(values, show)} | {len(values)} |")
    return text


def table(rows, sink, load):
    fixed = load == "half"
    heads = ["case", "tool", "records/s", "MB/s", "CPU-s per million", "peak MiB", "bytes/record on the wire"]
    heads[2:4] = ["offered/s", "delivered ÷ offered"] if fixed else heads[2:4]
    heads.append("CPU: Tribunal ÷ tool" if fixed else "records/s, CPU: Tribunal ÷ tool")
    text = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for case in GRID:
        if (case.sink, case.load) != (sink, load):
            continue
        label = f"{case.size}, {case.codec}, acks={case.acks}" + ", SASL_SSL" * case.tls
        for tool in ORDER:
            own = [row for row in rows if (row["case"], row["tool"]) == (case.name, tool)]
            if not own:
                continue
            if fixed:
                speed = [number(own[0]["offered"]), spread([share(row) for row in own], four)]
            else:
                speed = [spread([row["rate"] for row in own]), spread([row["rate"] * case.bytes / 1e6 for row in own])]
            wire = [row["wire_bytes_per_record"] for row in own if row.get("wire_bytes_per_record")]
            against = "–"
            if tool not in ("tribunal", *VARIANTS):
                ratios = [two(statistics.median(values)) for figure in ([cpu] if fixed else [rate, cpu])
                          if (values := paired(rows, case.name, "tribunal", tool, figure))]
                against = ", ".join(ratios) or "–"
            text.append(f"| {label} | {tool} | {' | '.join(speed)} | {spread([cpu(row) for row in own], two)} | "
                        f"{statistics.median(row['peak_kib'] for row in own) / 1024:.0f} | "
                        f"{f'{statistics.median(wire):.1f}' if wire else '–'} | {against} |")
            label = ""
    return text if len(text) > 2 else []


NOTES = f"""- Shared settings: `linger.ms=10`, `batch.size=262144`, `enable.idempotence=false`, {PARTITIONS} partitions, no keys; queues of a million records or 1 GiB, whichever is less (Java: as many bytes in `buffer.memory`). One producer, one process. `acks=all` on one broker waits for nobody else: it shows what the setting itself costs.
- Rates. Tribunal: acknowledged inside its window ÷ the window, after {WARM_UP} s of warm-up. `rdkafka_performance`: its final figure, from before the first record to the last report. `perf-test` (`kafka-producer-perf-test`): its steady-state summary, after as much warm-up. Trogdor: records ÷ milliseconds of its log, warm-up of the JVM included.
- CPU: user and system time of everything that the tool started, of the whole run from start to exit, the sink left out, ÷ all records it sent (Tribunal: coordinator, agent, histograms, audit and report are in it; JVMs: their start and compilation). Peak memory: the largest process of the tool; a JVM takes what it is given.
- Half of saturation: half of the saturated median of the slowest of Tribunal, `rdkafka_performance` and (real Kafka) `perf-test` in the same case, the same rate for all. `rdkafka_performance` waits whole microseconds between records, so it is offered the next such rate above; Trogdor works in periods of 100 ms.
- Payload: the peers send one payload of random letters over and over; Tribunal its own pool of different records without zstd, and with zstd the same single payload (which compresses better than any real data, alike for all).
- Bytes on the wire: Tribunal from librdkafka's statistics (requests to brokers), the peers from the size of the log: with protocol overhead or without, so the two agree only nearly. On the mock the peers' are not known.
- Kafka's own tools do not run on librdkafka's mock. Tool and sink share this host's processors. The broker's log is in memory unless the versions say otherwise: a disk that cannot take hundreds of megabytes a second stalls every tool at random."""


def markdown(rows, versions):
    text = [f"Versions: {', '.join(versions)}.", "", "### Ratios", "", *floor(rows)]
    for sink, kind in (("mock", "librdkafka's mock cluster, a process of its own"), ("kafka", "one broker of real Kafka")):
        for load, title in (("saturated", "saturated"), ("half", "at a fixed rate, half of saturation")):
            lines = table(rows, sink, load)
            if lines:
                text += ["", f"### Into {kind}: {title}", "", *lines]
    text += ["", "Medians; least and greatest of the rounds in brackets. The last column is the median of the ratios of runs of "
             "the same round.", "", NOTES, "", "### Settings and commands", "",
             "| tool | its best settings | why |", "|---|---|---|"]
    ran = {row["tool"] for row in rows}
    text += [f"| {tool} | {what} | {why} |" for tool, (what, why) in BEST.items() if tool in ran]
    text += ["", "One command of each, as it ran (the plan and the other files stay in `target/peers`):", "", "```sh"]
    for tool in ORDER:
        own = [row for row in rows if row["tool"] == tool]
        if own:
            text += [f"# {own[0]['case']}", own[0]["command"]]
    return "\n".join([*text, "```"])


def write(path, text):
    whole = path.read_text()
    before, _, rest = whole.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"peers: {path.name} has no {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
