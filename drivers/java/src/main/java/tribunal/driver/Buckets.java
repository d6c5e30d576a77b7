package tribunal.driver;

/** The buckets of an HDR histogram from 1 µs to an hour with three digits. */
final class Buckets {
    private static final long HIGHEST = 3_600_000_000L;
    static final int NUMBER = bucket(HIGHEST * 1000) + 1;

    private Buckets() {}

    /** The bucket of a latency; 0 beyond an hour. */
    static int bucket(long nanoseconds) {
        long microseconds = nanoseconds / 1000;
        if (microseconds < 2048) {
            return (int) Math.max(microseconds, 1);
        }
        if (microseconds > HIGHEST) {
            return 0;
        }
        int shift = 53 - Long.numberOfLeadingZeros(microseconds);
        return (1024 * shift) + (int) (microseconds >>> shift);
    }
}
