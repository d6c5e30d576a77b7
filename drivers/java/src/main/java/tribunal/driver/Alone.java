package tribunal.driver;

/**
 * Arrays for numbers that one thread changes with each record. The room at both ends keeps them out of the cache lines of what
 * other threads change or look at with each record, wherever the collector moves them.
 */
final class Alone {
    /** The place of the first number. */
    static final int FIRST = 16;

    private Alone() {}

    static long[] longs(int length) {
        return new long[length + 2 * FIRST];
    }
}
