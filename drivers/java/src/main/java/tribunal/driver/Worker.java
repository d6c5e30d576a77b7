package tribunal.driver;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One producer of the trial: its client, what sends and what records, and the samples that are cut from both. The clerk's
 * thread owns it from *go* on.
 *
 * <pre>
 * sending ──the load ends──▶ awaiting ──all resolved──────────────────────▶ reported
 *                               └──wait over, or given up──▶ purging ──all──┘
 * </pre>
 */
final class Worker {
    private static final long PURGE_WAIT = 5_000_000_000L;

    private final Messages.Arm arm;
    private final Messages.Who who;
    private final Windows windows;
    private final Lines lines;
    private final Client client;
    private final Book sent;
    private final Book reported;
    private final Recorder recorder;
    private final Sender sender;
    private Figures figures;

    /** The present sample. */
    private long start;
    private long edge;
    private long t1;
    private long blockedBefore;
    /** Records that were dealt with so far, by part, and final words on them. */
    private final long[] scheduled = new long[Windows.PARTS.length];
    private long words;
    /** Final words by t1 and by t2; so far, until then. */
    private final long[] wordsBy = new long[2];
    private boolean windowResolved;
    private long purged = -1;
    private Thread purging;
    private boolean done;

    Worker(Messages.Arm arm, Messages.Who who, byte[][] bodies, Windows windows, Clock clock, Lines lines) {
        this.arm = arm;
        this.who = who;
        this.windows = windows;
        this.lines = lines;
        client = new Client(arm, who);
        t1 = windows.t1();
        edge = windows.edgeAfter(0);
        sent = new Book(edge, windows.edgeAfter(edge));
        reported = new Book(edge, windows.edgeAfter(edge));
        recorder = new Recorder(reported, windows, clock, arm, client.isBlind());
        sender = new Sender(arm, client, new Content(arm, who, bodies), schedule(), windows, clock, sent, recorder);
    }

    private Schedule schedule() {
        Messages.Plan plan = arm.schedule();
        return plan == null
                ? null
                : Schedule.of(plan.arrivals(), plan.shape(), plan.seed().longValue(), plan.block(), who.index(), plan.producers());
    }

    Messages.Armed arm(byte[] body) throws InterruptedException {
        List<long[]> primed = client.prime(body, arm.partitions());
        Schedule schedule = schedule();
        Schedule.Digest digest = schedule == null ? null : schedule.digest(windows.t2());
        figures = new Figures(client);
        return new Messages.Armed(
                who.index(), primed, digest == null ? null : digest.count(), digest == null ? null : digest.sha256(),
                client.configuration());
    }

    String topic() {
        return who.topic();
    }

    void start(long t0) {
        figures.read();
        sender.start(who.clientId(), t0);
    }

    void endLoad() {
        sender.end();
    }

    boolean done() {
        return done;
    }

    /** Does what there is to do at `now`, from t0. */
    void step(long now, boolean givenUp) {
        if (t1 != windows.t1()) {
            t1 = windows.t1();
            edge = windows.edgeAfter(start);
            sent.regrid(edge, windows.edgeAfter(edge));
            reported.regrid(edge, windows.edgeAfter(edge));
        }
        while (purged < 0 && now >= edge) {
            cut();
        }
        if (!windowResolved && purged < 0 && now >= windows.t2() && sender.isPast(windows.t2())
                && reported.doneOf(Windows.WINDOW) >= sent.doneOf(Windows.WINDOW)) {
            windowResolved = true;
            lines.say("resolved", new Messages.Resolved(who.index()));
        }
        if (now >= windows.latestLoadEnd() && !sender.ended()) {
            sender.end();
        }
        if (!sender.ended()) {
            return;
        }
        if (sender.loadEnd() < 0) {
            reportNothing();
        } else if (inFlight() == 0 || purged >= 0 && (!purging.isAlive() || now > purged + PURGE_WAIT)) {
            finish(purged >= 0 ? purged : now);
        } else if (purged < 0 && (givenUp || now >= windows.deadline(sender.loadEnd()))) {
            purged = now;
            recorder.end(now);
            purging = new Thread(client::purge, "purge " + who.clientId());
            purging.setDaemon(true);
            purging.start();
        }
    }

    private long inFlight() {
        // What was reported is read first: it cannot be more than what was sent later.
        long resolved = reported.doneOfAll();
        return Math.max(sent.doneOfAll() - resolved, 0);
    }

    /** Ends the sample at its edge. */
    private void cut() {
        long after = windows.edgeAfter(edge);
        long ended = edge;
        Slice slice = sent.take(windows.edgeAfter(after));
        slice.add(reported.take(windows.edgeAfter(after)));
        edge = after;
        tell(slice, ended);
    }

    private void tell(Slice slice, long end) {
        Map<String, Object> parts = new LinkedHashMap<>();
        for (int i = 0; i < slice.parts.length; i++) {
            if (slice.parts[i] != null) {
                scheduled[i] += slice.parts[i].counts[Tally.SCHEDULED];
                words += slice.parts[i].words();
                parts.put(Windows.PARTS[i], slice.parts[i].told());
            }
        }
        if (start < t1) {
            wordsBy[0] = words;
        }
        if (start < windows.t2()) {
            wordsBy[1] = words;
        }
        long blocked = Math.max(sender.blocked(end), blockedBefore);
        lines.say("sample", new Messages.Sample(
                who.index(), start, end, parts, slice.counts[Slice.QUEUE_FULL], blocked - blockedBefore, inFlight(),
                slice.counts[Slice.ACKNOWLEDGED_BYTES], slice.counts[Slice.WRITTEN_BLIND], figures.read()));
        blockedBefore = blocked;
        start = end;
    }

    /** The last sample and the report; the wait for reports ended at `end`. */
    private void finish(long end) {
        Slice slice = sent.take(Long.MAX_VALUE);
        slice.add(sent.take(Long.MAX_VALUE));
        slice.add(reported.take(Long.MAX_VALUE));
        slice.add(reported.take(Long.MAX_VALUE));
        slice.add(sender.unsent());
        long missing = 0;
        for (int part = 0; part < Windows.PARTS.length; part++) {
            long silent = sent.doneOf(part) - reported.doneOf(part);
            missing += silent;
            long partEnd = part == Windows.WARM_UP ? t1 : part == Windows.WINDOW ? windows.t2() : end;
            for (long i = 0; i < silent; i++) {
                slice.part(part).counts[Tally.UNRESOLVED]++;
                if (arm.record()) {
                    // Its age is not known; it has waited since the part's end at the least.
                    slice.part(part).record(Tally.CENSORED, end - partEnd);
                }
            }
        }
        tell(slice, Math.max(end, start + 1));
        long before = scheduled[Windows.WARM_UP];
        long[] backlog = {
            Math.max(before - wordsBy[0], 0), Math.max(before + scheduled[Windows.WINDOW] - wordsBy[1], 0)
        };
        lines.say("report", new Messages.Report(
                who.index(), sender.loadEnd(), sender.startError(), sender.first(), backlog, recorder.partitions(missing),
                recorder.offsets(), missing, Warnings.told(who.clientId())));
        done = true;
    }

    /** A report of an attempt that was given up before it began. */
    void reportNothing() {
        lines.say("report", new Messages.Report(
                who.index(), 0, 0, null, new long[2], List.of(), List.of(), 0, Warnings.told(who.clientId())));
        done = true;
    }

    void close() {
        client.close(Duration.ofSeconds(1));
    }
}
