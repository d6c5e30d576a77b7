package tribunal.driver;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Logger;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * Where the client's warnings go: the first ones of each kind to standard error, and all into counts, since a Java client tells
 * of errors that concern no single record only in its log. Until the client is primed they are kept, for the one line of a
 * failure.
 */
public final class Warnings implements SLF4JServiceProvider {
    private static final int KINDS = 19;
    private static final int SHOWN = 3;

    /** Warnings with one logger and one pattern. */
    private static final class Kind {
        final String name;
        final String text;
        final String pattern;
        long times;

        Kind(String name, String pattern, String text) {
            this.name = name;
            this.pattern = pattern;
            this.text = text;
        }
    }

    private static final Map<String, Kind> kinds = new LinkedHashMap<>();
    private static final List<String> kept = new ArrayList<>();
    private static boolean shows;

    private final IMarkerFactory markers = new BasicMarkerFactory();
    private final MDCAdapter context = new NOPMDCAdapter();

    /** Called by the logging interface. */
    public Warnings() {}

    /** Shows what was kept, and from now on what comes. */
    static synchronized void show() {
        kept.forEach(System.err::println);
        kept.clear();
        shows = true;
    }

    /** The latest that was kept, in brackets; nothing if there is none. */
    static synchronized String latest() {
        return kept.isEmpty() ? "" : " (" + kept.get(kept.size() - 1) + ")";
    }

    /** Name, text and number of the warnings of one client. */
    static synchronized List<List<Object>> told(String clientId) {
        List<List<Object>> told = new ArrayList<>();
        long others = 0;
        for (Kind kind : kinds.values()) {
            if (kind.pattern.startsWith("[") && !kind.pattern.startsWith("[Producer clientId=" + clientId + "]")) {
                continue;
            }
            if (told.size() < KINDS) {
                told.add(List.of(kind.name, kind.text, kind.times));
            } else {
                others += kind.times;
            }
        }
        if (others > 0) {
            told.add(List.of("", "(others)", others));
        }
        return told;
    }

    private static synchronized void note(String name, String pattern, Object[] arguments, Throwable throwable) {
        Kind kind = kinds.get(name + pattern);
        boolean first = kind == null;
        if (first || kind.times < SHOWN) {
            String text = MessageFormatter.basicArrayFormat(pattern, arguments) + (throwable == null ? "" : ": " + throwable);
            String line = name + ": " + text.replace('\n', ' ');
            if (shows) {
                System.err.println(line);
            } else {
                kept.add(line);
            }
            if (first) {
                kind = new Kind(name, pattern, text.replaceFirst("^\\[[^]]*] ", ""));
                kinds.put(name + pattern, kind);
            }
        }
        kind.times++;
    }

    private static final class Line extends LegacyAbstractLogger {
        Line(String name) {
            this.name = name.substring(name.lastIndexOf('.') + 1);
        }

        @Override
        public boolean isTraceEnabled() {
            return false;
        }

        @Override
        public boolean isDebugEnabled() {
            return false;
        }

        @Override
        public boolean isInfoEnabled() {
            return false;
        }

        @Override
        public boolean isWarnEnabled() {
            return true;
        }

        @Override
        public boolean isErrorEnabled() {
            return true;
        }

        @Override
        protected String getFullyQualifiedCallerName() {
            return null;
        }

        @Override
        protected void handleNormalizedLoggingCall(
                Level level, Marker marker, String pattern, Object[] arguments, Throwable throwable) {
            note(name, pattern, arguments, throwable);
        }
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return new ILoggerFactory() {
            @Override
            public Logger getLogger(String name) {
                return new Line(name);
            }
        };
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return markers;
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return context;
    }

    @Override
    public String getRequestedApiVersion() {
        return "2.0.99";
    }

    @Override
    public void initialize() {}
}
