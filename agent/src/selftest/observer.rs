//! Experiment 25: what being watched costs.
//!
//! One load goes on; every other second the agent's `/metrics` is scraped ten times a second and the second's sample is
//! encoded and sent over a connection, as an upload is. The seconds of the two kinds are compared; how far they differ when
//! they are dealt out by chance is the band within which a difference means nothing (A/A).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_model::ids::AgentName;
use tribunal_model::trial::{Arrivals, Part};
use tribunal_stats::{Fates, Sample};
use tribunal_stub::Script;
use tribunal_telemetry::agent::{AgentMetrics, Producer};
use tribunal_telemetry::http;
use tribunal_tls::Security;

use super::Host;
use super::finding::{Outcome, Said, ms, ns, percent};
use super::load::{Problem, Spec, millis, stub};
use super::noise::{Noise, Watching};
use super::oracle::mean;

const RATE: f64 = 4000.0;
const ROUNDS: u64 = 18;
/// Ten times a second.
const SCRAPE: i64 = 100_000_000;
/// How long a scrape may take before it is given up.
const PATIENCE: Duration = millis(1000);
/// Differences below these are of no concern, however quiet the host: the tolerance of a rate (experiment 4), and the
/// margin within which a comparison calls two p99 equivalent (METHODOLOGY.md, section 2.3).
const RATE_FLOOR: f64 = 0.001;
const P99_FLOOR: f64 = 0.15;
/// Share of the deals that lie outside of the band.
const BY_CHANCE: f64 = 0.001;
/// Seconds whose deals can all be looked at.
const MOST: usize = 20;
/// A band wider than this tells nothing of p99.
const P99_BAND: f64 = 0.5;

/// One second of the load.
#[derive(Clone, Copy, Debug)]
struct Round {
    watched: bool,
    acknowledged: u64,
    p99_ns: f64,
}

#[derive(Clone, Debug)]
struct Watched {
    rounds: Vec<Round>,
    scrapes: u64,
    uploads: u64,
    noise: Noise,
}

/// A difference between the two kinds, and the band within which it means nothing; both as shares.
///
/// If watching costs nothing, the seconds may as well have been dealt out otherwise: the band holds all but one in a
/// thousand of the differences that other deals of the same seconds show, whatever their distribution (a permutation test;
/// METHODOLOGY.md, section 2.3).
fn compare(rounds: &[Round], of: impl Fn(&Round) -> f64) -> (f64, f64) {
    let values: Vec<f64> = rounds.iter().map(|round| of(round).ln()).collect();
    let watched = rounds.iter().filter(|round| round.watched).count() as u32;
    let with: f64 = rounds
        .iter()
        .zip(&values)
        .filter(|(round, _)| round.watched)
        .map(|(_, value)| value)
        .sum();
    let (sum, others) = (values.iter().sum::<f64>(), values.len() as f64 - f64::from(watched));
    let difference = |with: f64| with / f64::from(watched) - (sum - with) / others;
    let mut deals: Vec<f64> = (0u32..1 << values.len().min(MOST))
        .filter(|deal| deal.count_ones() == watched)
        .map(|deal| {
            let dealt = values.iter().enumerate().filter(|(i, _)| deal >> i & 1 == 1);
            difference(dealt.map(|(_, value)| value).sum()).abs()
        })
        .collect();
    deals.sort_unstable_by(f64::total_cmp);
    let rank = ((1.0 - BY_CHANCE) * deals.len() as f64) as usize;
    let band = deals.get(rank).copied().unwrap_or(f64::NAN);
    (difference(with).exp() - 1.0, band.exp() - 1.0)
}

fn judge(seen: &Watched) -> Said {
    let (rate, rate_band) = compare(&seen.rounds, |round| round.acknowledged as f64);
    let (p99, p99_band) = compare(&seen.rounds, |round| round.p99_ns);
    let watched = seen.rounds.iter().filter(|round| round.watched).count() as u64;
    let enough = watched >= 5 && 5 + watched <= seen.rounds.len() as u64;
    // Most of ten scrapes a second took place, and every upload but the one that no sample was there for.
    let was_watched = seen.scrapes >= 8 * watched && seen.uploads + 1 >= watched;
    let within = |difference: f64, band: f64, floor: f64| Outcome::exactly(difference.abs() <= band.max(floor));
    let told = if p99_band <= P99_BAND {
        Outcome::Holds
    } else {
        Outcome::TooNoisy
    };
    let outcome = Outcome::exactly(enough && was_watched)
        .and(within(rate, rate_band, RATE_FLOOR))
        .and(within(p99, p99_band, P99_FLOOR))
        .and(told);
    let kind = |watched| {
        let those: Vec<f64> = seen
            .rounds
            .iter()
            .filter(|round| round.watched == watched)
            .map(|round| round.p99_ns)
            .collect();
        ms(mean(&those))
    };
    Said {
        outcome,
        expected: format!(
            "rate within ± {}, p99 within ± {} (A/A band of these seconds, at least {} and {})",
            percent(rate_band.max(RATE_FLOOR)),
            percent(p99_band.max(P99_FLOOR)),
            percent(RATE_FLOOR),
            percent(P99_FLOOR)
        ),
        measured: format!("rate {:+.3} %, p99 {:+.2} %", rate * 100.0, p99 * 100.0),
        note: format!(
            "{watched} seconds with {} scrapes and {} uploads (p99 {}) against {} without (p99 {}), alternating in one load; {}",
            seen.scrapes,
            seen.uploads,
            kind(true),
            seen.rounds.len() as u64 - watched,
            kind(false),
            seen.noise
        ),
    }
}

/// Whether a second of the window is one of the watched ones.
fn watched_second(second: i64) -> bool {
    second.rem_euclid(2) == 1
}

/// The agent's metrics, served as an agent serves them, and a scraper.
#[derive(Debug)]
struct Endpoint {
    metrics: AgentMetrics,
    stop: CancellationToken,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// t1; scraping begins when it is known.
    t1: AtomicI64,
    scrapes: AtomicU64,
    stop: AtomicBool,
}

impl Endpoint {
    fn start() -> Result<Self, Problem> {
        let build = crate::build();
        let name = AgentName::new("selftest").map_err(|_| Problem::Impossible("there is no such agent"))?;
        let metrics = AgentMetrics::new(&name, &build);
        metrics.begin(vec![producer()]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let bound = runtime
            .block_on(http::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &Security::default()))
            .map_err(|_| Problem::Impossible("metrics cannot be served"))?;
        let address = bound.address();
        let (stop, shared) = (CancellationToken::new(), Arc::new(Shared::default()));
        let (routes, ended) = (http::metrics(metrics.registry()), stop.clone().cancelled_owned());
        let serve = move || {
            // It ends when it is told to.
            let _ = runtime.block_on(http::serve(bound, routes, ended));
        };
        let scraper = shared.clone();
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let mut endpoint = Self {
            metrics,
            stop,
            shared,
            threads: Vec::new(),
        };
        endpoint.threads.push(thread("metrics").spawn(serve)?);
        endpoint
            .threads
            .push(thread("scraper").spawn(move || scrape_by_turns(address, &scraper))?);
        Ok(endpoint)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            // A panic is seen by the scrapes that are missing.
            let _ = thread.join();
        }
    }
}

fn scrape_by_turns(address: SocketAddr, shared: &Shared) {
    let mut due = MonotonicClock.now_ns();
    while !shared.stop.load(Ordering::Acquire) {
        due += SCRAPE;
        MonotonicClock.sleep_until(due);
        let t1 = shared.t1.load(Ordering::Acquire);
        let since = MonotonicClock.now_ns() - t1;
        let whole = t1 > 0 && since >= 0 && watched_second(since / 1_000_000_000);
        if whole && scrape(address).is_ok_and(|text| text.contains("kafka_producer_message_rate{")) {
            shared.scrapes.fetch_add(1, Ordering::AcqRel);
        }
    }
}

fn scrape(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// A connection that somebody reads, for uploads.
fn upload_sink() -> Result<(TcpStream, JoinHandle<()>), Problem> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut other, _) = listener.accept()?;
    let read = move || {
        // Until the other end is closed.
        let _ = std::io::copy(&mut other, &mut std::io::sink());
    };
    Ok((stream, std::thread::Builder::new().name("uploads".into()).spawn(read)?))
}

/// What of a sample takes work to upload: its distributions in the wire's encoding.
fn upload(sample: &Sample, stream: &mut TcpStream) -> std::io::Result<()> {
    for (_, tally) in sample.tallies.iter() {
        for distribution in [
            &tally.response,
            &tally.service,
            &tally.send_lag,
            &tally.schedule_delay,
            &tally.censored,
        ] {
            stream.write_all(&distribution.encode())?;
        }
    }
    Ok(())
}

/// What an agent's session does with a second of its one producer.
fn observe(metrics: &AgentMetrics, sample: &Sample) {
    metrics.sample(sample);
    metrics.watched(&tribunal_stats::watched::Watched::of(
        0,
        &sample.tallies,
        &sample.activity,
    ));
}

fn producer() -> Producer {
    Producer {
        index: 0,
        topic: "selftest".to_owned(),
        client_id: "selftest-0".to_owned(),
        fates: Box::new(Fates::default),
    }
}

/// Experiment 25.
pub(super) fn observer_effect(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let broker = stub(1, Script::constant(millis(1)))?;
        let spec = Spec {
            tapped: false,
            ..Spec::new(Arrivals::Uniform, RATE, Duration::from_secs(ROUNDS))
        };
        let endpoint = Endpoint::start()?;
        let (mut stream, reader) = upload_sink()?;
        let watching = Watching::begin();
        let running = spec.start(&broker.bootstrap())?;
        endpoint.shared.t1.store(running.window().0, Ordering::Release);
        let (mut rounds, mut uploads) = (Vec::new(), 0);
        let (t1, t2) = (spec.windows.t1_ns(), spec.windows.t2_ns());
        let ran = running.finish(|sample, _| {
            observe(&endpoint.metrics, sample);
            // It comes at the beginning of the second after its own.
            let now = (sample.end_ns - t1) / 1_000_000_000;
            let within = (t1..t2).contains(&sample.start_ns);
            if within && watched_second(now) && upload(sample, &mut stream).is_ok() {
                uploads += 1;
            }
            if let Some(tally) = sample.tallies.get(Part::Window).filter(|_| within) {
                rounds.push(Round {
                    watched: watched_second((sample.start_ns - t1) / 1_000_000_000),
                    acknowledged: sample.activity.acknowledged,
                    p99_ns: tally.response.quantile(0.99).map_or(f64::NAN, ns),
                });
            }
        });
        drop(stream);
        // It ends with the stream.
        let _ = reader.join();
        let noise = watching.end();
        ran?.whole()?;
        Ok(judge(&Watched {
            rounds,
            scrapes: endpoint.shared.scrapes.load(Ordering::Acquire),
            uploads,
            noise,
        }))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use tribunal_stats::ClientSecond;

    use super::*;

    fn seen(p99_factor: f64, rate_factor: f64, spread: f64) -> Watched {
        let rounds = (0..18)
            .map(|second| {
                let watched = watched_second(second);
                let (p99, rate) = if watched { (p99_factor, rate_factor) } else { (1.0, 1.0) };
                let wobble = 1.0 + spread * (second / 2 % 3 - 1) as f64;
                Round {
                    watched,
                    acknowledged: (4000.0 * rate) as u64,
                    p99_ns: 1.5e6 * p99 * wobble,
                }
            })
            .collect();
        Watched {
            rounds,
            scrapes: 88,
            uploads: 9,
            noise: Noise::default(),
        }
    }

    #[test]
    fn what_watching_costs_is_found_out_beyond_the_band() {
        let check = |seen: Watched, outcome| assert_eq!(judge(&seen).outcome, outcome, "{:?}", judge(&seen));
        check(seen(1.02, 1.0, 0.02), Outcome::Holds);
        check(seen(1.3, 1.0, 0.02), Outcome::Fails);
        check(seen(1.0, 0.99, 0.02), Outcome::Fails);
        check(seen(1.05, 1.0, 0.5), Outcome::TooNoisy);
        // A difference beyond a wide band has failed all the same.
        check(seen(9.0, 1.0, 0.5), Outcome::Fails);
    }

    #[test]
    fn a_load_that_nobody_watched_shows_nothing() {
        let unwatched = Watched {
            scrapes: 0,
            ..seen(1.0, 1.0, 0.02)
        };
        assert_eq!(judge(&unwatched).outcome, Outcome::Fails);
        let nothing = Watched {
            rounds: Vec::new(),
            scrapes: 0,
            uploads: 0,
            noise: Noise::default(),
        };
        assert_eq!(judge(&nothing).outcome, Outcome::Fails);
    }

    #[test]
    fn metrics_are_scraped_as_an_agent_serves_them() {
        let endpoint = Endpoint::start().unwrap();
        let second = Sample {
            end_ns: 1_000_000_000,
            clients: vec![ClientSecond::default()],
            ..Sample::default()
        };
        observe(&endpoint.metrics, &second);
        // A watched second began an instant ago, and goes on for a second.
        let t1 = MonotonicClock.now_ns() - 1_000_000_000;
        endpoint.shared.t1.store(t1, Ordering::Release);
        while endpoint.shared.scrapes.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
    }
}
