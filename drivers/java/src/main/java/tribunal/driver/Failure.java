package tribunal.driver;

/** What ends the driver: one line for people, and its exit code. */
final class Failure extends RuntimeException {
    final int code;

    Failure(int code, String line) {
        this(code, line, null);
    }

    Failure(int code, String line, Throwable cause) {
        super(line, cause);
        this.code = code;
    }
}
