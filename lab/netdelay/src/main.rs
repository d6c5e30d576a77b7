//! Holds the packets that the kernel hands to a netfilter queue for a time, then lets them go, in their order.
//!
//! `netdelay QUEUE DELAY_MS [JITTER_MS]`, in the network namespace of the host that is to be far away, with a rule that
//! sends what arrives there to the queue: a packet held on its way out would count against its sender's socket. The
//! round trips of that host become longer by the delay. Ends by a signal; a queue that nobody serves delays nothing when
//! the rule says `--queue-bypass`, and packets held at that moment are lost.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::line::{Line, Spread};
use crate::queue::Held;

mod line;
mod queue;

const USAGE: &str = "usage: netdelay QUEUE DELAY_MS [JITTER_MS], JITTER_MS at most DELAY_MS";

/// No packet of a sane experiment is held for longer, and a slip of the keyboard does not stop a network for hours.
const LONGEST_MS: f64 = 60_000.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((number, spread)) = parse(&words) else {
        say(USAGE);
        return ExitCode::from(2);
    };
    let Err(error) = serve(number, spread);
    say(&format!("netdelay: {error}"));
    ExitCode::FAILURE
}

fn say(line: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "{line}");
}

fn parse(words: &[String]) -> Option<(u16, Spread)> {
    let (number, delay, jitter) = match words {
        [number, delay] => (number, delay, "0"),
        [number, delay, jitter] => (number, delay, jitter.as_str()),
        _ => return None,
    };
    let (delay, jitter): (f64, f64) = (delay.parse().ok()?, jitter.parse().ok()?);
    if !(0.0..=LONGEST_MS).contains(&delay) || !(0.0..=delay).contains(&jitter) {
        return None;
    }
    let spread = Spread {
        least_ns: ((delay - jitter) * 1e6) as i64,
        most_ns: ((delay + jitter) * 1e6) as i64,
    };
    Some((number.parse().ok()?, spread))
}

/// Takes every packet that is there, lets go those whose time has come, and waits for whichever is next.
fn serve(number: u16, spread: Spread) -> Result<std::convert::Infallible, queue::Error> {
    let mut queue = queue::Queue::open(number)?;
    let mut line: Line<Held> = Line::new(spread);
    loop {
        while let Some(packet) = queue.take()? {
            line.push(queue::now_ns(), packet);
        }
        while let Some(packet) = line.pop(queue::now_ns()) {
            queue.release(packet)?;
        }
        queue.wait(line.next_ns())?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<(u16, i64, i64)>) {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let found = parse(&words).map(|(number, spread)| (number, spread.least_ns, spread.most_ns));
        assert_eq!(found, expected);
    }

    #[test]
    fn delay_and_jitter_become_a_spread() {
        check("1 5", Some((1, 5_000_000, 5_000_000)));
        check("7 0.5 0.1", Some((7, 400_000, 600_000)));
        check("0 0", Some((0, 0, 0)));
    }

    #[test]
    fn what_cannot_be_a_delay_is_refused() {
        for words in [
            "", "1", "1 2 3", "1 -2", "1 NaN", "1 inf", "1 60001", "65536 1", "1 2 1 0", "x 1",
        ] {
            check(words, None);
        }
    }
}
