package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// protocolVersion is the version of drivers/PROTOCOL.md.
const protocolVersion = 1

// longestLine is the longest line that either side may write.
const longestLine = 16 << 20

type pair [2]string

type scheduleOrder struct {
	Arrivals  string `json:"arrivals"`
	Shape     string `json:"shape"`
	Seed      uint64 `json:"seed"`
	Block     uint64 `json:"block"`
	Producers uint64 `json:"producers"`
}

type producerOrder struct {
	Index     uint64  `json:"index"`
	ClientID  string  `json:"client_id"`
	Topic     string  `json:"topic"`
	FirstBody uint64  `json:"first_body"`
	Keys      *string `json:"keys"`
}

type armOrder struct {
	Bootstrap   string          `json:"bootstrap"`
	Partitions  int32           `json:"partitions"`
	Properties  []pair          `json:"properties"`
	Options     []pair          `json:"options"`
	Schedule    *scheduleOrder  `json:"schedule"`
	WarmUp      int64           `json:"warm_up_ns"`
	Measure     int64           `json:"measure_ns"`
	Drain       int64           `json:"drain_ns"`
	Settle      int64           `json:"settle_ns"`
	Bodies      string          `json:"bodies"`
	Headers     []pair          `json:"headers"`
	Partitioner string          `json:"partitioner"`
	WhenFull    string          `json:"when_full"`
	Offsets     bool            `json:"offsets"`
	Record      bool            `json:"record"`
	Producers   []producerOrder `json:"producers"`
}

// check refuses what makes no sense.
func (a *armOrder) check() error {
	switch {
	case a.Bootstrap == "" || a.Partitions < 1 || len(a.Producers) == 0:
		return errors.New("arm: no bootstrap, partitions or producers")
	case a.WarmUp < 0 || a.Measure < 1 || a.Drain < 0 || a.Settle < 0:
		return errors.New("arm: a part of the trial without a length")
	case a.Partitioner != "native" && a.Partitioner != "assigned":
		return fmt.Errorf("arm: partitioner %q", a.Partitioner)
	case a.WhenFull != "hold" && a.WhenFull != "shed":
		return fmt.Errorf("arm: when_full %q", a.WhenFull)
	}
	return nil
}

// order is what the agent says; one of them is set.
type order struct {
	Arm *armOrder `json:"arm"`
	Go  *struct {
		T0 int64 `json:"t0_ns"`
	} `json:"go"`
	Window *struct {
		T1 int64 `json:"t1_ns"`
	} `json:"window"`
	EndLoad *struct{} `json:"end_load"`
	Stop    *struct{} `json:"stop"`
	Bye     *struct{} `json:"bye"`
}

type helloMessage struct {
	Protocol int    `json:"protocol"`
	Client   string `json:"client"`
	Version  string `json:"version"`
	Library  string `json:"library"`
	Runtime  string `json:"runtime"`
	Facts    []pair `json:"facts"`
}

type readyProducer struct {
	Index         uint64     `json:"index"`
	Primed        [][2]int64 `json:"primed"`
	Scheduled     *uint64    `json:"scheduled"`
	Sha256        *string    `json:"schedule_sha256"`
	Configuration []pair     `json:"configuration"`
}

type readyMessage struct {
	ClockBound int64            `json:"clock_bound_ns"`
	Producers  []*readyProducer `json:"producers"`
}

type partMessage struct {
	Scheduled       uint64                 `json:"scheduled"`
	Acknowledged    uint64                 `json:"acknowledged,omitempty"`
	NotWritten      uint64                 `json:"not_written,omitempty"`
	PossiblyWritten uint64                 `json:"possibly_written,omitempty"`
	Unresolved      uint64                 `json:"unresolved,omitempty"`
	Unsent          uint64                 `json:"unsent,omitempty"`
	Shed            uint64                 `json:"shed,omitempty"`
	LateSends       uint64                 `json:"late_sends,omitempty"`
	Response        [][2]uint64            `json:"response,omitempty"`
	Service         [][2]uint64            `json:"service,omitempty"`
	SendLag         [][2]uint64            `json:"send_lag,omitempty"`
	ScheduleDelay   [][2]uint64            `json:"schedule_delay,omitempty"`
	Censored        [][2]uint64            `json:"censored,omitempty"`
	Failed          map[string][][2]uint64 `json:"failed,omitempty"`
}

// clientMessage is what the client says of itself over a sample.
type clientMessage struct {
	Latency      *float64 `json:"request_latency_us,omitempty"`
	Requests     uint64   `json:"requests"`
	Batches      uint64   `json:"batches"`
	BatchRecords uint64   `json:"batch_records"`
	RecordBytes  uint64   `json:"record_bytes"`
	WireBytes    uint64   `json:"wire_bytes"`
}

type sampleMessage struct {
	Producer     uint64                  `json:"producer"`
	Start        int64                   `json:"start_ns"`
	End          int64                   `json:"end_ns"`
	Parts        map[string]*partMessage `json:"parts"`
	QueueFull    uint64                  `json:"queue_full"`
	Blocked      int64                   `json:"blocked_ns"`
	InFlight     uint64                  `json:"in_flight"`
	Bytes        uint64                  `json:"acknowledged_bytes"`
	WrittenBlind uint64                  `json:"written_blind"`
	Client       clientMessage           `json:"client"`
}

type clientError struct {
	name, text string
	times      uint64
}

func (e clientError) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{e.name, e.text, e.times})
}

type offsetRuns struct {
	partition int64
	runs      [][2]int64
}

func (o offsetRuns) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{o.partition, o.runs})
}

type reportMessage struct {
	Producer   uint64        `json:"producer"`
	LoadEnd    int64         `json:"load_end_ns"`
	StartError int64         `json:"start_error_ns"`
	FirstSend  *[2]int64     `json:"first_send"`
	Backlog    [2]uint64     `json:"backlog"`
	Partitions [][3]int64    `json:"partitions"`
	Offsets    []offsetRuns  `json:"offsets"`
	Missing    uint64        `json:"missing"`
	Errors     []clientError `json:"errors"`
}

type resolvedMessage struct {
	Producer uint64 `json:"producer"`
}

// speaker says messages, for any goroutine.
type speaker struct {
	lock sync.Mutex
	sink io.Writer
}

// say writes one message. An agent that has gone is noticed where it is listened to.
func (s *speaker) say(name string, body any) {
	line, err := json.Marshal(map[string]any{name: body})
	if err != nil {
		panic(err)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	_, _ = s.sink.Write(append(line, '\n'))
}

// listen hands over what the agent says until its end.
func listen(source io.Reader, orders chan<- order, failed chan<- error) {
	lines := bufio.NewScanner(source)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	for lines.Scan() {
		var heard order
		if err := json.Unmarshal(lines.Bytes(), &heard); err != nil {
			failed <- fmt.Errorf("the agent said nonsense: %w", err)
			return
		}
		orders <- heard
	}
	if err := lines.Err(); err != nil {
		failed <- fmt.Errorf("standard input: %w", err)
		return
	}
	close(orders)
}
