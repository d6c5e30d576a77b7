package tribunal.driver;

import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * One offer of a record to the client, and the callback of its delivery report. It is small, since when the report comes it is no
 * more in any cache of the processor.
 */
final class Delivery implements Callback {
    private final Recorder recorder;
    final long intended;
    /** The instant just before the call. */
    final long accepted;

    Delivery(Recorder recorder, long intended, long accepted) {
        this.recorder = recorder;
        this.intended = intended;
        this.accepted = accepted;
    }

    @Override
    public void onCompletion(RecordMetadata metadata, Exception exception) {
        // The client calls back from within send() for what it does not take.
        if (exception != null && recorder.isSender(Thread.currentThread())) {
            recorder.refused(exception);
        } else {
            recorder.arrived(this, metadata, exception);
        }
    }
}
