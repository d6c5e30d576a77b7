package tribunal.driver;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What one thread books, and how another takes it away at the edges of the sample grid.
 *
 * The writer never waits: around each entry it makes the turn odd and even again. The taker puts the next slice in place and, if
 * it finds the writer inside an entry, waits for the end of that one; what it has then is final. It needs nothing of the writer,
 * so a slice can be taken while the client is stuck. An entry goes to the slice of its instant, however late the taker is by up
 * to a second. The price is one full fence for each entry.
 */
final class Book {
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int TURN = Alone.FIRST;
    /** Records that are dealt with, by part: taken by the client, or with their final word. */
    private static final int DONE = Alone.FIRST + 1;

    private final long[] written = Alone.longs(1 + Windows.PARTS.length);
    private volatile Slice current;

    Book(long firstEdge, long secondEdge) {
        Slice first = new Slice(firstEdge);
        first.next = new Slice(secondEdge);
        current = first;
    }

    /** Begins an entry of the writer at `now`. */
    Slice enter(long now) {
        LONGS.setVolatile(written, TURN, written[TURN] + 1);
        Slice slice = current;
        while (now >= slice.end && slice.next != null) {
            slice = slice.next;
        }
        return slice;
    }

    /** Counts a record within an entry. */
    void done(int part) {
        written[DONE + part]++;
    }

    void leave() {
        LONGS.setRelease(written, TURN, written[TURN] + 1);
    }

    long doneOf(int part) {
        turn();
        return written[DONE + part];
    }

    long doneOfAll() {
        turn();
        return written[DONE] + written[DONE + 1] + written[DONE + 2];
    }

    /** Moves the ends of the slices that are to come. */
    void regrid(long firstEdge, long secondEdge) {
        current.end = firstEdge;
        current.next.end = secondEdge;
    }

    /** Takes the present slice; `end` is that of the slice after the next. */
    Slice take(long end) {
        Slice taken = current;
        taken.next.next = new Slice(end);
        current = taken.next;
        long seen = turn();
        while ((seen & 1) == 1 && turn() == seen) {
            Thread.onSpinWait();
        }
        return taken;
    }

    private long turn() {
        return (long) LONGS.getVolatile(written, TURN);
    }
}
