package tribunal.driver;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** CLOCK_MONOTONIC of the host, read as `System.nanoTime()`, which is tied to it once. */
final class Clock {
    private static final int CLOCK_MONOTONIC = 1;
    private static final int PR_SET_TIMERSLACK = 29;
    /** The number of the system call, which C libraries have no function for. */
    private static final Map<String, Long> SCHED_SETATTR = Map.of("x86-64", 314L, "aarch64", 274L);
    private static final long SCHED_ATTR_BYTES = 48;
    /** The shortest that the kernel knows: it left a third as many late sends beside three brokers on two cores as the usual 3 ms. */
    private static final long SLICE = 100_000;
    private static final int TRIES = 1000;
    private static final long LOOK = 20_000_000L;

    /** CLOCK_MONOTONIC minus nanoTime. */
    private final long offset;
    private final long bound;

    private static native int clock_gettime(int clock, long[] time) throws LastErrorException;

    private static native long syscall(long number, int pid, long[] attr, int flags) throws LastErrorException;

    private static native int prctl(int option, long value) throws LastErrorException;

    private Clock(long offset, long bound) {
        this.offset = offset;
        this.bound = bound;
    }

    /** Reads both clocks a thousand times; the reading in the narrowest bracket counts. */
    static Clock tied() {
        try {
            if (!Platform.isLinux() || !Platform.is64Bit()) {
                throw new Failure(1, "nanoTime cannot be tied to CLOCK_MONOTONIC: this is no 64-bit Linux");
            }
            Native.register(Clock.class, Platform.C_LIBRARY_NAME);
            long[] time = new long[2];
            long narrowest = Long.MAX_VALUE;
            long offset = 0;
            for (int i = 0; i < TRIES; i++) {
                long before = System.nanoTime();
                clock_gettime(CLOCK_MONOTONIC, time);
                long bracket = System.nanoTime() - before;
                if (bracket < narrowest) {
                    narrowest = bracket;
                    offset = time[0] * 1_000_000_000L + time[1] - (before + bracket / 2);
                }
            }
            return new Clock(offset, narrowest / 2 + 1);
        } catch (LinkageError | LastErrorException e) {
            throw new Failure(1, "nanoTime cannot be tied to CLOCK_MONOTONIC: " + e.getMessage(), e);
        }
    }

    long now() {
        return System.nanoTime() + offset;
    }

    /** By how much `now()` may be off. */
    long bound() {
        return bound;
    }

    /**
     * Lets the calling thread sleep to the nanosecond instead of the 50 µs by which Linux may delay what wakes it, and run soon
     * after that: one that asks for short slices (Linux 6.12) waits for less of the running thread's.
     */
    void sleepPrecisely() {
        try {
            prctl(PR_SET_TIMERSLACK, 1);
            Long call = SCHED_SETATTR.get(Platform.ARCH);
            if (call != null) {
                syscall(call, 0, new long[] {SCHED_ATTR_BYTES, 0, 0, SLICE, 0, 0}, 0);
            }
        } catch (LastErrorException refused) {
            // Sends are then later, which the schedule delay shows.
            return;
        }
    }

    /** Waits until `instant` of this clock, or until `given` says that there is nothing to wait for any more. */
    void sleepUntil(long instant, BooleanSupplier given) {
        for (long left = instant - now(); left > 0 && !given.getAsBoolean(); left = instant - now()) {
            LockSupport.parkNanos(Math.min(left, LOOK));
        }
    }
}
