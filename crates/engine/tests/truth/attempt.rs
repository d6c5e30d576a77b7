//! The threads around sender and recorder, on the host's clock: facts only, no timing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::event::{Ended, Event};
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::{Control, ErrorCode, Outcome as Fate, Worker};
use tribunal_engine::run::{Run, Setup};
use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Part, Partitioner, Rate, RecordRate, RecordShape, Size, WhenFull, Windows,
};
use tribunal_stats::{Cpu, Distribution, Fates, Tallies, Tally};
use tribunal_testkit::producer::{Answer, Scripted};

use crate::{MS, SECOND, acknowledged_after, windows};

fn setup(windows: Windows, per_second: f64, producers: u32) -> Setup {
    let record = RecordShape {
        size: Size::Fixed(100),
        content: Content::Generated { compressibility: 0.5 },
        headers: Vec::new(),
    };
    Setup {
        windows,
        settle: Duration::ZERO,
        audit: AuditLevel::Offsets,
        follow: None,
        pool: Arc::new(PayloadPool::new(&record, 1, 10_000, 100).unwrap()),
        load: Load {
            rate: Rate::Paced(RecordRate::per_second(per_second).unwrap()),
            profile: None,
            arrivals: Arrivals::Uniform,
            producers,
            record,
            keys: Keys::None,
            partitioner: Partitioner::Native,
            when_full: WhenFull::Hold,
            seed: 42,
        },
        block: 0,
        given: Vec::new(),
        cores: 2,
    }
}

fn worker(index: u32, client: &Scripted) -> Worker<Scripted, Scripted> {
    Worker {
        index,
        client_id: format!("a-{index}"),
        // One topic each: a scripted client writes its log alone.
        topic: format!("t{index}"),
        partitions: 1,
        producer: client.clone(),
        reports: client.clone(),
        control: Arc::new(client.clone()),
    }
}

fn millis(warm_up: u64, measure: u64, drain: u64) -> Windows {
    let millis = Duration::from_millis;
    Windows {
        warm_up: millis(warm_up),
        measure: millis(measure),
        drain: millis(drain),
    }
}

/// Starts an attempt of these clients, in 50 ms.
fn begin(clients: &[Scripted], setup: &Setup, lease: Duration) -> (Run<MonotonicClock>, Receiver<Event>) {
    let workers = (0..)
        .zip(clients)
        .map(|(index, client)| worker(index, client))
        .collect();
    let (tell, events) = channel();
    let run = Run::start(workers, setup, &MonotonicClock, Cpu::default, move |event| {
        let _ = tell.send(event);
    });
    assert!(!run.open_window(SECOND), "before the load");
    assert!(run.arm(1, MonotonicClock.now_ns() + 50 * MS, lease));
    assert!(run.go(1));
    (run, events)
}

/// Its end, with the sum of its samples and their starts; what those who watch have seen is the same.
fn end(run: &Run<MonotonicClock>, events: &Receiver<Event>) -> (Ended, Tallies, Vec<i64>) {
    let (mut sum, mut starts) = (Tallies::default(), Vec::new());
    let (mut responses, mut send_lags) = (0, 0);
    loop {
        match events.recv_timeout(Duration::from_secs(20)).unwrap() {
            Event::Sample(sample) => {
                sum.merge(&sample.tallies);
                starts.push(sample.start_ns);
            }
            Event::WindowResolved => run.end_load(),
            Event::NotStarted { .. } => panic!("go came in time"),
            Event::Watched(watched) => {
                responses += watched.response.count();
                send_lags += watched.send_lag.count();
            }
            Event::Statistics { .. } => {}
            Event::Ended(ended) => {
                let tallies = &ended.report.tallies;
                let of = |distribution: fn(&Tally) -> &Distribution| -> u64 {
                    tallies.iter().map(|(_, tally)| distribution(tally).count()).sum()
                };
                assert_eq!(
                    (responses, send_lags),
                    (of(|tally| &tally.response), of(|tally| &tally.send_lag))
                );
                let mut live = Fates::default();
                run.live().iter().for_each(|(_, one)| live.add(&one.fates()));
                assert_eq!(live, tallies.fates());
                return (*ended, sum, starts);
            }
        }
    }
}

#[test]
fn an_attempt_runs_on_threads_and_accounts_for_every_record() {
    let setup = setup(millis(300, 700, 2000), 3000.0, 3);
    let clients: Vec<Scripted> = (0..3).map(|_| acknowledged_after(|_| 2 * MS)).collect();
    let (run, events) = begin(&clients, &setup, Duration::from_secs(30));
    assert!(!run.open_window(SECOND), "a warm-up of fixed length");
    let (ended, sum, _) = end(&run, &events);
    assert_eq!(ended.given_up, None);
    assert_eq!(ended.windows, setup.windows);
    let report = ended.report;
    assert_eq!(sum, report.tallies);
    assert_eq!(report.tallies.unbalanced(), []);
    let fates = report.tallies.get(Part::Window).unwrap().fates;
    assert_eq!((fates.scheduled, fates.acknowledged), (2100, 2100));
    let of = |index: usize| (format!("t{index}"), 0);
    let acknowledged: u64 = (0..3).map(|i| report.partitions[&of(i)].acknowledged).sum();
    assert_eq!(acknowledged, report.tallies.fates().acknowledged);
    for (index, client) in clients.iter().enumerate() {
        let (offsets, end) = (&report.offsets[&of(index)], client.logs()[&0] as u64);
        assert_eq!(
            (offsets.count(), offsets.repeated(), offsets.outside(0, end)),
            (end, 0, 0)
        );
    }
    assert!(
        report.tallies.get(Part::CoolDown).unwrap().fates.acknowledged > 0,
        "the load went on after the window"
    );
    let facts = report.facts;
    assert!(facts.start_error_ns >= 0 && facts.missing_reports == 0);
    assert_eq!(Some(facts.start_ns), run.began());
    let first = facts.first_send.unwrap();
    assert!(
        0 <= first.intended_ns && first.intended_ns <= first.accepted_ns,
        "{first:?}"
    );
    assert!(facts.start_skew_ns() >= first.lag_ns());
    let seen = facts.instruments;
    assert!(seen.looks > 0 && seen.looks <= 700, "{seen:?}");
    assert!(seen.in_flight_max > 0 && seen.in_flight_mean > 0.0, "{seen:?}");
    assert!(seen.accepted > 0 && seen.accepted <= 2100 + 2100, "{seen:?}");
    assert!(seen.window_ns <= 700 * MS as u64, "{seen:?}");
    assert!(
        seen.report_lag_p99_ns > 0 && seen.report_lag_p99_ns <= seen.report_lag_max_ns,
        "{seen:?}"
    );
}

#[test]
fn the_window_opens_when_it_is_announced_and_once() {
    let mut setup = setup(millis(500, 700, 2000), 3000.0, 2);
    setup.settle = Duration::from_secs(60);
    let clients: Vec<Scripted> = (0..2).map(|_| acknowledged_after(|_| 2 * MS)).collect();
    let (run, events) = begin(&clients, &setup, Duration::from_secs(30));
    while run.began().is_none_or(|t0| MonotonicClock.now_ns() < t0 + 20 * MS) {
        std::thread::yield_now();
    }
    assert!(!run.open_window(0) && !run.open_window(SECOND + 1) && !run.open_window(100 * SECOND));
    // On a host so slow that a second has passed already, a later second does as well.
    let t1 = (1..30)
        .map(|second| second * SECOND)
        .find(|t1| run.open_window(*t1))
        .unwrap();
    assert!(!run.open_window(t1 + SECOND), "once");
    let (ended, sum, starts) = end(&run, &events);
    assert_eq!(ended.given_up, None);
    assert_eq!((ended.windows.t1_ns(), ended.windows.t2_ns()), (t1, t1 + 700 * MS));
    let report = ended.report;
    assert_eq!(sum, report.tallies);
    assert_eq!(report.tallies.unbalanced(), []);
    let of = |part| report.tallies.get(part).unwrap().fates.scheduled;
    assert_eq!(
        (of(Part::WarmUp), of(Part::Window)),
        (3000 * (t1 / SECOND) as u64, 2100)
    );
    assert!(starts.contains(&t1) && starts.contains(&(t1 + 700 * MS)), "{starts:?}");
    assert!(report.window.acknowledged > 0 && report.facts.instruments.looks > 0);
}

#[test]
fn without_an_announcement_the_window_opens_at_the_latest() {
    let mut setup = setup(millis(100, 300, 2000), 1000.0, 1);
    setup.settle = Duration::from_millis(200);
    let client = acknowledged_after(|_| MS);
    let (run, events) = begin(&[client], &setup, Duration::from_secs(30));
    let (ended, _, _) = end(&run, &events);
    assert_eq!(ended.windows, millis(300, 300, 2000));
    assert_eq!(ended.report.tallies.get(Part::Window).unwrap().fates.scheduled, 300);
}

/// What arrived in the window, whatever was intended in it: a client that takes 1,000/s of 3,000/s cannot deliver more.
#[test]
fn the_delivered_rate_counts_arrivals_within_the_window() {
    let setup = setup(millis(200, 600, 1000), 3000.0, 1);
    let client = Scripted::new(10, |_, _| Answer::After(10 * MS, Fate::Acknowledged));
    let (run, events) = begin(&[client], &setup, Duration::from_secs(30));
    let (ended, _, _) = end(&run, &events);
    let delivered = ended.report.window.acknowledged;
    assert!(delivered <= 600 + 20, "{delivered}");
    let fates = ended.report.tallies.get(Part::Window).unwrap().fates;
    assert!(fates.acknowledged > delivered, "the rest drained later: {fates:?}");
}

#[test]
fn the_load_ends_with_its_lease() {
    let setup = setup(windows(60, 60, 60), 100.0, 1);
    let client = Scripted::new(usize::MAX, |_, _| {
        Answer::UntilPurged(Fate::PossiblyWritten(ErrorCode("PURGE_INFLIGHT")))
    });
    let (run, events) = begin(std::slice::from_ref(&client), &setup, Duration::from_millis(300));
    let (ended, _, _) = end(&run, &events);
    assert!(ended.given_up.unwrap().contains("lease"));
    assert!(ended.report.facts.purged_ns.is_some());
    assert_eq!(client.in_flight(), 0, "nothing is left in the client");
    let fates = ended.report.tallies.fates();
    assert_eq!(fates.acknowledged, 0);
    assert!(fates.unresolved > 0 && fates.balanced());
}
