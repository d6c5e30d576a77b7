package main

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	produceKey = 0
	// Different errors of a client that are told.
	errorsTold = 20
)

// numbers are what the client says of itself, through its hooks.
type numbers struct {
	requests, latency, batches, records, recordBytes, wireBytes atomic.Uint64
	told                                                        clientMessage
	toldLatency                                                 uint64
	lock                                                        sync.Mutex
	errors                                                      []clientError
}

// OnBrokerE2E is called after each request.
func (n *numbers) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, request kgo.BrokerE2E) {
	if err := request.Err(); err != nil {
		n.note("request", err)
	} else if key == produceKey {
		n.requests.Add(1)
		n.latency.Add(uint64(request.DurationE2E()))
	}
}

// OnProduceBatchWritten is called after each batch that a broker took.
func (n *numbers) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, batch kgo.ProduceBatchMetrics) {
	n.batches.Add(1)
	n.records.Add(uint64(batch.NumRecords))
	n.recordBytes.Add(uint64(batch.UncompressedBytes))
	n.wireBytes.Add(uint64(batch.CompressedBytes))
}

// OnBrokerConnect is called after each try to connect.
func (n *numbers) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		n.note("connect", err)
	}
}

func (n *numbers) note(name string, err error) {
	text := errorText(err)
	n.lock.Lock()
	defer n.lock.Unlock()
	at := slices.IndexFunc(n.errors, func(e clientError) bool { return e.name == name && e.text == text })
	switch {
	case at >= 0:
		n.errors[at].times++
	case len(n.errors) < errorsTold-1:
		n.errors = append(n.errors, clientError{name, text, 1})
	case len(n.errors) == errorsTold-1:
		n.errors = append(n.errors, clientError{"(others)", "(others)", 1})
	default:
		n.errors[errorsTold-1].times++
	}
}

// noted are the errors so far.
func (n *numbers) noted() []clientError {
	n.lock.Lock()
	defer n.lock.Unlock()
	return append([]clientError{}, n.errors...)
}

// take is what was counted since it was taken last. Without acknowledgements a request has no latency.
func (n *numbers) take(blind bool) clientMessage {
	total := clientMessage{
		Requests: n.requests.Load(), Batches: n.batches.Load(), BatchRecords: n.records.Load(),
		RecordBytes: n.recordBytes.Load(), WireBytes: n.wireBytes.Load(),
	}
	latency := n.latency.Load()
	taken := clientMessage{
		Requests: total.Requests - n.told.Requests, Batches: total.Batches - n.told.Batches,
		BatchRecords: total.BatchRecords - n.told.BatchRecords, RecordBytes: total.RecordBytes - n.told.RecordBytes,
		WireBytes: total.WireBytes - n.told.WireBytes,
	}
	if taken.Requests > 0 && !blind {
		mean := float64(latency-n.toldLatency) / float64(taken.Requests) / 1000
		taken.Latency = &mean
	}
	n.told, n.toldLatency = total, latency
	return taken
}
