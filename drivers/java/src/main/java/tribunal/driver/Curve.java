package tribunal.driver;

import java.math.BigInteger;

/**
 * Which instant belongs to an amount of work, in a schedule whose rate changes. Amounts are unsigned 128-bit integers, in two
 * longs each; the work of a record is 10^15. Questions ascend.
 */
final class Curve {
    private record Segment(long length, long first, long last, long high, long low) {
        static Segment of(String text) {
            String[] words = text.split(":");
            long length = Long.parseLong(words[0]);
            long first = Long.parseLong(words[1]);
            long last = Long.parseLong(words[2]);
            BigInteger work = BigInteger.valueOf(first).add(BigInteger.valueOf(last)).multiply(BigInteger.valueOf(length)).shiftRight(1);
            return new Segment(length, first, last, work.shiftRight(64).longValue(), work.longValue());
        }
    }

    private final boolean repeats;
    private final Segment[] segments;
    private long wholeLength;
    private BigInteger wholeWork = BigInteger.ZERO;
    private int place;
    /** Where the present segment begins. */
    private long start;
    private long high;
    private long low;

    Curve(String kind, String text) {
        repeats = kind.equals("repeat");
        if (!repeats && !kind.equals("hold")) {
            throw new IllegalArgumentException("shape " + kind);
        }
        String[] words = text.split(",");
        segments = new Segment[words.length];
        for (int i = 0; i < words.length; i++) {
            segments[i] = Segment.of(words[i]);
            wholeLength += segments[i].length;
            wholeWork = wholeWork.add(big(segments[i].high, segments[i].low));
        }
    }

    long instant(long workHigh, long workLow) {
        while (true) {
            long withinLow = workLow - low;
            long withinHigh = workHigh - high - (Long.compareUnsigned(workLow, low) < 0 ? 1 : 0);
            if (place < segments.length) {
                Segment segment = segments[place];
                if (below(withinHigh, withinLow, segment.high, segment.low)) {
                    return sum(start, offset(segment, withinHigh, withinLow));
                }
                place++;
                begin(start + segment.length, segment.high, segment.low);
            } else if (!repeats) {
                long rate = segments[segments.length - 1].last;
                return rate == 0 || withinHigh >= rate ? Long.MAX_VALUE : sum(start, divide(withinHigh, withinLow, rate));
            } else if (wholeWork.signum() == 0) {
                return Long.MAX_VALUE;
            } else {
                BigInteger rounds = big(withinHigh, withinLow).divide(wholeWork);
                BigInteger work = rounds.multiply(wholeWork);
                place = 0;
                begin(start + rounds.longValueExact() * wholeLength, work.shiftRight(64).longValue(), work.longValue());
            }
        }
    }

    /** The present segment begins at `instant`, with so much more work before it. */
    private void begin(long instant, long moreHigh, long moreLow) {
        start = instant;
        low += moreLow;
        high += moreHigh + (Long.compareUnsigned(low, moreLow) < 0 ? 1 : 0);
    }

    /** The offset in a segment at which so much of its work, which is less than all, has been asked for. */
    private static long offset(Segment segment, long withinHigh, long withinLow) {
        if (segment.first == segment.last) {
            return divide(withinHigh, withinLow, segment.first);
        }
        boolean rises = segment.first < segment.last;
        long partHigh = withinHigh;
        long partLow = withinLow;
        if (!rises) {
            partLow = segment.low - withinLow;
            partHigh = segment.high - withinHigh - (Long.compareUnsigned(segment.low, withinLow) < 0 ? 1 : 0);
        }
        if ((partHigh | partLow) == 0) {
            return 0;
        }
        double slow = Math.min(segment.first, segment.last);
        double steep = Math.abs(segment.last - segment.first);
        double length = segment.length;
        double twice = 2.0 * toDouble(partHigh, partLow);
        double run = twice / (slow + Math.sqrt(slow * slow + twice * steep / length));
        double at = rises ? run : length - run;
        return Math.min(Math.max((long) at, 0), segment.length - 1);
    }

    private static boolean below(long aHigh, long aLow, long bHigh, long bLow) {
        return aHigh != bHigh ? Long.compareUnsigned(aHigh, bHigh) < 0 : Long.compareUnsigned(aLow, bLow) < 0;
    }

    private static long sum(long a, long b) {
        return b < 0 || a + b < 0 ? Long.MAX_VALUE : a + b;
    }

    /** The quotient, of which 64 bits are asked for; the divisor is a rate, at most 10^15. */
    private static long divide(long high, long low, long divisor) {
        if (high == 0) {
            return Long.divideUnsigned(low, divisor);
        }
        long quotient = 0;
        long rest = high;
        // The rest is below 2^50, so 13 more bits fit behind it.
        for (int bits = 64; bits > 0; ) {
            int step = Math.min(bits, 13);
            bits -= step;
            rest = rest << step | low >>> bits & (1L << step) - 1;
            quotient = quotient << step | rest / divisor;
            rest %= divisor;
        }
        return quotient;
    }

    /** Rounded to nearest, ties to even. */
    private static double toDouble(long high, long low) {
        if (high == 0 && low >= 0) {
            return (double) low;
        }
        int shift = 65 - Long.numberOfLeadingZeros(high);
        long shifted = shift == 64 ? high : high << 64 - shift | low >>> shift;
        long lost = shift == 64 ? low : low & (1L << shift) - 1;
        // What was shifted out still says which way a tie goes.
        return Math.scalb((double) (shifted | (lost != 0 ? 1 : 0)), shift);
    }

    private static BigInteger big(long high, long low) {
        return BigInteger.valueOf(high).shiftLeft(64).add(new BigInteger(Long.toUnsignedString(low)));
    }
}
