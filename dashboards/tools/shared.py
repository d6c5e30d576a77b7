"""What both dashboards show, and the words of the matchers that all queries carry."""

import prometheus
from grafana import query, row, series, timeline, values

# Of everything.
ANY = 'job=~"$job",instance=~"$instance"'
# Of what belongs to one producer.
PRODUCER = ANY + ',experiment=~"$experiment",trial=~"$trial",client_id=~"$client"'
# The least step of queries of brokers, whose scrapes are rarer than the others.
BROKER_STEP = f"{prometheus.BROKER_SCRAPE}s"

RATE = "[$__rate_interval]"

# Limits of METHODOLOGY.md, in seconds: from the first on a trial has a caveat, from the second on it is void.
SCHEDULE_DELAY = (0.001, 0.005)
CLOCK_BOUND = (0.002, 0.010)
START_SKEW = (0.005, 0.010)

# The words of tribunal_agent_phase, those of people, and a colour.
PHASES = (
    ("idle", "idle", "super-light-blue"),
    ("calibrating", "calibrating", "purple"),
    ("preparing", "preparing", "light-blue"),
    ("armed", "armed", "blue"),
    ("warm_up", "warm-up", "yellow"),
    ("window", "measurement window", "green"),
    ("cool_down", "cool-down and drain", "orange"),
    ("reporting", "reporting", "light-purple"),
)


def rate(name, matchers):
    return f"rate({name}{{{matchers}}}{RATE})"


def total(name, matchers, by=""):
    """The rate of a counter, over all series or for each value of some labels."""
    return f"sum{f' by ({by})' if by else ''} ({rate(name, matchers)})"


def mean(name, matchers, by=""):
    """The mean of what a histogram or summary observed. Means may be split and added; percentiles may not."""
    return f"{total(name + '_sum', matchers, by)} / {total(name + '_count', matchers, by)}"


def quantile(q, name, matchers, by=""):
    """A quantile of merged buckets: never one of quantiles."""
    labels = ", ".join(filter(None, ("le", by)))
    return f"histogram_quantile({q}, sum by ({labels}) ({rate(name + '_bucket', matchers)}))"


def of_broker(expr):
    """Names the broker by its id, as clients do."""
    return f"sum by (broker) ({expr} * on (job, instance) group_left (broker) kafka_broker_identity{{{ANY}}})"


def targets_variables():
    return [
        values("job", "Job", "Agents, coordinator, brokers.", "label_values(up, job)"),
        values("instance", "Instance", "Addresses that Prometheus scrapes.", 'label_values(up{job=~"$job"}, instance)'),
    ]


def phases(size):
    numbered = " or ".join(
        f'{number} * tribunal_agent_phase{{{ANY},phase="{phase}"}}'
        for number, (phase, _, _) in enumerate(PHASES, start=1)
    )
    return timeline(
        "Phase of Each Agent",
        "What each agent does. All agents of a trial enter warm-up and measurement at the same announced instant; here the "
        "edges are only as sharp as the scrapes, a second apart. The report has them exactly.",
        query(f"max by (agent) ({numbered})", "{{agent}}"),
        [(words, colour) for _, words, colour in PHASES],
        size=size,
    )


def schedule_delay(size):
    return series(
        "Schedule Delay, 99th Percentile",
        "s",
        "How late the agent itself was to send, without the time in which the client was full. Above the first line a trial "
        "gets a caveat, above the second it is void: then the load generator was measured, not the client. Read off wide "
        "buckets, and over seconds instead of the window: an indication. The verdict is in the report.",
        query(quantile(0.99, "tribunal_producer_schedule_delay_seconds", ANY, "agent"), "{{agent}}"),
        size=size,
        limits=SCHEDULE_DELAY,
    )


def thread_groups(size):
    return series(
        "Processor Time by Thread Group",
        "suffix: cores",
        "Cores in use by each group of an agent's threads while a trial runs. What the client library's own threads take is "
        "the client's cost; sender and report threads are Tribunal's. A group may hold several threads: one thread at one "
        "whole core is a limit that a sum does not show.",
        query(total("tribunal_agent_cpu_seconds_total", ANY, "agent, group"), "{{agent}} {{group}}"),
        size=size,
    )


def host(size):
    return series(
        "Processor Time of the Hosts",
        "suffix: cores",
        "Cores in use by all processes of each agent's host while a trial runs, and cores that the hypervisor withheld "
        "(steal). Agents that share a host show the same.",
        query(total("tribunal_agent_host_busy_seconds_total", ANY, "agent"), "{{agent}} busy"),
        query(total("tribunal_agent_host_steal_seconds_total", ANY, "agent"), "{{agent}} steal"),
        size=size,
    )


def clock_bound(size):
    return series(
        "Clock Bound",
        "s",
        "The most by which an agent's offset to the coordinator's clock can be wrong: half of the best round trip, and what "
        "has drifted since. It adds to the start skew. Above the first line a trial gets a caveat, above the second it is "
        "void.",
        query(f"max by (agent) (tribunal_agent_clock_bound_seconds{{{ANY}}})", "{{agent}}"),
        size=size,
        limits=CLOCK_BOUND,
    )


def clock_movement(size):
    offset = f"tribunal_agent_clock_offset_seconds{{{ANY}}}"
    return series(
        "Clock Offset above Its Lowest",
        "s",
        "By how much each agent's clock offset has moved in the time shown, from its lowest value on. The offset itself says "
        "only which host was started first. A slope is drift, tens of microseconds a second and less on sound hosts; a jump "
        "is another measurement, or a restarted host.",
        # At the left edge the value is one from before the time shown, and may be below its lowest.
        query(f"max by (agent) (clamp_min({offset} - min_over_time({offset}[$__range] @ end()), 0))", "{{agent}}"),
        size=size,
    )


def agents():
    """The row that says whether the load generator was fit."""
    return [
        row("Agents"),
        thread_groups((12, 8)),
        host((12, 8)),
        schedule_delay((8, 8)),
        clock_bound((8, 8)),
        clock_movement((8, 8)),
    ]
