package tribunal.driver;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/** The messages of PROTOCOL.md; the names become those of JSON with underscores. */
final class Messages {
    private Messages() {}

    record Arm(
            String bootstrap, int partitions, List<List<String>> properties, List<List<String>> options, Plan schedule,
            long warmUpNs, long measureNs, long drainNs, long settleNs, String bodies, List<List<String>> headers,
            String partitioner, String whenFull, boolean offsets, boolean record, List<Who> producers) {}

    /** The schedule function's arguments but for the producer's place; none for a closed loop. */
    record Plan(String arrivals, String shape, BigInteger seed, long block, long producers) {}

    record Who(int index, String clientId, String topic, int firstBody, String keys) {}

    record Go(long t0Ns) {}

    record Window(long t1Ns) {}

    record Hello(int protocol, String client, String version, String library, String runtime, List<List<String>> facts) {}

    record Ready(long clockBoundNs, List<Armed> producers) {}

    record Armed(
            int index, List<long[]> primed, Long scheduled, String scheduleSha256, List<List<String>> configuration) {}

    record Sample(
            int producer, long startNs, long endNs, Map<String, Object> parts, long queueFull, long blockedNs, long inFlight,
            long acknowledgedBytes, long writtenBlind, Map<String, Object> client) {}

    record Resolved(int producer) {}

    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Report(
            int producer, long loadEndNs, long startErrorNs, long[] firstSend, long[] backlog, List<long[]> partitions,
            List<List<Object>> offsets, long missing, List<List<Object>> errors) {}
}
