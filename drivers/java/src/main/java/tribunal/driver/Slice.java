package tribunal.driver;

/** What one thread booked between two edges of the sample grid. Slices are linked in the order of time. */
final class Slice {
    static final int ACKNOWLEDGED_BYTES = Alone.FIRST;
    static final int WRITTEN_BLIND = Alone.FIRST + 1;
    static final int QUEUE_FULL = Alone.FIRST + 2;

    /** Instants from here on belong to the next slice; moved only while it is still to come. */
    volatile long end;
    volatile Slice next;

    /** By part; those in which something was booked. */
    final Tally[] parts = new Tally[Windows.PARTS.length];
    /** What is not counted by part. */
    final long[] counts = Alone.longs(3);

    Slice(long end) {
        this.end = end;
    }

    Tally part(int part) {
        Tally tally = parts[part];
        if (tally == null) {
            tally = parts[part] = new Tally();
        }
        return tally;
    }

    void add(Slice other) {
        for (int i = 0; i < parts.length; i++) {
            if (other.parts[i] != null) {
                part(i).add(other.parts[i]);
            }
        }
        for (int i = 0; i < counts.length; i++) {
            counts[i] += other.counts[i];
        }
    }
}
