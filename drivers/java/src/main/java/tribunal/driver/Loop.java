package tribunal.driver;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The least that sends and counts with this client: what the driver's recording is measured by. */
public final class Loop {
    private Loop() {}

    /**
     * Prints how many records a second were acknowledged from the first second to the end.
     *
     * @param words BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]
     */
    public static void main(String[] words) {
        if (words.length < 4) {
            System.err.println("BOOTSTRAP TOPIC SECONDS RECORD_BYTES [NAME=VALUE…]");
            System.exit(2);
        }
        Map<String, Object> properties = new HashMap<>();
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, words[0]);
        for (int i = 4; i < words.length; i++) {
            String[] property = words[i].split("=", 2);
            properties.put(property[0], property[1]);
        }
        byte[] body = new byte[Integer.parseInt(words[3])];
        new Random(1).nextBytes(body);
        AtomicLong acknowledged = new AtomicLong();
        // Only the producer's I/O thread counts.
        Callback count = (metadata, exception) -> {
            if (exception == null) {
                acknowledged.lazySet(acknowledged.getPlain() + 1);
            }
        };
        var producer = new KafkaProducer<byte[], byte[]>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        long start = System.nanoTime();
        long first = start + 1_000_000_000L;
        long end = start + Long.parseLong(words[2]) * 1_000_000_000L;
        long before = 0;
        long now = start;
        for (long i = 0; now < end; i++) {
            producer.send(new ProducerRecord<>(words[1], body), count);
            // The clock is looked at now and then, so that it costs nothing.
            if (i % 64 == 0) {
                now = System.nanoTime();
                if (before == 0 && now >= first) {
                    before = acknowledged.get();
                    first = now;
                }
            }
        }
        long records = acknowledged.get() - before;
        if (records == 0) {
            System.err.println("nothing was acknowledged");
            Runtime.getRuntime().halt(1);
        }
        System.out.printf("records_per_second %.1f%n", records * 1e9 / (now - first));
        Runtime.getRuntime().halt(0);
    }
}
