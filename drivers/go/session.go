package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// How long priming may take.
	primeWait = 25 * time.Second
	// How long clients may take to close at the end.
	farewell = 2 * time.Second
)

// session is the driver's side of a trial.
type session struct {
	agent     *speaker
	orders    chan order
	failed    chan error
	clock     clock
	arm       *armOrder
	trial     *trial
	producers []*producer
	reported  chan struct{}
}

// speak plays one trial with the agent.
func speak(source io.Reader, sink io.Writer) error {
	s := &session{
		agent: &speaker{sink: sink}, orders: make(chan order), failed: make(chan error, 1), clock: newClock(),
		reported: make(chan struct{}),
	}
	s.agent.say("hello", hello())
	go guarded(func() { listen(source, s.orders, s.failed) })
	if goesOn, err := s.prepare(); err != nil || !goesOn {
		return err
	}
	defer s.close()
	return s.play()
}

// prepare goes from the start to ready. It does not go on when the agent has no need of them any more.
func (s *session) prepare() (bool, error) {
	for s.arm == nil {
		select {
		case err := <-s.failed:
			return false, err
		case heard, ok := <-s.orders:
			if !ok || heard.Bye != nil {
				return false, nil
			}
			s.arm = heard.Arm
		}
	}
	if err := s.arm.check(); err != nil {
		return false, err
	}
	for _, each := range s.arm.Options {
		return false, usage("option %s: this driver has none", each[0])
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), primeWait, errors.New("no answer in time"))
	defer cancel()
	var told *readyMessage
	armed := make(chan error, 1)
	go guarded(func() {
		var err error
		told, err = s.ready(ctx)
		armed <- err
	})
	for {
		select {
		case err := <-s.failed:
			return false, err
		case err := <-armed:
			if err == nil {
				// Here and not before: the agent may answer at once, and that is for another loop to hear.
				s.agent.say("ready", told)
			}
			return err == nil, err
		case heard, ok := <-s.orders:
			if !ok || heard.Stop != nil || heard.Bye != nil {
				return false, nil
			}
		}
	}
}

// ready makes the clients and primes them.
func (s *session) ready(ctx context.Context) (*readyMessage, error) {
	bodies, err := readBodies(s.arm.Bodies)
	if err != nil {
		return nil, err
	}
	told := &readyMessage{ClockBound: s.clock.bound, Producers: make([]*readyProducer, len(s.arm.Producers))}
	s.producers = make([]*producer, len(s.arm.Producers))
	clients := make([]*kgo.Client, len(s.arm.Producers))
	counted := make([]*numbers, len(s.arm.Producers))
	for i, who := range s.arm.Producers {
		counted[i] = &numbers{}
		if clients[i], err = newClient(s.arm, who, counted[i]); err != nil {
			return nil, err
		}
	}
	s.trial = newTrial(s.clock, s.arm, unacknowledged(clients[0]))
	failures := make([]error, len(s.arm.Producers))
	var all sync.WaitGroup
	for i, who := range s.arm.Producers {
		all.Go(func() {
			guarded(func() {
				s.producers[i], told.Producers[i], failures[i] = s.makeReady(ctx, who, clients[i], counted[i], bodies)
			})
		})
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	for _, each := range counted {
		each.take(false)
	}
	return told, nil
}

func (s *session) makeReady(
	ctx context.Context, who producerOrder, client *kgo.Client, counted *numbers, bodies [][]byte,
) (*producer, *readyProducer, error) {
	sent := &content{
		topic: who.Topic, bodies: bodies, firstBody: who.FirstBody, partitions: s.arm.Partitions,
		assigned: s.arm.Partitioner == "assigned",
	}
	for _, each := range s.arm.Headers {
		sent.headers = append(sent.headers, kgo.RecordHeader{Key: each[0], Value: []byte(each[1])})
		sent.headerSize += len(each[0]) + len(each[1])
	}
	var err error
	if who.Keys != nil {
		if sent.keys, err = readKeys(*who.Keys); err != nil {
			return nil, nil, err
		}
	}
	told := &readyProducer{Index: who.Index, Configuration: configuration(client)}
	var planned *schedule
	if s.arm.Schedule != nil {
		if planned, err = newSchedule(*s.arm.Schedule, who.Index); err != nil {
			return nil, nil, err
		}
		counted, _ := newSchedule(*s.arm.Schedule, who.Index)
		count, sha := digest(counted, s.trial.windows.Load().t2)
		told.Scheduled, told.Sha256 = &count, &sha
	}
	told.Primed, err = prime(ctx, client, who.Topic, s.arm.Partitions, bodies[0])
	if err != nil {
		text := errorName(err)
		if noted := counted.noted(); len(noted) > 0 {
			text += "; " + noted[0].name + ": " + noted[0].text
		}
		return nil, nil, unreachable("topic %s cannot be written to: %s", who.Topic, text)
	}
	r := newReports(s.trial, client, s.arm.Partitions)
	return &producer{
		index: who.Index, trial: s.trial, client: client, numbers: counted, sender: newSender(s.trial, client, r, sent, planned),
		reports: r, agent: s.agent,
	}, told, nil
}

// play goes from ready to the agent's farewell, or to the end of its words.
func (s *session) play() error {
	running := false
	for {
		select {
		case err := <-s.failed:
			return err
		case heard, ok := <-s.orders:
			switch {
			case !ok:
				s.trial.stop()
				if running {
					<-s.reported
				}
				return nil
			case heard.Bye != nil:
				return nil
			case heard.EndLoad != nil:
				s.trial.endLoad()
			case heard.Stop != nil:
				s.trial.stop()
				if !running {
					s.reportAll()
				}
			case heard.Window != nil:
				if err := s.openWindow(heard.Window.T1); err != nil {
					return err
				}
			case heard.Go != nil && !running:
				if s.clock.now() > heard.Go.T0 {
					s.agent.say("not_started", struct{}{})
				} else {
					s.trial.begin(heard.Go.T0)
					running = true
					s.start()
				}
			}
		}
	}
}

func (s *session) start() {
	var all sync.WaitGroup
	for _, each := range s.producers {
		all.Go(func() { guarded(each.run) })
	}
	go func() {
		all.Wait()
		close(s.reported)
	}()
}

// reportAll reports what never ran.
func (s *session) reportAll() {
	for _, each := range s.producers {
		each.report()
	}
}

// openWindow begins the window at t1.
func (s *session) openWindow(t1 int64) error {
	if latest := s.trial.windows.Load().t1; s.arm.Settle == 0 || t1%second != 0 || t1 > latest {
		return fmt.Errorf("window: a t1 of %d ns, where %d is the latest", t1, latest)
	}
	s.trial.windows.Store(windowsFrom(t1, s.arm))
	if s.trial.now() >= t1 {
		return fmt.Errorf("window: t1 had passed when it was announced")
	}
	return nil
}

// close ends the clients; one that does not end in time ends with the process.
func (s *session) close() {
	var all sync.WaitGroup
	for _, each := range s.producers {
		all.Go(each.client.Close)
	}
	closed := make(chan struct{})
	go func() {
		all.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(farewell):
	}
}
