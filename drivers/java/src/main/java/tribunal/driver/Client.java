package tribunal.driver;

import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.clients.producer.internals.RecordAccumulator;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.Measurable;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** One live producer of Kafka's own client. */
final class Client {
    private static final List<String> SECRET = List.of("password", "secret", "token", "key.pem");

    private final KafkaProducer<byte[], byte[]> producer;
    private final AbstractConfig configuration;
    private final String topic;
    private final Measurable bufferWait;
    private final Measurable metadataWait;
    private final Metric waitingThreads;

    /** A producer that is not primed; what it does not take of its properties ends the driver. */
    Client(Messages.Arm arm, Messages.Who who) {
        Map<String, Object> properties = new HashMap<>();
        if (arm.whenFull().equals("shed")) {
            // A full client then refuses at once. Metadata, to which it applies too, is there from the priming on.
            properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, "0");
        }
        arm.properties().forEach(property -> properties.put(property.get(0), property.get(1)));
        if (properties.containsKey(ProducerConfig.TRANSACTIONAL_ID_CONFIG)) {
            throw refused(properties, ProducerConfig.TRANSACTIONAL_ID_CONFIG, "this driver sends outside of transactions");
        }
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, arm.bootstrap());
        properties.put(ProducerConfig.CLIENT_ID_CONFIG, who.clientId());
        topic = who.topic();
        try {
            producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        } catch (KafkaException e) {
            throw new Failure(2, "the client refuses its properties: " + words(e), e);
        }
        configuration = field("producerConfig", AbstractConfig.class);
        Set<String> unused = configuration.unused();
        unused.removeAll(ProducerConfig.configNames());
        for (String name : unused) {
            throw refused(properties, name, "the client knows no such property");
        }
        bufferWait = ((KafkaMetric) metric("bufferpool-wait-time-ns-total")).measurable();
        metadataWait = ((KafkaMetric) metric("metadata-wait-time-ns-total")).measurable();
        waitingThreads = metric("waiting-threads");
    }

    /** What the client says, and what it gives as the reason; the outermost words only tell that there is no producer. */
    private static String words(Throwable thrown) {
        List<String> words = new ArrayList<>();
        for (Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause(); cause != null; cause = cause.getCause()) {
            String text = String.valueOf(cause.getMessage());
            if (words.stream().noneMatch(said -> said.contains(text))) {
                words.add(text);
            }
        }
        return String.join(": ", words);
    }

    private static Failure refused(Map<String, Object> properties, String name, String why) {
        String value = isSecret(name) ? "[masked]" : properties.get(name).toString();
        return new Failure(2, "property " + name + " = " + value + ": " + why);
    }

    private <T> T field(String name, Class<T> type) {
        try {
            Field field = KafkaProducer.class.getDeclaredField(name);
            field.setAccessible(true);
            return type.cast(field.get(producer));
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new Failure(1, "this client keeps its configuration elsewhere: there is no " + name, e);
        }
    }

    Metric metric(String name) {
        String id = configuration.getString(ProducerConfig.CLIENT_ID_CONFIG);
        Metric metric = producer.metrics().get(new MetricName(name, "producer-metrics", "", Map.of("client-id", id)));
        if (metric == null) {
            throw new Failure(1, "this client has no metric " + name);
        }
        return metric;
    }

    long property(String name) {
        return configuration.getLong(name);
    }

    boolean isBlind() {
        return configuration.getString(ProducerConfig.ACKS_CONFIG).equals("0");
    }

    /** What is in effect, under the client's names. */
    List<List<String>> configuration() {
        Map<String, Object> values = new TreeMap<>(configuration.values());
        // The client lengthens a default that is shorter than linger.ms and request.timeout.ms, and tells only its log.
        long delivery = field("accumulator", RecordAccumulator.class).getDeliveryTimeoutMs();
        values.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, delivery);
        List<List<String>> told = new ArrayList<>();
        values.forEach((name, value) -> told.add(List.of(name, shown(name, value))));
        return told;
    }

    private static boolean isSecret(String name) {
        return SECRET.stream().anyMatch(name::contains);
    }

    private static String shown(String name, Object value) {
        if (value == null) {
            return "null";
        }
        if (value instanceof Password || isSecret(name)) {
            return "[masked]";
        }
        if (value instanceof Class<?> type) {
            return type.getName();
        }
        if (value instanceof List<?> list) {
            return String.join(",", list.stream().map(String::valueOf).toList());
        }
        return value.toString();
    }

    /** Has one record acknowledged by each partition: partition and offset. To be given up from outside. */
    List<long[]> prime(byte[] body, int partitions) throws InterruptedException {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        while (sent.size() < partitions) {
            var record = new ProducerRecord<byte[], byte[]>(topic, sent.size(), null, body);
            Future<RecordMetadata> future = producer.send(record);
            if (future.isDone() && word(future).failure instanceof TimeoutException) {
                // send() did not take it: with a short max.block.ms the topic's metadata is not there yet.
                Thread.sleep(20);
            } else {
                sent.add(future);
            }
        }
        List<long[]> primed = new ArrayList<>();
        for (Future<RecordMetadata> future : sent) {
            Word word = word(future);
            if (word.failure != null) {
                throw new Failure(3, "topic " + topic + " could not be primed: " + word.failure.getMessage(), word.failure);
            }
            primed.add(new long[] {word.metadata.partition(), word.metadata.offset()});
        }
        return primed;
    }

    /** The client's word on one record. */
    private record Word(RecordMetadata metadata, Throwable failure) {}

    private static Word word(Future<RecordMetadata> future) throws InterruptedException {
        try {
            return new Word(future.get(), null);
        } catch (ExecutionException e) {
            return new Word(null, e.getCause());
        }
    }

    void send(ProducerRecord<byte[], byte[]> record, Callback callback) {
        producer.send(record, callback);
    }

    /** For how long send() has waited for buffer memory so far. Only the thread that sends writes and reads it. */
    long bufferWait() {
        return (long) bufferWait.measure(null, 0);
    }

    /** The same of metadata. */
    long metadataWait() {
        return (long) metadataWait.measure(null, 0);
    }

    /** Whether send() waits for buffer memory now. */
    boolean blocks() {
        return (double) waitingThreads.metricValue() > 0;
    }

    /** Gives up what has not been answered; what becomes of it is told in the callbacks. */
    void purge() {
        producer.close(Duration.ZERO);
    }

    void close(Duration patience) {
        producer.close(patience);
    }
}
