//! The `tribunal` binary: verbs, progress, exit codes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::arguments::{Arguments, CertsVerb, DriversVerb, PlanVerb, Verb};
use crate::exit::Exit;
use crate::settings::Settings;

mod arguments;
mod calibrate;
mod certs;
mod compare;
mod demo;
mod doctor;
mod drivers;
mod exit;
mod interrupts;
mod keep;
mod listing;
mod local;
mod mock;
mod plan;
mod progress;
mod reading;
mod run;
mod selftest;
mod services;
mod settings;
mod supervisor;
mod terminal;
mod watch;

fn main() -> ExitCode {
    guarded(|| match Arguments::try_parse() {
        Ok(arguments) => start(arguments),
        Err(error) => refuse(&error),
    })
    .into()
}

/// A panic is a bug, and has its exit code.
fn guarded(work: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        terminal::say("error: this is a bug in tribunal; the lines above say where");
        Exit::Defect
    })
}

/// Help and version are answers, everything else is wrong usage.
fn refuse(error: &clap::Error) -> Exit {
    // Nobody is left to tell when this fails.
    let _ = error.print();
    if error.exit_code() == 0 {
        Exit::Done
    } else {
        Exit::Usage
    }
}

fn start(arguments: Arguments) -> Exit {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::say(&format!("error: no threads can be started: {error}"));
            return Exit::Defect;
        }
    };
    let ended = runtime.block_on(Box::pin(dispatch(arguments)));
    // A thread may still be reading standard input; nothing waits for it.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| {
        terminal::say_error(&error);
        Exit::of_error(&error)
    })
}

async fn dispatch(arguments: Arguments) -> anyhow::Result<Exit> {
    let settings = Settings::read(arguments.config.as_deref(), std::env::vars_os(), arguments.overrides())?;
    if arguments.print_config {
        terminal::out(&settings.explained());
        return Ok(Exit::Done);
    }
    let Some(verb) = arguments.verb else {
        let error = Arguments::command().error(
            clap::error::ErrorKind::MissingSubcommand,
            "a verb is needed, for example `tribunal demo`; `tribunal --help` shows all",
        );
        return Ok(refuse(&error));
    };
    tribunal_telemetry::logs::init(settings.log.format, &settings.log.level)
        .map_err(|error| exit::Usage(format!("log level {:?}: {error}", settings.log.level)))?;
    match verb {
        Verb::Demo(verb) => demo::demo(verb, &settings).await,
        Verb::Run(verb) => run::run(verb, &settings).await,
        Verb::Calibrate(verb) => calibrate::calibrate(verb, &settings).await,
        Verb::Resume(verb) => run::resume(verb, &settings).await,
        Verb::Watch(verb) => watch::watch(verb, &settings).await,
        Verb::Cancel(verb) => watch::cancel(verb, &settings).await,
        Verb::Plan(PlanVerb::Check(verb)) => plan::check(&verb, &settings),
        Verb::Plan(PlanVerb::Init) => Ok(plan::init()),
        Verb::Agents(verb) => reading::agents(verb, &settings).await,
        Verb::Experiments(verb) => reading::experiments(verb, &settings).await,
        Verb::Report(verb) => reading::report(verb, &settings).await,
        Verb::Compare(verb) => compare::compare(verb, &settings).await,
        Verb::Doctor(verb) => doctor::doctor(&verb),
        Verb::Certs(CertsVerb::Init(verb)) => certs::init(&verb),
        Verb::Certs(CertsVerb::Issue(verb)) => certs::issue(&verb),
        Verb::Certs(CertsVerb::Show(verb)) => certs::show(&verb),
        Verb::Coordinator(verb) => services::coordinator(&verb, &settings).await,
        Verb::Agent(verb) => services::agent(&verb, &settings).await,
        Verb::Selftest(verb) => selftest::selftest(verb, &settings).await,
        Verb::Drivers(DriversVerb::Install(verb)) => drivers::install(&verb, &settings),
        Verb::Drivers(DriversVerb::Check(verb)) => drivers::check(&verb, &settings),
        Verb::Drivers(DriversVerb::Properties) => Ok(drivers::properties()),
        Verb::Driver => drivers::child(),
        Verb::SelftestChild => selftest::child(),
        Verb::Mock(verb) => mock::mock(&verb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_the_code_of_a_bug() {
        assert_eq!(guarded(|| panic!("on purpose")), Exit::Defect);
        assert_eq!(guarded(|| Exit::Invalid), Exit::Invalid);
    }
}
