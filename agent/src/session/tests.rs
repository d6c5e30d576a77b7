//! Sessions whose coordinator is played by the test, against the mock cluster in this process.

use tribunal_kafka::Mock;
use tribunal_model::consumers::{Consumers, Role, Seat};
use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};
use tribunal_model::properties::Properties;
use tribunal_model::trial::{Part, Rate, RecordRate};
use tribunal_proto::session::{Epoch, Prepare, PrepareConsumers, RefusalKind};
use tribunal_stats::facts::CertificateFacts;
use tribunal_tls::Security;

use super::*;
use crate::fixture;

const SECOND: i64 = 1_000_000_000;
/// The coordinator's clock is so far ahead.
const AHEAD: i64 = 5 * SECOND;
const TIMEOUT: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options {
        coordinator: String::new(),
        name: AgentName::new("a1").unwrap(),
        metrics: None,
        security: Security::default(),
        certificate: Some(CertificateFacts {
            holds: 12,
            ..CertificateFacts::default()
        }),
        drivers: crate::fixture::programs(),
        role: Role::Any,
    }
}

fn metrics() -> AgentMetrics {
    AgentMetrics::new(&options().name, &crate::build())
}

fn attempt(trial: u32) -> AttemptId {
    AttemptId {
        experiment: ExperimentId::new(Uuid::nil()),
        trial: TrialId(trial),
        attempt: Attempt(1),
    }
}

/// A session with its coordinator.
struct Play<'a> {
    session: Session<'a>,
    outbox: Outbox,
    inbox: Box<dyn FnMut() -> Option<AgentMessage>>,
}

impl<'a> Play<'a> {
    fn new(options: &'a Options, metrics: &'a AgentMetrics) -> Self {
        let (sender, mut inbox) = mpsc::channel(OUTBOX);
        Self {
            session: Session::new(options, metrics, String::new()),
            outbox: Outbox(sender),
            inbox: Box::new(move || Some(AgentMessage::try_from(inbox.try_recv().ok()?).unwrap())),
        }
    }

    async fn say(&mut self, message: CoordinatorMessage) {
        let now = MonotonicClock.now_ns();
        assert!(self.session.obey(message, now, &self.outbox).await.is_ok());
    }

    /// The next message that is wanted; pings are answered, others are dropped.
    async fn until<T>(&mut self, want: impl Fn(AgentMessage) -> Option<T>) -> T {
        let answer = async {
            loop {
                match (self.inbox)() {
                    Some(AgentMessage::ClockPing { sent_ns, .. }) => {
                        let now = MonotonicClock.now_ns() + AHEAD;
                        let (received_ns, returned_ns) = (now, now);
                        self.say(CoordinatorMessage::ClockPong {
                            sent_ns,
                            received_ns,
                            returned_ns,
                        })
                        .await;
                    }
                    Some(message) => {
                        if let Some(wanted) = want(message) {
                            return wanted;
                        }
                    }
                    None => {
                        let told = self.session.told.recv().await.unwrap();
                        assert!(self.session.take(told, &self.outbox).await.is_ok());
                    }
                }
            }
        };
        tokio::time::timeout(TIMEOUT, answer).await.expect("in time")
    }
}

/// What a message of this form holds.
macro_rules! of {
    ($pattern:pat => $out:expr) => {
        |message| match message {
            $pattern => Some($out),
            _ => None,
        }
    };
}

#[tokio::test]
async fn a_whole_attempt_whose_window_is_opened_when_the_coordinator_says() {
    let mock = Mock::start(1, None).unwrap();
    for topic in ["t0", "t1"] {
        mock.create_topic(topic, 3, 1).unwrap();
    }
    let mut trial = fixture::trial();
    trial.load.rate = Rate::Paced(RecordRate::per_second(2000.0).unwrap());
    trial.settle = Duration::from_secs(9);
    let prepare = Prepare {
        attempt: attempt(1),
        trial,
        producers: vec![0, 3],
        bootstrap: mock.bootstrap().to_owned(),
        cluster_properties: Properties::default(),
        topics: vec!["t0".to_owned(), "t1".to_owned()],
        agents_on_host: 2,
    };
    let (attempt, epoch) = (attempt(1), Epoch(1));
    let (options, metrics) = (options(), metrics());
    let mut play = Play::new(&options, &metrics);
    play.say(CoordinatorMessage::Prepare(Box::new(prepare))).await;
    let (trial, producers) = (Box::new(fixture::trial()), vec![0]);
    play.say(CoordinatorMessage::Calibrate {
        id: 3,
        trial,
        producers,
    })
    .await;
    let refused = play.until(of!(AgentMessage::Calibrated { id: 3, outcome } => outcome.unwrap_err()));
    assert_eq!(refused.await, "busy with trial t001 attempt 1");
    let clock = play.until(of!(AgentMessage::Ready { clock, .. } => clock)).await;
    assert!((clock.offset_ns - AHEAD).abs() <= clock.bound_ns, "{clock:?}");
    let (start_ns, lease) = (MonotonicClock.now_ns() + AHEAD + SECOND / 5, TIMEOUT);
    play.say(CoordinatorMessage::Arm {
        attempt,
        epoch,
        start_ns,
        lease,
    })
    .await;
    play.until(of!(AgentMessage::Armed { .. } => ())).await;
    play.say(CoordinatorMessage::Go { attempt, epoch }).await;
    play.until(of!(AgentMessage::Sample { .. } => ())).await;
    let t1_ns = 4 * SECOND;
    for (t1_ns, expected) in [(t1_ns + 1, false), (t1_ns, true), (t1_ns, false)] {
        play.say(CoordinatorMessage::OpenWindow { attempt, t1_ns }).await;
        let told = play.until(of!(AgentMessage::WindowOpens { t1_ns, accepted, .. } => (t1_ns, accepted)));
        assert_eq!(told.await, (t1_ns, expected));
    }
    play.until(of!(AgentMessage::WindowResolved { .. } => ())).await;
    play.say(CoordinatorMessage::EndLoad { attempt }).await;
    let report = play.until(of!(AgentMessage::Report { report, .. } => report)).await;
    assert!(play.session.held.is_none());

    // Half of 2,000 a second are this agent's.
    let fates = |part| report.tallies.get(part).unwrap().fates;
    assert_eq!((fates(Part::WarmUp).scheduled + 500) / 1000, 4);
    assert_eq!((fates(Part::Window).scheduled + 500) / 1000, 1);
    let facts = &report.facts;
    assert_eq!(facts.start_ns, start_ns - clock.offset_ns);
    assert_eq!(facts.clock, clock);
    let [before, after] = [facts.clock.at_ns, facts.clock_after.at_ns];
    assert!(before < facts.start_ns && facts.start_ns < after, "{facts:?}");
    let seen = &facts.instruments;
    assert!(seen.looks > 0 && seen.cpu_used_ns > 0, "{seen:?}");
    // Every acknowledged record has an offset of its own, and so have those that primed: one a client and partition.
    let acknowledged = report.tallies.fates().acknowledged;
    let counted: u64 = report.partitions.values().map(|count| count.acknowledged).sum();
    let told: u64 = report.offsets.values().map(tribunal_stats::OffsetSet::count).sum();
    assert_eq!(
        (counted, told),
        (acknowledged + 6, counted),
        "{:?}",
        report.tallies.fates()
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_all_the_same() {
    let (options, metrics) = (options(), metrics());
    let mut play = Play::new(&options, &metrics);
    assert_eq!(play.session.hello().certificate.unwrap().holds, 12);
    let (attempt, t1_ns) = (attempt(1), 4 * SECOND);
    play.say(CoordinatorMessage::OpenWindow { attempt, t1_ns }).await;
    let accepted = play
        .until(of!(AgentMessage::WindowOpens { accepted, .. } => accepted))
        .await;
    assert!(!accepted);
    let (trial, producers) = (Box::new(fixture::trial()), Vec::new());
    play.say(CoordinatorMessage::Calibrate {
        id: 9,
        trial,
        producers,
    })
    .await;
    let prepare = Prepare {
        attempt,
        trial: fixture::trial(),
        producers: vec![0],
        bootstrap: String::new(),
        cluster_properties: Properties::default(),
        topics: vec!["t".to_owned()],
        agents_on_host: 1,
    };
    play.say(CoordinatorMessage::Prepare(Box::new(prepare))).await;
    let refused = play.until(of!(AgentMessage::Refused { kind, reason, .. } => (kind, reason)));
    assert_eq!(refused.await, (RefusalKind::Busy, "busy with a calibration".to_owned()));
    let reason = play.until(of!(AgentMessage::Calibrated { id: 9, outcome } => outcome.unwrap_err()));
    assert_eq!(reason.await, "no producer to calibrate");
    assert!(play.session.busy(None).is_none());
}

/// One group of two members on two topics of three partitions.
fn consumers(mock: &Mock) -> PrepareConsumers {
    let mut trial = fixture::trial();
    let consumers = Consumers {
        groups: 1,
        members: 2,
        properties: Properties::default(),
    };
    let seats: Vec<(Seat, i64)> = consumers.seats(2, 3).into_iter().map(|seat| (seat, 0)).collect();
    trial.consumers = Some(consumers);
    PrepareConsumers {
        attempt: attempt(1),
        trial,
        bootstrap: mock.bootstrap().to_owned(),
        cluster_properties: Properties::default(),
        topics: vec!["t0".to_owned(), "t1".to_owned()],
        seats,
        lease: TIMEOUT,
    }
}

#[tokio::test]
async fn consumers_are_ready_before_there_is_a_producer_and_report_every_record_up_to_the_ends() {
    let mock = Mock::start(1, None).unwrap();
    for topic in ["t0", "t1"] {
        mock.create_topic(topic, 3, 1).unwrap();
    }
    let order = consumers(&mock);
    let (attempt, trial) = (order.attempt, order.trial.clone());
    let (options, metrics) = (options(), metrics());
    let mut play = Play::new(&options, &metrics);
    play.say(CoordinatorMessage::PrepareConsumers(Box::new(order))).await;
    play.until(of!(AgentMessage::ConsumersReady { .. } => ())).await;
    assert!(play.session.busy(None).is_some() && play.session.busy(Some(attempt)).is_none());
    let prepare = Prepare {
        attempt,
        trial,
        producers: vec![0, 3],
        bootstrap: mock.bootstrap().to_owned(),
        cluster_properties: Properties::default(),
        topics: vec!["t0".to_owned(), "t1".to_owned()],
        agents_on_host: 1,
    };
    play.say(CoordinatorMessage::Prepare(Box::new(prepare))).await;
    // Priming writes one record to each partition.
    play.until(of!(AgentMessage::Ready { .. } => ())).await;
    let topic = |topic: &str| {
        (0..3)
            .map(|partition| (topic.to_owned(), partition, 1))
            .collect::<Vec<_>>()
    };
    let ends = [topic("t0"), topic("t1")].concat();
    let within = TIMEOUT;
    play.say(CoordinatorMessage::EndConsumers { attempt, ends, within })
        .await;
    let report = play
        .until(of!(AgentMessage::ConsumersReport { report, .. } => report))
        .await;
    assert_eq!(report.partitions.len(), 6);
    for ((group, ..), received) in &report.partitions {
        let told = (*group, received.offsets.count(), received.lag_end, received.backwards);
        assert_eq!(told, (0, 1, 0, 0));
    }
    assert_eq!(report.followed[&0].count(), 6);
    assert!(report.clock.at_ns < report.clock_after.at_ns, "{report:?}");
    assert!(play.session.consuming.is_none() && play.session.held.is_some());
    let reason = "enough".to_owned();
    play.say(CoordinatorMessage::Abort { attempt, reason }).await;
    play.until(of!(AgentMessage::Stopped { .. } => ())).await;
}

#[tokio::test]
async fn consumers_that_are_given_up_say_so_once_they_are_closed() {
    let mock = Mock::start(1, None).unwrap();
    for topic in ["t0", "t1"] {
        mock.create_topic(topic, 3, 1).unwrap();
    }
    let order = consumers(&mock);
    let attempt = order.attempt;
    let (options, metrics) = (options(), metrics());
    let mut play = Play::new(&options, &metrics);
    play.say(CoordinatorMessage::PrepareConsumers(Box::new(order.clone())))
        .await;
    play.say(CoordinatorMessage::PrepareConsumers(Box::new(order))).await;
    let busy = play
        .until(of!(AgentMessage::ConsumersFailed { kind, .. } => kind))
        .await;
    assert_eq!(busy, RefusalKind::Busy);
    let reason = "the attempt ends".to_owned();
    play.say(CoordinatorMessage::Abort { attempt, reason }).await;
    let told = play.until(of!(AgentMessage::ConsumersFailed { kind, reason, .. } => (kind, reason)));
    assert_eq!(told.await, (RefusalKind::Other, "the attempt ends".to_owned()));
    assert!(play.session.consuming.is_none() && play.session.busy(None).is_none());
}
