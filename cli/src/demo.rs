//! `tribunal demo`: the whole path on this host, on a mock broker.

use anyhow::Context;

use crate::arguments;
use crate::exit::Exit;
use crate::keep;
use crate::plan::Checked;
use crate::run::{self, Told, Work};
use crate::settings::Settings;
use crate::terminal;

const PLAN: &str = include_str!("demo.toml");
const AGENTS: u32 = 2;

/// `tribunal demo`.
pub(crate) async fn demo(verb: arguments::Demo, settings: &Settings) -> anyhow::Result<Exit> {
    let results = &verb.results;
    if let Some(out) = &results.out {
        keep::must_be_free(out)?;
    }
    let checked = Checked::new("demo.toml", PLAN.to_owned(), &[], false)?;
    // The store is needed only until the folder has been copied.
    let store = tempfile::Builder::new()
        .prefix(".tribunal-demo-")
        .tempdir_in(keep::parent(results.out.as_deref())?)
        .context("the demo's store cannot be made")?;
    if !results.quiet {
        terminal::say("demo: 2 x 2 x 2 settings on a mock broker, windows of 3 s: a first look, no comparison");
        for limit in checked.plan.limits.loosened() {
            terminal::say(&format!("demo: limit loosened for a laptop: {limit}"));
        }
    }
    let work = Work::Submit(&checked, Told::Little);
    let exit = run::local(store.path(), &settings.agent.drivers, AGENTS, work, results).await?;
    if !results.quiet && matches!(exit, Exit::Done | Exit::Invalid) {
        terminal::say("a mock broker was measured: the figures show tribunal at work, they say nothing about Kafka");
        terminal::say("next: `tribunal plan init > plan.toml`, and `tribunal run plan.toml --local 2` on your cluster");
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_demo_is_eight_trials_that_fit_into_a_minute_with_room() {
        let checked = Checked::new("demo.toml", PLAN.to_owned(), &[], false).unwrap();
        assert_eq!(checked.matrix.trials.len(), 8);
        assert!(checked.matrix.expected_wall_time(Duration::from_secs(2)) <= Duration::from_secs(50));
        assert_eq!(checked.plan.agents.wanted, tribunal_model::plan::Wanted::Count(AGENTS));
    }
}
