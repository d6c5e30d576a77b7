//! The verb `doctor`: what on this host hurts measurements.

use tribunal_agent::doctor::examine;

use crate::arguments;
use crate::exit::Exit;
use crate::listing::{Field, Listing};

/// `tribunal doctor`.
pub(crate) fn doctor(verb: &arguments::Doctor) -> anyhow::Result<Exit> {
    let columns = [
        ("what", "what"),
        ("found", "found"),
        ("verdict", "verdict"),
        ("advice", "what to do"),
    ];
    let mut listing = Listing::new(columns);
    for finding in examine() {
        listing.push(vec![
            Field::text(finding.what),
            Field::text(finding.found),
            Field::text(finding.judgement.word()),
            Field::text(finding.advice),
        ]);
    }
    listing.print(verb.format, "nothing was found")?;
    Ok(Exit::Done)
}
