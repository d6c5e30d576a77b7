//! Exit codes: the one place that maps endings and errors to them.

use std::process::ExitCode;

use tribunal_agent::Error as AgentError;
use tribunal_coordinator::client::Error as ClientError;
use tribunal_coordinator::client::messages::{Ended, Ending};
use tribunal_coordinator::service::Error as ServiceError;
use tribunal_coordinator::store::Error as StoreError;
use tribunal_model::plan::Error as PlanError;
use tribunal_report::compare;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::objective::{Standing, of_cells};
use tribunal_report::result::TrialResult;
use tribunal_report::search::SearchOutcome;
use tribunal_stats::search::Answer;
use tribunal_telemetry::http::Error as HttpError;
use tribunal_tls::{Insecure, InvalidIdentity};

use crate::settings::Error as SettingsError;

/// How a command ends, as the caller's shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; where trials were run, every one is valid.
    Done,
    /// Wrong usage, a bad plan, or a comparison of what was not measured alike.
    Usage,
    /// The objective is missed, the self-test fails, or a comparison finds a regression.
    Missed,
    /// Some trial is invalid, or a question has no answer.
    Invalid,
    /// Agents lost, or no coordinator.
    AgentsLost,
    /// The cluster cannot be reached.
    ClusterUnreachable,
    /// Refused for safety.
    Refused,
    /// A bug.
    Defect,
    /// Cancelled.
    Cancelled,
}

/// The table of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    every trial is valid, and the objective, where there is one, is met by a cell
  1    no cell meets the objective; the self-test failed; a comparison found a regression
  2    wrong usage or a bad plan; a comparison of what was not measured alike
  3    a trial is invalid, or a question (objective, search, self-test, comparison) has no answer
  4    an agent was lost or missing, its tries used up; no coordinator, or the connection to it lost
  5    the cluster cannot be reached
  6    refused for safety
  70   a bug in tribunal
  130  cancelled";

/// What the coordinator gave up, with how that ends.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Told {
    pub(crate) ending: Ending,
    pub(crate) reason: String,
}

/// Something that the person at the command line has to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A program of `--local` that did not start or did not stay.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LocalFailed(pub(crate) String);

/// The person asked to stop before there was anything to cancel.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
pub(crate) struct Interrupted;

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Missed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::AgentsLost => 4,
            Self::ClusterUnreachable => 5,
            Self::Refused => 6,
            Self::Defect => 70,
            Self::Cancelled => 130,
        }
    }

    /// For an experiment that ended.
    pub(crate) fn of_ended(ended: &Ended) -> Self {
        match Self::of_ending(ended.ending) {
            Self::Done if ended.invalid > 0 => Self::Invalid,
            exit => exit,
        }
    }

    /// For an experiment that ended, with what its report answers: a definite no goes before trials without an answer.
    pub(crate) fn of_experiment(ended: &Ended, report: &ExperimentReport) -> Self {
        match (Self::of_ended(ended), of_answers(report)) {
            (Self::Done | Self::Invalid, Some(Standing::Fail)) => Self::Missed,
            (Self::Done, Some(Standing::Invalid)) => Self::Invalid,
            (exit, _) => exit,
        }
    }

    fn of_ending(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::Done,
            Ending::AgentsLost | Ending::Interrupted => Self::AgentsLost,
            Ending::ClusterUnreachable => Self::ClusterUnreachable,
            Ending::BadPlan => Self::Usage,
            Ending::Refused => Self::Refused,
            Ending::Cancelled => Self::Cancelled,
            Ending::Defect => Self::Defect,
        }
    }

    /// For a comparison: a definite yes fails, a definite no is well.
    pub(crate) fn of_compared(answer: compare::Answer) -> Self {
        match answer {
            compare::Answer::Regression => Self::Missed,
            compare::Answer::NoRegression => Self::Done,
            compare::Answer::Unknown => Self::Invalid,
        }
    }

    /// For what is not done without certificates.
    fn of_insecure(error: &Insecure) -> Self {
        match error {
            Insecure::Listen { .. } | Insecure::Dial { .. } => Self::Refused,
            Insecure::NoCertificates { .. } => Self::Usage,
        }
    }

    /// For a command that failed; what is not known here is a bug.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Defect)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<Usage>() || cause.is::<PlanError>() || cause.is::<SettingsError>() || cause.is::<StoreError>() {
            return Some(Self::Usage);
        }
        if cause.is::<InvalidIdentity>() || cause.is::<compare::Error>() {
            return Some(Self::Usage);
        }
        if let Some(error) = cause.downcast_ref::<ServiceError>() {
            return Some(match error {
                ServiceError::Insecure(error) | ServiceError::Http(HttpError::Insecure(error)) => {
                    Self::of_insecure(error)
                }
                // An address in use, a store that cannot be written: all for the person to change.
                _ => Self::Usage,
            });
        }
        if let Some(told) = cause.downcast_ref::<Told>() {
            return Some(Self::of_ending(told.ending));
        }
        if cause.is::<LocalFailed>() {
            return Some(Self::AgentsLost);
        }
        if cause.is::<Interrupted>() {
            return Some(Self::Cancelled);
        }
        if let Some(error) = cause.downcast_ref::<AgentError>() {
            return Some(match error {
                AgentError::Rejected { .. } => Self::Refused,
                AgentError::Insecure(error) | AgentError::Metrics(HttpError::Insecure(error)) => {
                    Self::of_insecure(error)
                }
                AgentError::Metrics(_) | AgentError::Address { .. } => Self::Usage,
            });
        }
        cause.downcast_ref::<ClientError>().map(|error| match error {
            ClientError::Address { .. }
            | ClientError::BadPlan(_)
            | ClientError::Experiment(_)
            | ClientError::Write { .. } => Self::Usage,
            ClientError::Unreachable { .. } | ClientError::Lost { .. } => Self::AgentsLost,
            ClientError::Insecure(error) => Self::of_insecure(error),
            // Messages that mean nothing come from another build.
            ClientError::Refused(_) | ClientError::Untrusted { .. } | ClientError::Answer(_) => Self::Refused,
            ClientError::Failed(_) => Self::Defect,
        })
    }
}

/// The answer to what a plan asks beyond valid trials: PASS where a cell meets its objective, FAIL where none does, and
/// INVALID where that cannot be told; `None` where it asks nothing.
fn of_answers(report: &ExperimentReport) -> Option<Standing> {
    let standings: Vec<Standing> = if report.searches.is_empty() {
        report.facts.objective.as_ref()?;
        let compared: Vec<&TrialResult> = report.results.iter().filter(|r| r.purpose.compared()).collect();
        of_cells(&compared).iter().map(|cell| cell.standing).collect()
    } else {
        let standing = |outcome: &SearchOutcome| match outcome.answer {
            Some(Answer::Capacity { .. }) => Standing::Pass,
            Some(Answer::NoneMeets { .. }) => Standing::Fail,
            Some(Answer::GeneratorLimited { .. } | Answer::NotFound { .. }) | None => Standing::Invalid,
        };
        report.searches.iter().map(standing).collect()
    };
    let any = |wanted: Standing| standings.contains(&wanted);
    let searched = !report.searches.is_empty();
    Some(match () {
        // A search that came to no end is a cell without an answer, whatever the others say.
        () if searched && any(Standing::Invalid) => Standing::Invalid,
        () if any(Standing::Pass) => Standing::Pass,
        () if any(Standing::Invalid) || standings.is_empty() => Standing::Invalid,
        () => Standing::Fail,
    })
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    const ALL: [Exit; 9] = [
        Exit::Done,
        Exit::Missed,
        Exit::Usage,
        Exit::Invalid,
        Exit::AgentsLost,
        Exit::ClusterUnreachable,
        Exit::Refused,
        Exit::Defect,
        Exit::Cancelled,
    ];

    #[track_caller]
    fn check(ending: Ending, invalid: u32, code: u8) {
        let ended = Ended {
            ending,
            finished: 8,
            trials: 8,
            invalid,
            reason: String::new(),
        };
        assert_eq!(Exit::of_ended(&ended).code(), code, "{ending:?}");
    }

    #[test]
    fn every_ending_has_the_code_that_the_design_gives_it() {
        check(Ending::Complete, 0, 0);
        check(Ending::Complete, 1, 3);
        check(Ending::BadPlan, 0, 2);
        check(Ending::AgentsLost, 1, 4);
        check(Ending::Interrupted, 0, 4);
        check(Ending::ClusterUnreachable, 0, 5);
        check(Ending::Refused, 0, 6);
        check(Ending::Defect, 0, 70);
        check(Ending::Cancelled, 2, 130);
    }

    #[test]
    fn every_error_has_its_code_under_any_context() {
        let client = |error: ClientError| Exit::of_error(&Err::<(), _>(error).context("asking").unwrap_err()).code();
        assert_eq!(client(ClientError::Address { url: "x".into() }), 2);
        assert_eq!(client(ClientError::BadPlan("x".into())), 2);
        assert_eq!(client(ClientError::Experiment("x".into())), 2);
        assert_eq!(client(ClientError::Lost { reason: "x".into() }), 4);
        assert_eq!(client(ClientError::Refused("x".into())), 6);
        assert_eq!(client(ClientError::Failed("x".into())), 70);
        assert_eq!(Exit::of_error(&anyhow::Error::new(Usage("x".into()))).code(), 2);
        assert_eq!(Exit::of_error(&anyhow::Error::new(LocalFailed("x".into()))).code(), 4);
        assert_eq!(Exit::of_error(&anyhow::Error::new(Interrupted)).code(), 130);
        assert_eq!(
            Exit::of_error(&anyhow::Error::new(AgentError::Rejected { reason: "x".into() })).code(),
            6
        );
        assert_eq!(
            Exit::of_error(&anyhow::Error::new(AgentError::Address { url: "x".into() })).code(),
            2
        );
        let insecure = || Insecure::Dial { url: "x".into() };
        assert_eq!(client(ClientError::Insecure(insecure())), 6);
        assert_eq!(
            client(ClientError::Insecure(Insecure::NoCertificates { url: "x".into() })),
            2
        );
        let refusal = tribunal_tls::Refusal::Plaintext;
        assert_eq!(
            client(ClientError::Untrusted {
                url: "x".into(),
                refusal
            }),
            6
        );
        assert_eq!(
            Exit::of_error(&anyhow::Error::new(AgentError::Insecure(insecure()))).code(),
            6
        );
        assert_eq!(
            Exit::of_error(&anyhow::Error::new(ServiceError::Insecure(insecure()))).code(),
            6
        );
        let identity = InvalidIdentity::NotPem {
            path: "x".into(),
            what: "certificate",
        };
        assert_eq!(Exit::of_error(&anyhow::Error::new(identity)).code(), 2);
        let plan = tribunal_model::plan::Plan::parse("x.toml", "schema = 2", &[]).unwrap_err();
        assert_eq!(Exit::of_error(&plan.into()).code(), 2);
        assert_eq!(Exit::of_error(&anyhow::anyhow!("what nobody thought of")).code(), 70);
    }

    #[test]
    fn the_help_names_every_code() {
        for exit in ALL {
            let line = format!("\n  {:<3}", exit.code());
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }
}
