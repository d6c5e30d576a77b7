//! Following an experiment to its end; the verbs `watch` and `cancel`.

use std::time::Duration;

use tokio::time::timeout;
use tokio_stream::StreamExt;
use tribunal_coordinator::client::messages::{Ended, Progress};
use tribunal_coordinator::client::{Client, Error};
use tribunal_model::ids::ExperimentId;

use crate::arguments::{self, Results};
use crate::exit::{Exit, Usage};
use crate::interrupts::Interrupts;
use crate::keep::{self, Folder};
use crate::progress::{View, summary};
use crate::settings::Settings;
use crate::terminal;

/// How long a coordinator may take to answer the first call.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// What following came to.
#[derive(Debug)]
pub(crate) enum Followed {
    /// The experiment ended.
    Ended(Ended),
    /// The person left at once.
    Left,
}

/// Shows an experiment until it ends. The first interrupt cancels it, the second leaves.
pub(crate) async fn follow(
    client: &Client,
    id: ExperimentId,
    interrupts: &mut Interrupts,
    view: &mut View,
) -> Result<Followed, Error> {
    let followed = watch_to_end(client, id, interrupts, view).await;
    view.clear();
    followed
}

async fn watch_to_end(
    client: &Client,
    id: ExperimentId,
    interrupts: &mut Interrupts,
    view: &mut View,
) -> Result<Followed, Error> {
    let mut happenings = client.watch(id).await?;
    let mut cancelling = false;
    loop {
        tokio::select! {
            progress = happenings.next() => match progress {
                Some(Ok(progress)) => {
                    view.show(&progress);
                    if let Progress::Ended(ended) = progress {
                        return Ok(Followed::Ended(ended));
                    }
                }
                Some(Err(error)) => return Err(error),
                None => return Err(Error::Lost { reason: "it ended without a word".to_owned() }),
            },
            () = interrupts.next() => {
                if cancelling {
                    return Ok(Followed::Left);
                }
                cancelling = true;
                view.say("cancelling, finished trials are kept; Ctrl-C again to leave at once");
                let text = id.to_string();
                tokio::select! {
                    cancelled = client.cancel(&text) => match cancelled {
                        // It ended by itself a moment ago; its end is on the way.
                        Ok(()) | Err(Error::Experiment(_)) => {}
                        Err(error) => return Err(error),
                    },
                    () = interrupts.next() => return Ok(Followed::Left),
                }
            }
        }
    }
}

/// Connects to the coordinator that the settings name.
pub(crate) async fn connect(settings: &Settings) -> anyhow::Result<Client> {
    let security = settings.tls.security()?;
    let connecting = timeout(CONNECT, Client::connect(settings.dial(), &security, CONNECT)).await;
    let lost = || Error::Lost {
        reason: format!("{} did not answer within {CONNECT:?}", settings.dial()),
    };
    Ok(connecting.map_err(|_| lost())??)
}

/// The one experiment that a text names.
pub(crate) async fn find(client: &Client, text: &str) -> anyhow::Result<ExperimentId> {
    let rows = client.experiments().await?;
    let mut found = rows.iter().filter(|row| row.id.matches(text)).map(|row| row.id);
    match (found.next(), found.count()) {
        (Some(id), 0) => Ok(id),
        (Some(_), more) => Err(Usage(format!(
            "{text:?} names {} experiments; give a longer part of the id",
            more + 1
        ))
        .into()),
        (None, _) => {
            let hint = "`tribunal experiments` shows the ids, of which at least four characters are needed";
            Err(Usage(format!("{text:?} names no experiment of this coordinator; {hint}")).into())
        }
    }
}

/// How to attach again, for the end of an error.
pub(crate) fn again(id: ExperimentId, url: &str) -> String {
    format!("the experiment may go on without this command; to attach again: tribunal watch {id} --coordinator {url}")
}

/// Shows the results and keeps the folder; the exit code says what they are worth.
pub(crate) async fn finish(
    client: &Client,
    id: ExperimentId,
    ended: &Ended,
    results: &Results,
) -> anyhow::Result<Exit> {
    let exit = Exit::of_ended(ended);
    let good = matches!(exit, Exit::Done | Exit::Invalid | Exit::Cancelled);
    let summary = if good {
        summary(ended)
    } else {
        format!("error: {}", summary(ended))
    };
    if ended.finished == 0 {
        // There is nothing to show or to keep but the reason.
        terminal::say(&summary);
        return Ok(exit);
    }
    let folder = Folder::fetch(client, id, Some(&keep::parent(results.out.as_deref())?)).await?;
    let exit = Exit::of_experiment(ended, folder.report());
    keep::print(folder.report(), results.format);
    let kept = folder.keep(results.out.as_deref())?;
    if !results.quiet || exit != Exit::Done {
        terminal::say(&summary);
    }
    if exit == Exit::Missed {
        terminal::say("no cell meets the objective; the report says which condition decided");
    }
    if !results.quiet {
        terminal::say(&Folder::page(&kept));
    }
    Ok(exit)
}

/// `tribunal watch`.
pub(crate) async fn watch(verb: arguments::Watch, settings: &Settings) -> anyhow::Result<Exit> {
    if let Some(out) = &verb.results.out {
        keep::must_be_free(out)?;
    }
    let mut interrupts = Interrupts::take()?;
    let (client, id) = interrupts
        .or_interrupted(async {
            let client = connect(settings).await?;
            let id = find(&client, &verb.id).await?;
            Ok((client, id))
        })
        .await?;
    let mut view = View::new(verb.results.quiet);
    to_the_end(&client, id, settings.dial(), &mut interrupts, &mut view, &verb.results).await
}

/// Follows an experiment of a coordinator that stays when this command ends.
pub(crate) async fn to_the_end(
    client: &Client,
    id: ExperimentId,
    url: &str,
    interrupts: &mut Interrupts,
    view: &mut View,
    results: &Results,
) -> anyhow::Result<Exit> {
    match follow(client, id, interrupts, view).await {
        Ok(Followed::Ended(ended)) => finish(client, id, &ended, results).await,
        Ok(Followed::Left) => {
            terminal::say(&again(id, url));
            Ok(Exit::Cancelled)
        }
        Err(error @ Error::Lost { .. }) => {
            terminal::say(&again(id, url));
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `tribunal cancel`.
pub(crate) async fn cancel(verb: arguments::Cancel, settings: &Settings) -> anyhow::Result<Exit> {
    let client = connect(settings).await?;
    let id = find(&client, &verb.id).await?;
    client.cancel(&id.to_string()).await?;
    terminal::say(&format!("experiment {id} is being cancelled; finished trials are kept"));
    Ok(Exit::Done)
}
