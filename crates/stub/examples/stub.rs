//! A stub broker to try a client on. Prints its bootstrap address, obeys lines on standard input, and ends with them.
//!
//! usage: stub `TOPIC:PARTITIONS` …
//!
//! lines: `constant MS`, `rate PER_SECOND`, `stall IN_MS FOR_MS`, `error CODE SHARE`, `silent FROM_REQUEST`, `totals`

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;

use tribunal_stub::{Code, Fault, Produced, Script, Service, Stub, Topic, When, now_ns};

fn main() -> Result<(), Box<dyn Error>> {
    let topic = |spec: String| {
        let (name, partitions) = spec.split_once(':').unwrap_or((&spec, "1"));
        Ok(Topic::new(name, partitions.parse()?))
    };
    let topics: Result<Vec<_>, std::num::ParseIntError> = std::env::args().skip(1).map(topic).collect();
    let stub = Stub::start(&topics?, Script::default())?;
    let mut out = stdout();
    writeln!(out, "bootstrap={}", stub.bootstrap())?;
    out.flush()?;
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<_> = line.split_whitespace().collect();
        let milliseconds = |word: &str| word.parse().map(|ms: f64| Duration::from_secs_f64(ms / 1e3));
        match words[..] {
            ["constant", delay] => stub.set(Script::constant(milliseconds(delay)?))?,
            ["rate", per_second] => stub.set(Script {
                service: Service::Rate {
                    per_second: per_second.parse()?,
                },
                ..Script::default()
            })?,
            ["error", code, share] => {
                let fault = Fault::Error(Code(code.parse()?));
                stub.set(Script::default().rule(When::Share(share.parse()?), fault))?;
            }
            ["silent", from] => {
                let fault = Fault::Silence { appended: true };
                stub.set(Script::default().rule(When::FromRequest(from.parse()?), fault))?;
            }
            ["stall", start, length] => {
                let start = now_ns() + milliseconds(start)?.as_nanos() as i64;
                writeln!(out, "{:?}", stub.stall(start, milliseconds(length)?))?;
            }
            _ => writeln!(out, "{:?}", stub.totals())?,
        }
        out.flush()?;
    }
    let truth = stub.truth();
    for end in &truth.ends {
        writeln!(out, "{end:?}")?;
    }
    for (what, of) in [
        ("service", Produced::service_ns as fn(&Produced) -> Option<i64>),
        ("lateness", Produced::lateness_ns),
    ] {
        let mut all: Vec<_> = truth.produced.iter().filter_map(of).collect();
        all.sort_unstable();
        let at = |share: f64| all.get((all.len() as f64 * share) as usize).or(all.last());
        writeln!(
            out,
            "{what} ns: p50 {:?} p99 {:?} max {:?} of {}",
            at(0.5),
            at(0.99),
            all.last(),
            all.len()
        )?;
    }
    writeln!(out, "{:#?}", truth.totals)?;
    Ok(())
}
