package tribunal.driver;

import java.util.ArrayDeque;

/**
 * The time in which the client took no records, so that it can be told apart from the driver's own lateness. Intended sends are
 * asked for in ascending order: spells that ended before the oldest that is still open are forgotten.
 */
final class Blocked {
    /** A finished spell, and the blocked time of all up to its end. */
    private record Spell(long begin, long end, long total) {}

    private final ArrayDeque<Spell> spells = new ArrayDeque<>();
    private long total;

    void add(long begin, long end) {
        total += end - begin;
        boolean goesOn = !spells.isEmpty() && spells.peekLast().end == begin;
        spells.addLast(new Spell(goesOn ? spells.pollLast().begin : begin, end, total));
    }

    /** Blocked time since `from`. */
    long since(long from) {
        if (spells.isEmpty()) {
            return 0;
        }
        while (!spells.isEmpty() && spells.peekFirst().end <= from) {
            spells.pollFirst();
        }
        Spell oldest = spells.peekFirst();
        return oldest == null ? 0 : total - oldest.total + oldest.end - Math.max(from, oldest.begin);
    }
}
