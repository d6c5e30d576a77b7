package tribunal.driver;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.kafka.common.utils.AppInfoParser;

/** One trial, from *hello* to *bye*: hears the agent in the main thread, and has a clerk that cuts samples. */
final class Driver {
    private static final long PRIMING_S = 25;
    /** How often the clerk looks. */
    private static final long LOOK = 10_000_000L;
    private static final long LAST_WORDS = 8_000_000_000L;
    private static final long GOODBYE_MS = 3000;

    private final Lines lines = new Lines(System.in, System.out);
    private final Clock clock = Clock.tied();
    private List<Worker> workers = List.of();
    private Windows windows;
    private long t0;
    private Thread clerk;
    private volatile boolean givenUp;

    /** Returns when the agent has said *bye*, or nothing more. */
    void run() {
        lines.say("hello", hello());
        while (true) {
            Lines.Heard heard = lines.heard();
            if (heard == null) {
                stop();
                return;
            }
            switch (heard.name()) {
                case "arm" -> arm(heard.as(Messages.Arm.class));
                case "go" -> go(heard.as(Messages.Go.class).t0Ns());
                case "window" -> window(heard.as(Messages.Window.class).t1Ns());
                case "end_load" -> started().forEach(Worker::endLoad);
                case "stop" -> stop();
                case "bye" -> {
                    close();
                    return;
                }
                default -> throw new Failure(1, "the agent said " + heard.name() + ", which there is not");
            }
        }
    }

    private static Messages.Hello hello() {
        String version = AppInfoParser.getVersion();
        String collectors = ManagementFactory.getGarbageCollectorMXBeans().stream()
                .map(GarbageCollectorMXBean::getName)
                .collect(Collectors.joining(", "));
        String heap = Runtime.getRuntime().maxMemory() / (1 << 20) + " MiB";
        return new Messages.Hello(1, "java", version, "kafka-clients " + version,
                "Java " + System.getProperty("java.version") + ", " + collectors, List.of(
                List.of("send", "KafkaProducer.send(record, callback), from one thread, which serializes and compresses in it"),
                List.of("delivery", "a callback for each record, in the producer's one I/O thread"),
                List.of("when full", "send() blocks while buffer.memory is used up, for max.block.ms at most, then fails with"
                        + " BufferExhaustedException; queue_full counts both, blocked_ns is the client's"
                        + " bufferpool-wait-time-ns-total and metadata-wait-time-ns-total, and the time of calls that failed so"),
                List.of("shed", "max.block.ms is 0 unless the plan sets it: a record is refused at once"),
                List.of("codecs", "none gzip snappy lz4 zstd"),
                List.of("idempotence", "yes; without an explicit enable.idempotence it is dropped silently where acks is not all"),
                List.of("fates", "not_written: refused by send(), or by a broker for size, timestamp or topic; every other error is"
                        + " possibly_written, since TimeoutException does not say whether a batch was sent"),
                List.of("request latency", "mean over the second of whole milliseconds"),
                List.of("record bytes", "from wire bytes and the mean of the batches' compression rates"),
                List.of("topics", "the client cannot be told not to create them; brokers can"),
                List.of("errors", "warnings of the client's log"),
                List.of("heap", heap + " at most, the JVM's default options")));
    }

    private void arm(Messages.Arm arm) {
        for (List<String> option : arm.options()) {
            throw new Failure(2, "option " + option.get(0) + ": this driver has no options");
        }
        if (!arm.whenFull().equals("hold") && !arm.whenFull().equals("shed")) {
            throw new Failure(1, "when_full " + arm.whenFull() + ", which there is not");
        }
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PRIMING_S);
        byte[][] bodies = Content.bodies(arm.bodies());
        windows = new Windows(arm.warmUpNs(), arm.measureNs(), arm.drainNs(), arm.settleNs());
        workers = arm.producers().stream().map(who -> new Worker(arm, who, bodies, windows, clock, lines)).toList();
        ExecutorService threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "arm");
            thread.setDaemon(true);
            return thread;
        });
        List<Future<Messages.Armed>> arming = new ArrayList<>();
        for (Worker worker : workers) {
            arming.add(threads.submit(() -> worker.arm(bodies[0])));
        }
        List<Messages.Armed> armed = new ArrayList<>();
        for (int i = 0; i < arming.size(); i++) {
            armed.add(awaited(arming.get(i), workers.get(i), until));
        }
        threads.shutdown();
        Warnings.show();
        lines.say("ready", new Messages.Ready(clock.bound(), armed));
    }

    private static Messages.Armed awaited(Future<Messages.Armed> arming, Worker worker, long until) {
        try {
            return arming.get(Math.max(until - System.nanoTime(), 0), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new Failure(3, "topic " + worker.topic() + " was not reached within " + PRIMING_S + " s" + Warnings.latest(), e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Failure failure) {
                throw failure;
            }
            throw new Failure(2, "the client refuses the first record: " + e.getCause().getMessage(), e);
        } catch (InterruptedException e) {
            throw new Failure(1, "interrupted while priming", e);
        }
    }

    private void go(long at) {
        if (workers.isEmpty() || clerk != null) {
            throw new Failure(1, "the agent said go to what is not armed, or twice");
        }
        if (clock.now() >= at) {
            lines.say("not_started", Map.of());
            return;
        }
        t0 = at;
        workers.forEach(worker -> worker.start(at));
        clerk = new Thread(this::keepBooks, "clerk");
        clerk.setDaemon(true);
        clerk.start();
    }

    private void keepBooks() {
        while (!workers.stream().allMatch(Worker::done)) {
            for (Worker worker : workers) {
                if (!worker.done()) {
                    worker.step(clock.now() - t0, givenUp);
                }
            }
            LockSupport.parkNanos(LOOK);
        }
    }

    private void window(long t1) {
        String refused = started().isEmpty() ? "the load has not begun" : windows.announce(t1, clock.now() - t0);
        if (refused != null) {
            throw new Failure(1, "the window cannot begin at " + t1 + " ns: " + refused);
        }
    }

    /** The workers whose load has begun or is about to. */
    private List<Worker> started() {
        return clerk == null ? List.of() : workers;
    }

    /** Gives the attempt up, and waits for the reports. */
    private void stop() {
        givenUp = true;
        if (clerk == null) {
            workers.stream().filter(worker -> !worker.done()).forEach(Worker::reportNothing);
            return;
        }
        started().forEach(Worker::endLoad);
        try {
            clerk.join(TimeUnit.NANOSECONDS.toMillis(LAST_WORDS));
        } catch (InterruptedException e) {
            throw new Failure(1, "interrupted while stopping", e);
        }
    }

    private void close() {
        Thread closing = new Thread(() -> workers.forEach(Worker::close), "close");
        closing.setDaemon(true);
        closing.start();
        try {
            closing.join(GOODBYE_MS);
        } catch (InterruptedException e) {
            throw new Failure(1, "interrupted while closing", e);
        }
    }
}
