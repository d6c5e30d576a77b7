//! Scripted agents, all in this process, until standard input ends.
//!
//! usage: `scripted_fleet` URL AGENTS `RECORDS_PER_SECOND_AND_AGENT`

use std::error::Error;
use std::io::{Read, stdin};

use tokio_util::sync::CancellationToken;
use tribunal_testkit::fleet::{self, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [coordinator, agents, records] = words.as_slice() else {
        return Err("usage: scripted_fleet URL AGENTS RECORDS_PER_SECOND_AND_AGENT".into());
    };
    let options = Options {
        coordinator: coordinator.clone(),
        agents: agents.parse()?,
        records: records.parse()?,
    };
    let shutdown = CancellationToken::new();
    let ends = shutdown.clone();
    std::thread::spawn(move || {
        // What comes is ignored, and an error is an end as well.
        let _ = stdin().lock().read_to_end(&mut Vec::new());
        ends.cancel();
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(fleet::run(options, shutdown))?)
}
