package tribunal.driver;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;

/**
 * The load of one producer: offers each record of the schedule at its intended send or as soon after it as the client takes
 * it. One thread runs it; the others only read what is volatile or behind a handle, and end it.
 */
final class Sender implements Runnable {
    /** A send later than this is late. */
    private static final long LATE = 1_000_000;

    /** How long a refused record waits at the least. */
    private static final long BACK_OFF = 1_000_000;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    /** The intended send that is offered or waited for. */
    private static final int INTENDED = Alone.FIRST;
    private static final int OFFERED = Alone.FIRST + 1;
    private static final int BLOCKED = Alone.FIRST + 2;
    /** Records that were drawn from the schedule. */
    private static final int DRAWN = Alone.FIRST + 3;

    private final Client client;
    private final Content content;
    /** Null for a closed loop. */
    private final Schedule schedule;
    private final Windows windows;
    private final Clock clock;
    private final Book book;
    private final Recorder recorder;
    private final boolean sheds;
    private final boolean record;
    private final Blocked blocked = new Blocked();
    /** Ages of unsent records at the end, by part. */
    private final Slice unsent = new Slice(Long.MAX_VALUE);
    /** What changes with each record; others look at it while the thread runs. */
    private final long[] shown = Alone.longs(4);

    private long t0;
    private long bufferWait;
    private long metadataWait;
    private Thread thread;
    private long[] first;
    private long startError;
    private long loadEnd;
    private volatile boolean ending;
    private volatile boolean ended;

    Sender(Messages.Arm arm, Client client, Content content, Schedule schedule, Windows windows, Clock clock, Book book, Recorder recorder) {
        this.client = client;
        this.content = content;
        this.schedule = schedule;
        this.windows = windows;
        this.clock = clock;
        this.book = book;
        this.recorder = recorder;
        this.sheds = schedule != null && arm.whenFull().equals("shed");
        this.record = arm.record();
    }

    void start(String name, long t0) {
        this.t0 = t0;
        thread = new Thread(this, "sender " + name);
        thread.setDaemon(true);
        recorder.begin(thread, t0);
        bufferWait = client.bufferWait();
        metadataWait = client.metadataWait();
        thread.start();
    }

    /** Ends the load, also while the client blocks the thread. */
    void end() {
        ending = true;
        thread.interrupt();
    }

    boolean ended() {
        return ended;
    }

    /** Whether all records that are intended before `instant` are dealt with. */
    boolean isPast(long instant) {
        return (long) LONGS.getAcquire(shown, INTENDED) >= instant;
    }

    /** The time for which the client took no records, up to `now`. */
    long blocked(long now) {
        long finished = (long) LONGS.getAcquire(shown, BLOCKED);
        long since = (long) LONGS.getAcquire(shown, OFFERED);
        return client.blocks() ? finished + Math.max(now - since, 0) : finished;
    }

    /** The rest is for when it has ended. Before t0, and nothing was sent, if it was ended before that. */
    long loadEnd() {
        return loadEnd;
    }

    long startError() {
        return startError;
    }

    long[] first() {
        return first;
    }

    Slice unsent() {
        return unsent;
    }

    @Override
    public void run() {
        if (schedule != null) {
            clock.sleepPrecisely();
        }
        clock.sleepUntil(t0, () -> ending);
        long now = clock.now() - t0;
        startError = now;
        while (!ending && now < windows.latestLoadEnd()) {
            long intended = schedule == null ? now : schedule.peek();
            LONGS.setRelease(shown, INTENDED, intended);
            if (intended <= now) {
                now = offer(intended, now);
            } else {
                clock.sleepUntil(t0 + Math.min(intended, windows.latestLoadEnd()), () -> ending);
                now = clock.now() - t0;
            }
        }
        loadEnd = now;
        if (now >= 0) {
            giveUpTheRest(now);
        }
        LONGS.setRelease(shown, INTENDED, Long.MAX_VALUE);
        ended = true;
    }

    /** Offers the next record until the client takes it or it is dropped, or the load ends. The instant after that. */
    private long offer(long intended, long now) {
        var offered = content.record(shown[DRAWN]);
        int part = windows.part(intended);
        while (true) {
            Delivery delivery = new Delivery(recorder, intended, now);
            long held = blocked.since(intended);
            LONGS.setRelease(shown, OFFERED, now);
            Exception refusal;
            try {
                client.send(offered, delivery);
                refusal = recorder.takeRefusal();
            } catch (InterruptException e) {
                // Only `end` interrupts, and a record whose send() throws was not taken.
                long interrupted = clock.now() - t0;
                noteWaits(now, interrupted, false, false);
                return interrupted;
            } catch (KafkaException | IllegalArgumentException e) {
                refusal = e;
            }
            long after = clock.now() - t0;
            boolean full = refusal instanceof BufferExhaustedException;
            if (full && !sheds && after - now < BACK_OFF) {
                // With a short max.block.ms the client does not wait itself.
                LockSupport.parkNanos(BACK_OFF);
                after = clock.now() - t0;
            }
            boolean waited = noteWaits(now, after, full, held > 0);
            if (full && !sheds) {
                book.enter(after).counts[Slice.QUEUE_FULL]++;
                book.leave();
                if (ending || after >= windows.latestLoadEnd()) {
                    return after;
                }
                now = after;
                continue;
            }
            Slice slice = book.enter(after);
            Tally tally = slice.part(part);
            if (waited || full) {
                slice.counts[Slice.QUEUE_FULL]++;
            }
            tally.counts[Tally.SCHEDULED]++;
            if (refusal == null) {
                taken(tally, intended, now, held);
                book.done(part);
            } else if (full) {
                tally.counts[Tally.SHED]++;
            } else {
                tally.counts[Tally.NOT_WRITTEN]++;
                if (record) {
                    tally.fail(refusal.getClass().getSimpleName(), after - intended);
                }
            }
            book.leave();
            next();
            return after;
        }
    }

    /** Books a record that waited `held` for a client that took none. */
    private void taken(Tally tally, long intended, long accepted, long held) {
        long lag = accepted - intended;
        long delay = lag - held;
        tally.counts[Tally.LATE_SENDS] += delay > LATE ? 1 : 0;
        if (record) {
            tally.record(Tally.SEND_LAG, lag);
            tally.record(Tally.SCHEDULE_DELAY, delay);
        }
        if (first == null) {
            first = new long[] {intended, accepted};
        }
    }

    private void next() {
        shown[DRAWN]++;
        if (schedule != null) {
            schedule.advance();
        }
    }

    /**
     * Notes for how long the client took no records in a call from `begun` to `now`: all the time if it refused, else what it
     * counts itself as waiting for buffer memory or metadata. Whether it waited for memory. A record that fell due behind a
     * refused one waits for the calls between them as well: how fast they catch up is the client's affair too.
     */
    private boolean noteWaits(long begun, long now, boolean refused, boolean behind) {
        long buffer = client.bufferWait() - bufferWait;
        long metadata = client.metadataWait() - metadataWait;
        boolean waited = buffer + metadata > 0;
        if (waited || refused || behind) {
            blocked.add(refused || behind ? begun : Math.max(now - buffer - metadata, begun), now);
        }
        if (waited || refused) {
            bufferWait += buffer;
            metadataWait += metadata;
            LONGS.setRelease(shown, BLOCKED, shown[BLOCKED] + (refused ? now - begun : buffer + metadata));
        }
        return buffer > 0;
    }

    /** What the client has not taken of the warm-up, of the window, or of what was due, is unsent. */
    private void giveUpTheRest(long now) {
        long until = Math.max(now, windows.t2());
        while (schedule != null && schedule.peek() < until) {
            int part = windows.part(schedule.peek());
            Tally tally = book.enter(now).part(part);
            tally.counts[Tally.SCHEDULED]++;
            tally.counts[Tally.UNSENT]++;
            book.leave();
            if (record) {
                unsent.part(part).record(Tally.CENSORED, now - schedule.peek());
            }
            next();
        }
    }
}
