package tribunal.driver;

import java.util.Scanner;
import java.util.TreeMap;

/** A driver of Apache Kafka's own Java client: PROTOCOL.md on standard input and output. */
public final class Main {
    private Main() {}

    /**
     * Without arguments it speaks the protocol; `schedule ARRIVALS SHAPE SEED BLOCK INDEX PRODUCERS END_NS` prints count and
     * SHA-256 of a schedule, `buckets` the buckets of the nanoseconds on standard input.
     *
     * @param words the arguments
     */
    public static void main(String[] words) {
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> end(thrown));
        try {
            switch (words.length == 0 ? "" : words[0]) {
                case "" -> new Driver().run();
                case "schedule" -> schedule(words);
                case "buckets" -> buckets();
                default -> throw new Failure(2, "arguments are: none, schedule …, or buckets");
            }
        } catch (Throwable thrown) {
            end(thrown);
        }
        // Threads of a client that is stuck would keep the process.
        Runtime.getRuntime().exit(0);
    }

    private static void end(Throwable thrown) {
        boolean told = thrown instanceof Failure;
        String line = told ? thrown.getMessage() : thrown.toString();
        System.err.println(line.replace('\n', ' '));
        if ("1".equals(System.getenv("TRIBUNAL_DRIVER_TRACE"))) {
            thrown.printStackTrace();
        }
        Runtime.getRuntime().halt(told ? ((Failure) thrown).code : 1);
    }

    private static void schedule(String[] words) {
        if (words.length != 8) {
            throw new Failure(2, "schedule ARRIVALS SHAPE SEED BLOCK INDEX PRODUCERS END_NS");
        }
        Schedule.Digest digest = Schedule.of(
                        words[1], words[2], Long.parseUnsignedLong(words[3]), Long.parseLong(words[4]), Long.parseLong(words[5]),
                        Long.parseLong(words[6]))
                .digest(Long.parseLong(words[7]));
        System.out.println(digest.count() + " " + digest.sha256());
    }

    private static void buckets() {
        TreeMap<Integer, Long> counts = new TreeMap<>();
        Scanner latencies = new Scanner(System.in);
        while (latencies.hasNextLong()) {
            counts.merge(Buckets.bucket(latencies.nextLong()), 1L, Long::sum);
        }
        counts.forEach((bucket, count) -> System.out.println(bucket + " " + count));
    }
}
