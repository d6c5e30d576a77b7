package tribunal.driver;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The intended sends of one producer, in nanoseconds from t0, ascending and without end: docs/schedule.py, bit for bit. */
abstract class Schedule {
    private static final BigInteger RECORD = BigInteger.valueOf(1_000_000_000_000_000L);
    private static final long HASHED = 1_000_000;

    /** The next intended send. */
    protected long at;

    final long peek() {
        return at;
    }

    abstract void advance();

    record Digest(long count, String sha256) {}

    static Schedule of(String arrivals, String shape, long seed, long block, long index, long producers) {
        int colon = shape.indexOf(':');
        String kind = shape.substring(0, colon);
        String text = shape.substring(colon + 1);
        boolean poisson = arrivals.equals("poisson");
        if (!poisson && !arrivals.equals("uniform")) {
            throw new IllegalArgumentException("arrivals " + arrivals);
        }
        Schedule schedule;
        if (kind.equals("constant")) {
            long rate = Long.parseLong(text);
            schedule = poisson
                    ? new Poisson(new Random(seed, block, index), 1e15 * producers / rate)
                    : new Uniform(rate, index, producers);
        } else {
            Curve curve = new Curve(kind, text);
            schedule = poisson
                    ? new PoissonWork(new Random(seed, block, index), 1e15 * producers, curve)
                    : new UniformWork(index, producers, curve);
        }
        return schedule;
    }

    /** How many intended sends lie before `end`, and the SHA-256 of the first million of them. Uses the schedule up. */
    Digest digest(long end) {
        MessageDigest sha;
        try {
            sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JVM has SHA-256", e);
        }
        ByteBuffer buffer = ByteBuffer.allocate(8 << 10).order(ByteOrder.LITTLE_ENDIAN);
        long count = 0;
        for (; at < end; advance(), count++) {
            if (count < HASHED) {
                if (!buffer.hasRemaining()) {
                    sha.update(buffer.flip());
                    buffer.clear();
                }
                buffer.putLong(at);
            }
        }
        sha.update(buffer.flip());
        return new Digest(count, HexFormat.of().formatHex(sha.digest()));
    }

    private static long saturated(BigInteger value) {
        return value.bitLength() > 63 ? Long.MAX_VALUE : value.longValue();
    }

    /** floor(i * 10^15 / rate) step by step. */
    private static final class Uniform extends Schedule {
        private final long rate;
        private final long gap;
        private final long gapRest;
        private long rest;

        Uniform(long rate, long index, long producers) {
            this.rate = rate;
            BigInteger divisor = BigInteger.valueOf(rate);
            BigInteger[] first = RECORD.multiply(BigInteger.valueOf(index)).divideAndRemainder(divisor);
            BigInteger[] step = RECORD.multiply(BigInteger.valueOf(producers)).divideAndRemainder(divisor);
            at = saturated(first[0]);
            rest = first[1].longValue();
            gap = saturated(step[0]);
            gapRest = step[1].longValue();
        }

        @Override
        void advance() {
            rest += gapRest;
            long next = at + gap;
            if (rest >= rate) {
                rest -= rate;
                next++;
            }
            at = next < 0 ? Long.MAX_VALUE : next;
        }
    }

    private static final class Poisson extends Schedule {
        private final Random random;
        private final double mean;

        Poisson(Random random, double mean) {
            this.random = random;
            this.mean = mean;
            advance();
        }

        @Override
        void advance() {
            long next = at + (long) (-Random.ln(random.unit()) * mean + 0.5);
            at = next < 0 ? Long.MAX_VALUE : next;
        }
    }

    private static final class UniformWork extends Schedule {
        private static final long WORK = 1_000_000_000_000_000L;
        private final long producers;
        private final Curve curve;
        private long next;

        UniformWork(long index, long producers, Curve curve) {
            this.producers = producers;
            this.curve = curve;
            next = index - producers;
            advance();
        }

        @Override
        void advance() {
            next += producers;
            at = curve.instant(Math.multiplyHigh(next, WORK), next * WORK);
        }
    }

    private static final class PoissonWork extends Schedule {
        private final Random random;
        private final double mean;
        private final Curve curve;
        private long high;
        private long low;

        PoissonWork(Random random, double mean, Curve curve) {
            this.random = random;
            this.mean = mean;
            this.curve = curve;
            advance();
        }

        @Override
        void advance() {
            double gap = -Random.ln(random.unit()) * mean + 0.5;
            long gapHigh = 0;
            long gapLow = (long) gap;
            if (gap >= 0x1p63) {
                int shift = Math.getExponent(gap) - 52;
                long mantissa = Double.doubleToRawLongBits(gap) & (1L << 52) - 1 | 1L << 52;
                gapHigh = mantissa >>> 64 - shift;
                gapLow = mantissa << shift;
            }
            long sum = low + gapLow;
            high += gapHigh + (Long.compareUnsigned(sum, low) < 0 ? 1 : 0);
            low = sum;
            // Two sends within the rounding of the curve must not change places.
            at = Math.max(at, curve.instant(high, low));
        }
    }
}
