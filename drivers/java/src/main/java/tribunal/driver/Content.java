package tribunal.driver;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** What the records of one producer hold. */
final class Content {
    private final String topic;
    private final byte[][] bodies;
    private final int firstBody;
    /** Null for none. */
    private final long[] keys;
    /** Null for none. */
    private final List<Header> headers;
    /** Partitions to assign records to; 0 leaves that to the client. */
    private final int assigned;

    Content(Messages.Arm arm, Messages.Who who, byte[][] bodies) {
        this.topic = who.topic();
        this.bodies = bodies;
        this.firstBody = who.firstBody();
        this.keys = who.keys() == null ? null : numbers(read(who.keys()), 0, -1);
        this.headers = arm.headers().isEmpty() ? null : arm.headers().stream().map(Content::header).toList();
        this.assigned = switch (arm.partitioner()) {
            case "native" -> 0;
            case "assigned" -> arm.partitions();
            default -> throw new Failure(1, "the partitioner " + arm.partitioner() + ", which there is not");
        };
    }

    /** Record number `r` of this producer. */
    ProducerRecord<byte[], byte[]> record(long r) {
        Integer partition = assigned == 0 ? null : (int) (r % assigned);
        byte[] key = keys == null
                ? null
                : Long.toUnsignedString(keys[(int) (r % keys.length)]).getBytes(StandardCharsets.ISO_8859_1);
        return new ProducerRecord<>(topic, partition, null, key, bodies[(int) ((firstBody + r) % bodies.length)], headers);
    }

    /** The payload pool of a file. */
    static byte[][] bodies(String path) {
        ByteBuffer data = read(path);
        int count = (int) data.getLong(0);
        long[] ends = numbers(data, 8, count);
        byte[][] bodies = new byte[count][];
        int base = 8 + 8 * count;
        for (int i = 0; i < count; i++) {
            int from = i == 0 ? 0 : (int) ends[i - 1];
            bodies[i] = new byte[(int) ends[i] - from];
            data.get(base + from, bodies[i]);
        }
        return bodies;
    }

    private static Header header(List<String> pair) {
        return new RecordHeader(pair.get(0), pair.get(1).getBytes(StandardCharsets.UTF_8));
    }

    private static long[] numbers(ByteBuffer data, int from, int count) {
        long[] numbers = new long[count < 0 ? (data.limit() - from) / 8 : count];
        data.slice(from, 8 * numbers.length).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(numbers);
        return numbers;
    }

    private static ByteBuffer read(String path) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new Failure(1, path + " could not be read: " + e.getMessage(), e);
        }
    }
}
