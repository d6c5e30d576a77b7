"""The dashboard of somebody who tunes producers."""

from grafana import annotation, dashboard, heatmap, query, row, series, source, values
from shared import (
    ANY,
    BROKER_STEP,
    PRODUCER,
    agents,
    mean,
    of_broker,
    phases,
    quantile,
    rate,
    targets_variables,
    total,
)

# Of the producers that the variables select: where their values come from. Every client has it.
RECORDS = "tribunal_producer_records_total"
FATES = {
    "acknowledged": "green",
    "not_written": "red",
    "possibly_written": "orange",
    "unresolved": "purple",
    "shed": "yellow",
    "unsent": "blue",
}
CLOSED_LOOP = "A closed loop (`rate = \"saturate\"`) has no intended sends: its latency is queue ÷ rate, whatever `linger.ms` is."


def variables():
    return [
        source(),
        *targets_variables(),
        values("experiment", "Experiment", "Last first.", f"label_values({RECORDS}{{{ANY}}}, experiment)", sort=2),
        values("trial", "Trial", "In the order in which they ran.", f'label_values({RECORDS}{{{ANY},experiment=~"$experiment"}}, trial)'),
        values(
            "topic",
            "Topic",
            "For the rate and error panels at the top, which show one topic. Each attempt has topics of its own: the last first.",
            f'label_values({RECORDS}{{{ANY},experiment=~"$experiment",trial=~"$trial"}}, topic)',
            single=True,
            sort=8,
        ),
        values(
            "client",
            "Client",
            "Producers by client_id.",
            f'label_values({RECORDS}{{{ANY},experiment=~"$experiment",trial=~"$trial"}}, client_id)',
        ),
    ]


def annotations():
    def phase(name, colour, word):
        matchers = f'{ANY},experiment=~"$experiment",trial=~"$trial",phase="{word}"'
        expr = f"max by (experiment, trial) (tribunal_agent_phase{{{matchers}}})"
        return annotation(name, colour, expr, f"{name}: trial {{{{trial}}}}", "{{experiment}}")

    return [
        phase("Warm-up", "yellow", "warm_up"),
        phase("Measurement window", "green", "window"),
        phase("Cool-down and drain", "orange", "cool_down"),
    ]


def first():
    """Titles, queries and legends of the first three are given: whoever knows them finds them as they are."""
    return [
        series(
            "Producer Message Rate per Client",
            "recps",
            "Acknowledged records a second of each producer that writes to the chosen topic, over the last second. Not the "
            "trial's delivered rate, which is counted over the whole window; this one shows how it came about.",
            query('kafka_producer_message_rate{topic="$topic"}', "{{client_id}}"),
        ),
        series(
            "Total Message Rate per Topic",
            "recps",
            "Acknowledged records a second of all producers by topic, whatever is chosen above. Each attempt has topics of its "
            "own, so a new curve is a new attempt.",
            query("sum by (topic) (kafka_producer_message_rate)", "{{topic}}"),
        ),
        series(
            "Error Rate per Client",
            "recps",
            "Records a second of which the client said at last that they failed: not written, or possibly written with an "
            "error. Retries that succeed are not in it; the row Errors has them.",
            query('kafka_producer_error_rate{topic="$topic"}', "{{client_id}}"),
        ),
        phases((12, 8)),
    ]


def producers():
    return [
        row("Producers"),
        series(
            "Records by Fate",
            "recps",
            "Every scheduled record gets one fate: their sum is the schedule, a little later. Yellow and blue were never sent: "
            "dropped by `when_full = \"shed\"`, or not taken by the client until the drain deadline. With `acks=0` all are "
            "possibly written.",
            query(total(RECORDS, PRODUCER, "fate"), "{{fate}}"),
            stacked=True,
            colours=FATES,
        ),
        series(
            "Acknowledged Bytes per Client",
            "Bps",
            "Keys and values of acknowledged records, before compression. What went over the network is in the compression "
            "ratio below.",
            query(total("tribunal_producer_acknowledged_bytes_total", PRODUCER, "client_id"), "{{client_id}}"),
        ),
        series(
            "Records in Flight per Client",
            "short",
            "Records that the client has taken and not yet told the fate of: in its queue, on the wire, or waiting for an "
            "answer. Level under a constant rate; a slope says that the load is not sustained.",
            query(f"sum by (client_id) (tribunal_producer_in_flight_records{{{PRODUCER}}})", "{{client_id}}"),
        ),
        series(
            "Share of Time with a Full Client",
            "percentunit",
            "Share of each second in which the sender waited because the client refused records. It is in the response time "
            "of the records that waited, and the trial is bound by buffer, throttle or broker; it is not the agent's "
            "lateness.",
            query(total("tribunal_producer_queue_full_seconds_total", PRODUCER, "client_id"), "{{client_id}}"),
            most=1,
        ),
    ]


def errors():
    return [
        row("Errors"),
        series(
            "Failed Records by Error",
            "recps",
            "Final failures by the client's own word for them. Empty when nothing has failed.",
            query(total("tribunal_producer_failures_total", PRODUCER, "code"), "{{code}}"),
            stacked=True,
        ),
        series(
            "Retries, Time-outs, Lost Connections",
            "cps",
            "What went wrong and was put right, or will be failures later. `failed = 0` can hold while a fifth of the requests "
            "are retries. Retries count records and are a lower bound; the others count requests and connections. librdkafka "
            "closes idle connections too.",
            query(total("tribunal_client_retries_total", PRODUCER), "records sent again"),
            query(total("tribunal_client_timeouts_total", PRODUCER), "requests timed out"),
            query(total("tribunal_client_transmit_errors_total", PRODUCER), "requests not sent"),
            query(total("tribunal_client_disconnects_total", PRODUCER), "connections lost"),
        ),
    ]


def latencies():
    response = "tribunal_producer_response_seconds"
    percentiles = [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")]
    return [
        row("Response time"),
        heatmap(
            "Response Time",
            "s",
            "Acknowledged records a second by response time, intended send to delivery report: a client or a sender that was "
            "held up shows. A band that climbs is a queue that grows; two bands are two kinds of records (two brokers, full "
            "batches and lingering ones), which no percentile tells. Records that failed or have no answer yet are not in it. "
            + CLOSED_LOOP,
            total(response + "_bucket", PRODUCER, "le"),
            count="recps",
        ),
        series(
            "Response Time Percentiles",
            "s",
            "Over all chosen producers, from merged buckets, over a few seconds: p99.9 of few records is one record. The "
            "buckets are wide (1, 2, 5), so a value here may be off by half; the report's come from histograms with three "
            "digits. Percentiles do not add, and none can be made from others. " + CLOSED_LOOP,
            *[query(quantile(q, response, PRODUCER), name) for q, name in percentiles],
        ),
        series(
            "Mean Response Time, Split",
            "s",
            "Mean send lag and mean service time add up to the mean response time, as long as all records are acknowledged: "
            "means add, percentiles do not. Send lag is the agent's own lateness and the time with a full client; service time "
            "is what the client and the brokers took, split further in the row below.",
            query(mean("tribunal_producer_send_lag_seconds", PRODUCER), "send lag"),
            query(mean("tribunal_producer_service_seconds", PRODUCER), "service time"),
            stacked=True,
        ),
        series(
            "Service Time and Send Lag, 99th Percentiles",
            "s",
            "Each of its own records: these two do not add up to the response time's. Service time alone hides what waited in "
            "front of a full client, as benchmarks do that send the next record when the last is done.",
            query(quantile(0.99, "tribunal_producer_service_seconds", PRODUCER), "service time"),
            query(quantile(0.99, "tribunal_producer_send_lag_seconds", PRODUCER), "send lag"),
        ),
    ]


def clients():
    def broker(title, name, description):
        legend = "broker {{broker}}"
        return series(title, "s", description, query(mean(name, PRODUCER, "broker"), legend), size=(6, 8))

    def ratio(title, unit, above, below, legend, description):
        expr = f"{total(above, PRODUCER)} / {total(below, PRODUCER)}"
        return series(title, unit, description, query(expr, legend), size=(6, 8))

    return [
        row("Client internals"),
        broker(
            "Mean Time in the Client's Queue",
            "tribunal_client_broker_queue_seconds",
            "From produce call to request: `linger.ms`, and waiting for a full queue and for a leader. Linger's share is at "
            "most the smaller of this and `linger.ms`; the rest waits for the broker. librdkafka's own count (`int_latency`) by "
            "record; other clients have none.",
        ),
        broker(
            "Mean Wait in the Outbound Buffer",
            "tribunal_client_broker_outbound_seconds",
            "From request to socket: a connection that takes no more, or a client thread without processor time. librdkafka's "
            "own count (`outbuf_latency`) by request.",
        ),
        broker(
            "Mean Round Trip",
            "tribunal_client_broker_round_trip_seconds",
            "From socket to answer, the wait behind earlier requests of the same connection included: less the broker's own "
            "total it is network and socket queues. librdkafka's own count (`rtt`) by request.",
        ),
        series(
            "Mean Throttle",
            "s",
            "For how long the broker asked the client to hold back (quotas), over all answers: it stands beside the round trip, "
            "and adds to it. Above 0 the trial is bound by the throttle.",
            query(
                f"{total('tribunal_client_broker_throttle_seconds_sum', PRODUCER, 'broker')}"
                # Clients count only the answers that had one: their mean would be of those, and mostly of none.
                f" / {total('tribunal_client_broker_round_trip_seconds_count', PRODUCER, 'broker')}",
                "broker {{broker}}",
            ),
            size=(6, 8),
        ),
        ratio(
            "Records per Batch",
            "suffix: records",
            "tribunal_client_batch_records_total",
            "tribunal_client_batches_total",
            "records per batch",
            "The mean. What linger and batch size buy: if it does not grow with `linger.ms`, the linger is only delay. Of "
            "clients that count batches.",
        ),
        ratio(
            "Batches per Request",
            "suffix: batches",
            "tribunal_client_batches_total",
            "tribunal_client_requests_total",
            "batches per request",
            "The mean. librdkafka sends one batch of one partition in a request; others put several partitions of a broker "
            "into one. Of clients that count both.",
        ),
        ratio(
            "Compression Ratio",
            "suffix: ×",
            "tribunal_client_record_bytes_total",
            "tribunal_client_wire_bytes_total",
            "record bytes per byte sent",
            "Keys and values ÷ all bytes sent to brokers. Below the codec's own ratio, since batch headers and other requests "
            "are in the divisor: small batches may come out below 1.",
        ),
        series(
            "Request Latency of Drivers",
            "s",
            "Mean latency of produce requests over the last second by the client's own count. Only clients in drivers tell it; "
            "of librdkafka the panels above tell more.",
            query(f"max by (client_id) (tribunal_client_request_latency_seconds{{{PRODUCER}}})", "{{client_id}}"),
            size=(6, 8),
        ),
    ]


def brokers():
    def asked(expr, legend):
        return query(expr, legend, step=BROKER_STEP)

    def each(name, legend="broker {{broker}}", matchers=ANY):
        return asked(of_broker(rate(name, matchers)), legend)

    # A mean since the broker's start times its count is a sum; both have to be looked at in the same instants.
    steps = ANY + ',request="Produce",step!="Total"'
    window = f"[$__rate_interval:{BROKER_STEP}]"
    observations = f"kafka_request_time_observations_total{{{steps}}}"
    spent = f"sum by (step) (delta((kafka_request_time_mean_seconds{{{steps}}} * {observations}){window}))"
    counted = f"sum by (step) (increase({observations}{window}))"
    handlers = rate("kafka_request_handler_idle_seconds_total", ANY)
    threads = f"min by (job, instance) ({rate('kafka_network_processor_idle_seconds_total', ANY)})"
    return [
        row("Brokers"),
        series(
            "Records In per Topic",
            "recps",
            "Records a second that the brokers took, by their own count, whoever sent them. A topic that is deleted takes its "
            "curve with it.",
            asked(total("kafka_topic_records_in_total", ANY, "topic"), "{{topic}}"),
        ),
        series(
            "Bytes In per Broker",
            "Bps",
            "What clients produced to each broker, as it came (compressed), and what the broker copied from others. Unequal "
            "shares mean unequal partitions or keys: then one broker is the limit before the cluster is.",
            each("kafka_broker_bytes_in_total", "broker {{broker}} from clients"),
            each("kafka_broker_replication_bytes_in_total", "broker {{broker}} from brokers"),
        ),
        series(
            "Mean Time of Produce Requests, Split",
            "s",
            "Where the mean produce request spent its time in the broker: waiting for a handler (RequestQueue), appended to the "
            "leader's log (Local), waiting for replicas with `acks=all` (Remote), held back by a quota (Throttle), its answer "
            "waiting (ResponseQueue) and being sent (ResponseSend). Means add up; percentiles of steps do not. Brokers round "
            "each to whole milliseconds: steps under half of one are 0.",
            asked(f"{spent} / {counted}", "{{step}}"),
            stacked=True,
        ),
        series(
            "Produce Requests",
            "reqps",
            "Produce requests that each broker answered. Each costs a broker much the same, whatever it holds: fewer and fuller "
            "is cheaper.",
            each("kafka_requests_total", matchers=ANY + ',request="Produce"'),
            size=(6, 8),
        ),
        series(
            "Errors in Produce Answers",
            "cps",
            "Errors that brokers answered with, by Kafka's name. Clients retry many of them: those are no failed records. Empty "
            "until the first one.",
            asked(total("kafka_request_errors_total", ANY + ',request="Produce"', "error"), "{{error}}"),
            size=(6, 8),
        ),
        series(
            "Processor Time of Brokers",
            "suffix: cores",
            "Cores in use by each broker's process, its garbage collector included. Where agents run on the same host, they and "
            "the brokers take it from each other.",
            each("process_cpu_seconds_total"),
            size=(8, 8),
        ),
        series(
            "Idle Share of Broker Threads",
            "percentunit",
            "Share of time in which the mean request handler, and the busiest network thread, had nothing to do. Towards 0 "
            "requests queue up in front of them, and response time grows without bound.",
            asked(of_broker(handlers), "broker {{broker}} handlers"),
            asked(of_broker(threads), "broker {{broker}} busiest network thread"),
            size=(8, 8),
            most=1,
        ),
        series(
            "Garbage Collection of Brokers",
            "percentunit",
            "Share of time that each broker's JVM spent in collections. Their pauses are in the tail of the response time.",
            each("jvm_gc_collection_seconds_sum"),
            size=(8, 8),
        ),
        series(
            "Partitions at Risk",
            "none",
            "Partitions that lack a replica in sync, have fewer than `min.insync.replicas`, or have no leader. Anything but 0 "
            "within a window is a caveat: another cluster was measured than the plan meant.",
            asked(f"sum(kafka_under_replicated_partitions{{{ANY}}})", "under-replicated"),
            asked(f"sum(kafka_under_min_isr_partitions{{{ANY}}})", "under min ISR"),
            asked(f"max(kafka_offline_partitions{{{ANY}}})", "without a leader"),
            limits=(1,),
        ),
        series(
            "Waiting Requests",
            "none",
            "Requests that wait for a handler, and produce requests that wait for replicas (purgatory, with `acks=all`), at the "
            "instant of each scrape.",
            asked(of_broker(f"kafka_request_queue_requests{{{ANY}}}"), "broker {{broker}} for a handler"),
            asked(of_broker(f"kafka_purgatory_requests{{{ANY}}}"), "broker {{broker}} for replicas"),
        ),
    ]


def make():
    return dashboard(
        "kafka-producer-tuning",
        "Kafka Producer Tuning",
        "What producers do while they are on trial, second by second. For watching; the numbers to quote are in the report, "
        "with a verdict on each trial.",
        variables(),
        annotations(),
        [*first(), *producers(), *errors(), *latencies(), *clients(), *brokers(), *agents()],
    )
