package tribunal.driver;

/** The random stream of a schedule, and the logarithm whose bits are the same on every platform. */
final class Random {
    private static final double[] RECIPROCALS = new double[22];

    static {
        for (int k = 1; k < RECIPROCALS.length; k += 2) {
            RECIPROCALS[k] = 1.0 / k;
        }
    }

    private long state;

    Random(long... words) {
        for (long word : words) {
            state ^= word;
            state = next();
        }
    }

    /** SplitMix64. */
    private long next() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }

    /** Uniform in (0, 1], a multiple of 2^-53. */
    double unit() {
        return (double) ((next() >>> 11) + 1) * (1.0 / 9007199254740992.0);
    }

    static double ln(double x) {
        long bits = Double.doubleToRawLongBits(x);
        int exponent = Math.getExponent(x);
        double mantissa = Double.longBitsToDouble(bits & (1L << 52) - 1 | 1023L << 52);
        if (mantissa > 1.4142135623730951) {
            mantissa /= 2.0;
            exponent++;
        }
        double s = (mantissa - 1.0) / (mantissa + 1.0);
        double square = s * s;
        double total = 0.0;
        for (int k = 21; k > 0; k -= 2) {
            total = total * square + RECIPROCALS[k];
        }
        return exponent * 0.6931471805599453 + 2.0 * s * total;
    }
}
