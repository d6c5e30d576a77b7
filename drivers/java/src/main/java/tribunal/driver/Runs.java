package tribunal.driver;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Offsets as runs of consecutive ones; most come in order. */
final class Runs {
    private long[] firsts = new long[64];
    private long[] lengths = new long[64];
    private int count;

    void add(long offset) {
        if (count > 0 && firsts[count - 1] + lengths[count - 1] == offset) {
            lengths[count - 1]++;
            return;
        }
        if (count == firsts.length) {
            firsts = Arrays.copyOf(firsts, 2 * count);
            lengths = Arrays.copyOf(lengths, 2 * count);
        }
        firsts[count] = offset;
        lengths[count] = 1;
        count++;
    }

    /** Sorted, neighbours joined. */
    List<long[]> told() {
        List<long[]> runs = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            runs.add(new long[] {firsts[i], lengths[i]});
        }
        runs.sort(Comparator.comparingLong(run -> run[0]));
        List<long[]> joined = new ArrayList<>();
        for (long[] run : runs) {
            long[] last = joined.isEmpty() ? null : joined.get(joined.size() - 1);
            if (last != null && last[0] + last[1] == run[0]) {
                last[1] += run[1];
            } else {
                joined.add(run);
            }
        }
        return joined;
    }
}
