package tribunal.driver;

/** The parts of a trial; the beginning of its window may be announced while the warm-up goes on. Instants are nanoseconds from t0. */
final class Windows {
    static final int WARM_UP = 0;
    static final int WINDOW = 1;
    static final int COOL_DOWN = 2;
    static final String[] PARTS = {"warm_up", "window", "cool_down"};

    private static final long SECOND = 1_000_000_000L;
    /** By so much an announcement has to be ahead: by then every thread has looked. */
    private static final long AHEAD = 200_000_000L;

    private final long earliest;
    private final long latest;
    private final long measure;
    private final long drain;
    /** At the latest until it is announced. */
    private volatile long t1;

    Windows(long warmUp, long measure, long drain, long settle) {
        this.earliest = warmUp;
        this.latest = warmUp + settle;
        this.measure = measure;
        this.drain = drain;
        this.t1 = latest;
    }

    long t1() {
        return t1;
    }

    long t2() {
        return t1 + measure;
    }

    /** The end of the wait for what is in flight, if the load ended at `loadEnd`. */
    long deadline(long loadEnd) {
        return Math.max(t2() + drain, loadEnd + 5 * SECOND);
    }

    /** When the load ends by itself. */
    long latestLoadEnd() {
        return t2() + drain;
    }

    int part(long intended) {
        long begin = t1;
        return intended < begin ? WARM_UP : intended < begin + measure ? WINDOW : COOL_DOWN;
    }

    /** Why the window cannot begin at `at`; null, and it does, when it can. */
    String announce(long at, long now) {
        if (latest == earliest) {
            return "the warm-up's length is fixed";
        }
        if (at % SECOND != 0 || at < earliest || at > latest) {
            return "it is no whole second of the grid between the earliest and the latest";
        }
        if (at < now + AHEAD) {
            return "it is not 200 ms ahead";
        }
        t1 = at;
        return null;
    }

    /** The first edge of the sample grid after `instant`. */
    long edgeAfter(long instant) {
        long begin = t1;
        long end = begin + measure;
        long origin = instant < begin ? 0 : instant < end ? begin : end;
        long limit = instant < begin ? begin : instant < end ? end : Long.MAX_VALUE;
        return Math.min(origin + (Math.floorDiv(instant - origin, SECOND) + 1) * SECOND, limit);
    }
}
