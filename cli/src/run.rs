//! The verbs `run` and `resume`.

use std::path::Path;

use tribunal_coordinator::client::messages::Submitted;
use tribunal_coordinator::client::{Client, Error};
use tribunal_model::ids::ExperimentId;
use tribunal_model::plan::{Plan, Wanted};
use tribunal_report::format;
use tribunal_tls::Security;

use crate::arguments::{self, Results};
use crate::exit::{Exit, Usage};
use crate::interrupts::Interrupts;
use crate::keep;
use crate::local::{self, Local};
use crate::plan::{Checked, trials};
use crate::progress::{View, about};
use crate::settings::Settings;
use crate::terminal;
use crate::watch::{self, CONNECT, Followed};

/// What a local coordinator is asked to do.
#[derive(Debug)]
pub(crate) enum Work<'w> {
    /// A plan that has been checked.
    Submit(&'w Checked, Told),
    /// To go on with the experiment of this text.
    Resume(&'w str),
}

/// How much is told before an experiment starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The store and the plan's warnings.
    Everything,
    /// Neither: plan and store are ours.
    Little,
}

/// `tribunal run`.
pub(crate) async fn run(verb: arguments::Run, settings: &Settings) -> anyhow::Result<Exit> {
    if let Some(out) = &verb.results.out {
        keep::must_be_free(out)?;
    }
    let checked = Checked::read(&verb.plan, &verb.set, verb.allow_large)?;
    if let Some(agents) = verb.local {
        enough_agents(&checked.plan, agents)?;
        let work = Work::Submit(&checked, Told::Everything);
        let (store, drivers) = (&settings.coordinator.store, &settings.agent.drivers);
        return local(store, drivers, agents, work, &verb.results).await;
    }
    let mut interrupts = Interrupts::take()?;
    let mut view = View::new(verb.results.quiet);
    let (client, id) = interrupts
        .or_interrupted(async {
            let client = watch::connect(settings).await?;
            let submitted = client.submit(checked.submission()).await?;
            announce(&view, &checked, &submitted, Told::Everything);
            Ok((client, submitted.id))
        })
        .await?;
    if verb.detach {
        terminal::out(&format!("{id}\n"));
        view.say(&format!(
            "to attach: tribunal watch {id} --coordinator {}",
            settings.dial()
        ));
        return Ok(Exit::Done);
    }
    watch::to_the_end(&client, id, settings.dial(), &mut interrupts, &mut view, &verb.results).await
}

/// `tribunal resume`.
pub(crate) async fn resume(verb: arguments::Resume, settings: &Settings) -> anyhow::Result<Exit> {
    if let Some(out) = &verb.results.out {
        keep::must_be_free(out)?;
    }
    if let Some(agents) = verb.local {
        let (store, drivers) = (&settings.coordinator.store, &settings.agent.drivers);
        // A wrong id is told before anything starts.
        tribunal_coordinator::store::Store::open(store).find(&verb.id)?;
        return local(store, drivers, agents, Work::Resume(&verb.id), &verb.results).await;
    }
    let mut interrupts = Interrupts::take()?;
    let mut view = View::new(verb.results.quiet);
    let (client, id) = interrupts
        .or_interrupted(async {
            let client = watch::connect(settings).await?;
            let id = resumed(&client, &verb.id).await?;
            Ok((client, id))
        })
        .await?;
    watch::to_the_end(&client, id, settings.dial(), &mut interrupts, &mut view, &verb.results).await
}

/// Runs an experiment with a coordinator and agents of its own, in this store and with this folder of drivers.
pub(crate) async fn local(
    store: &Path,
    drivers: &Path,
    agents: u32,
    work: Work<'_>,
    results: &Results,
) -> anyhow::Result<Exit> {
    let mut interrupts = Interrupts::take()?;
    let mut view = View::new(results.quiet);
    let processes = format!("1 coordinator and {}", format::plural(u64::from(agents), "agent"));
    view.say(&format!("starting {processes} on this host"));
    if !matches!(work, Work::Submit(_, Told::Little)) {
        view.say(&format!("the store is {}", store.display()));
    }
    let mut local = interrupts.or_interrupted(Local::start(store, drivers, agents)).await?;
    let followed = local_work(&mut local, &work, &mut interrupts, &mut view, results).await;
    match followed {
        Ok(Some(exit)) => {
            if exit == Exit::AgentsLost
                && let Some(error) = local.ended().await
            {
                terminal::say(&error.to_string());
            }
            local.stop().await;
            Ok(exit)
        }
        Ok(None) => {
            local.abandon().await;
            Ok(Exit::Cancelled)
        }
        Err(error) => {
            // A process that has ended says more than the connection that it took along.
            let lost = error
                .downcast_ref::<Error>()
                .is_some_and(|error| matches!(error, Error::Lost { .. }));
            let error = if lost {
                local.ended().await.unwrap_or(error)
            } else {
                error
            };
            local.stop().await;
            Err(error)
        }
    }
}

/// The exit code, or nothing when the person left at once.
async fn local_work(
    local: &mut Local,
    work: &Work<'_>,
    interrupts: &mut Interrupts,
    view: &mut View,
    results: &Results,
) -> anyhow::Result<Option<Exit>> {
    let begin = async {
        let client = Client::connect(local.url(), &Security::default(), CONNECT).await?;
        let id = match work {
            Work::Submit(checked, told) => {
                let submitted = client.submit(checked.submission()).await?;
                announce(view, checked, &submitted, *told);
                submitted.id
            }
            Work::Resume(text) => resumed(&client, text).await?,
        };
        Ok((client, id))
    };
    let (client, id) = interrupts.or_interrupted(begin).await?;
    match watch::follow(&client, id, interrupts, view).await? {
        Followed::Ended(ended) => Ok(Some(watch::finish(&client, id, &ended, results).await?)),
        Followed::Left => Ok(None),
    }
}

async fn resumed(client: &Client, text: &str) -> anyhow::Result<ExperimentId> {
    let id = watch::find(client, text).await?;
    client.resume(&id.to_string()).await?;
    Ok(id)
}

fn announce(view: &View, checked: &Checked, submitted: &Submitted, told: Told) {
    if told == Told::Everything {
        for warning in &submitted.warnings {
            view.say(&format!("warning: {warning}"));
        }
    }
    view.say(&format!(
        "experiment {}: {}, about {}",
        submitted.id,
        trials(&checked.matrix),
        about(submitted.expected)
    ));
}

/// That the agents which a plan wants are those which `--local` starts.
pub(crate) fn enough_agents(plan: &Plan, agents: u32) -> Result<(), Usage> {
    let started = format!("--local {agents} starts {}", format::plural(u64::from(agents), "agent"));
    match &plan.agents.wanted {
        Wanted::Count(count) if *count > agents => Err(Usage(format!(
            "{} wants {count} agents and {started}; use --local {count}, or --set agents.count={agents}",
            plan.file
        ))),
        Wanted::Named(names) => {
            let local: Vec<String> = (1..=agents).map(local::name).collect();
            let missing = names
                .iter()
                .find(|name| !local.iter().any(|local| local == name.as_str()));
            missing.map_or(Ok(()), |name| {
                Err(Usage(format!(
                    "{} names the agent {name} and {started}, called {}; change agents.names in the plan, or use \
                     --coordinator",
                    plan.file,
                    format::list(&local)
                )))
            })
        }
        Wanted::Count(_) | Wanted::Connected => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(agents: &str, local: u32, fits: bool) {
        let text =
            format!("schema = 1\n[agents]\n{agents}\n[cluster]\nbootstrap = \"mock\"\n[workload]\nrate = \"1k/s\"");
        let plan = Plan::parse("plan.toml", &text, &[]).unwrap();
        assert_eq!(enough_agents(&plan, local).is_ok(), fits, "{agents}");
    }

    #[test]
    fn a_plan_that_wants_other_agents_than_local_ones_is_told_so_at_once() {
        check("count = 2", 2, true);
        check("count = 2", 3, true);
        check("count = 2", 1, false);
        check("", 1, true);
        check("names = [\"local-1\", \"local-2\"]", 2, true);
        check("names = [\"rack1\"]", 1, false);
    }
}
