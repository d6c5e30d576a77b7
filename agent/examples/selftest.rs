//! Runs the self-test, or those of its experiments whose numbers are given: `cargo run -p tribunal-agent --example selftest [N…]`.

use std::error::Error;
use std::io::{BufReader, Write, stdin, stdout};

use tribunal_agent::selftest::{self, Host, Progress};

const CHILD: &str = "child";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == CHILD) {
        return Ok(selftest::child(BufReader::new(stdin()), stdout())?);
    }
    let only: Result<Vec<u32>, _> = arguments.iter().map(|argument| argument.parse()).collect();
    let host = Host {
        program: std::env::current_exe()?,
        child: vec![CHILD.into()],
    };
    let mut out = stdout();
    let certificate = selftest::run(&host, &only?, &mut |progress| {
        if let Progress::Ended(finding) = progress {
            let _ = writeln!(
                out,
                "{} {}: {}\n  expected {}\n  measured {}\n  {}",
                finding.number,
                finding.title,
                finding.outcome.name(),
                finding.expected,
                finding.measured,
                finding.note
            );
        }
    });
    writeln!(stdout(), "{:?} in {} ms", certificate.verdict(), certificate.took_ms)?;
    Ok(())
}
