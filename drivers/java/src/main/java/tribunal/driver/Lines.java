package tribunal.driver;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** One JSON object a line: what the agent says, and what is said to it, by any thread. */
final class Lines {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .build();

    private final BufferedReader source;
    private final OutputStream sink;

    Lines(InputStream source, OutputStream sink) {
        this.source = new BufferedReader(new InputStreamReader(source, StandardCharsets.UTF_8), 1 << 16);
        this.sink = sink;
    }

    record Heard(String name, JsonNode body) {
        <T> T as(Class<T> type) {
            try {
                return JSON.treeToValue(body, type);
            } catch (JsonProcessingException e) {
                throw new Failure(1, "the message " + name + " makes no sense: " + e.getOriginalMessage(), e);
            }
        }
    }

    /** The next message; null when the agent has nothing more to say. */
    Heard heard() {
        try {
            String line = source.readLine();
            if (line == null) {
                return null;
            }
            JsonNode message = JSON.readTree(line);
            if (!message.isObject() || message.size() != 1) {
                throw new Failure(1, "a message of the agent is no object with one name");
            }
            Map.Entry<String, JsonNode> said = message.properties().iterator().next();
            return new Heard(said.getKey(), said.getValue());
        } catch (JsonProcessingException e) {
            throw new Failure(1, "a message of the agent is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException gone) {
            return null;
        }
    }

    void say(String name, Object body) {
        try {
            byte[] line = JSON.writeValueAsBytes(Map.of(name, body));
            synchronized (sink) {
                sink.write(line);
                sink.write('\n');
                sink.flush();
            }
        } catch (JsonProcessingException e) {
            throw new Failure(1, "the message " + name + " could not be written: " + e.getOriginalMessage(), e);
        } catch (IOException gone) {
            // The agent has ended; the end of standard input says so too.
            return;
        }
    }
}
