//! What is shown on standard error while an experiment runs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tribunal_coordinator::client::messages::{Ended, Ending, Phase, Progress};
use tribunal_report::format;

use crate::terminal;

/// A view of an experiment: a line that changes, lines that stay, or nothing.
#[derive(Debug)]
pub(crate) struct View {
    how: How,
    live: Live,
}

#[derive(Debug)]
enum How {
    /// One line that changes, on a terminal.
    Bar(ProgressBar),
    /// Lines, in a file or pipe.
    Lines,
    /// Nothing.
    Quiet,
}

/// What the changing line tells.
#[derive(Clone, Debug, Default, PartialEq)]
struct Live {
    trial: u32,
    of: u32,
    cell: String,
    phase: Option<Phase>,
    delivered: Option<f64>,
    response_p99: Option<Duration>,
    left: Option<Duration>,
}

impl View {
    /// The view that fits standard error.
    pub(crate) fn new(quiet: bool) -> Self {
        let how = match (quiet, terminal::talk_is_seen()) {
            (true, _) => How::Quiet,
            (false, false) => How::Lines,
            (false, true) => {
                let style = ProgressStyle::with_template("{spinner} [{bar:16}] {wide_msg}").ok();
                let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
                How::Bar(style.map_or(bar.clone(), |style| {
                    bar.with_style(style.progress_chars("=> ").tick_chars("-\\|/ "))
                }))
            }
        };
        Self {
            how,
            live: Live::default(),
        }
    }

    /// A line that stays.
    pub(crate) fn say(&self, line: &str) {
        match &self.how {
            How::Bar(bar) => bar.suspend(|| terminal::say(line)),
            How::Lines => terminal::say(line),
            How::Quiet => {}
        }
    }

    /// Shows what happened.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if let Some(line) = line(progress, matches!(self.how, How::Bar(_))) {
            self.say(&line);
        }
        self.live.take(progress);
        if let How::Bar(bar) = &self.how {
            if let Progress::Ended(_) = progress {
                bar.finish_and_clear();
                return;
            }
            bar.set_length(u64::from(self.live.of.max(1)));
            if let Progress::Finished { trial, .. } = progress {
                bar.set_position(u64::from(trial.0));
            }
            bar.set_message(self.live.to_string());
            bar.tick();
        }
    }

    /// Takes the changing line away.
    pub(crate) fn clear(&self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }
}

impl Live {
    fn take(&mut self, progress: &Progress) {
        match progress {
            Progress::Began {
                trial, of, cell, left, ..
            } => {
                let (trial, left) = (trial.0, Some(*left));
                *self = Self {
                    trial,
                    of: *of,
                    cell: cell.clone(),
                    left,
                    ..Self::default()
                };
            }
            Progress::Phase { phase, .. } => {
                self.phase = Some(*phase);
                if *phase == Phase::Done {
                    (self.delivered, self.response_p99) = (None, None);
                }
            }
            Progress::Live {
                delivered,
                response_p99,
                left,
                ..
            } => {
                self.delivered = Some(*delivered);
                self.response_p99 = *response_p99;
                self.left = Some(*left);
            }
            Progress::Queued { .. }
            | Progress::Note { .. }
            | Progress::Void { .. }
            | Progress::Finished { .. }
            | Progress::Ended(_) => {}
        }
    }
}

impl std::fmt::Display for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.trial == 0 {
            return f.write_str("waiting");
        }
        write!(f, "trial {} of {}", self.trial, self.of)?;
        if let Some(phase) = self.phase {
            write!(f, ", {}", phase.name())?;
        }
        if let Some(delivered) = self.delivered {
            write!(f, ", {}", format::rate(delivered))?;
        }
        if let Some(p99) = self.response_p99 {
            write!(f, ", p99 {}", micros(p99))?;
        }
        if let Some(left) = self.left {
            write!(f, ", {} left", about(left))?;
        }
        if self.cell.is_empty() {
            Ok(())
        } else {
            write!(f, "  {}", self.cell)
        }
    }
}

/// The line that stays, if something happened that wants one.
fn line(progress: &Progress, changing: bool) -> Option<String> {
    match progress {
        Progress::Queued { before: 0 } | Progress::Phase { .. } | Progress::Live { .. } | Progress::Ended(_) => None,
        Progress::Queued { before } => Some(format!(
            "queued behind {}",
            format::plural(u64::from(*before), "experiment")
        )),
        Progress::Note { text } => Some(text.clone()),
        // The changing line has it.
        Progress::Began { .. } if changing => None,
        Progress::Began {
            trial,
            of,
            attempt,
            cell,
            left,
        } => {
            let again = if attempt.0 > 1 {
                format!(", attempt {}", attempt.0)
            } else {
                String::new()
            };
            Some(format!(
                "trial {} of {of}{again}: {}({} left)",
                trial.0,
                spaced(cell),
                about(*left)
            ))
        }
        Progress::Void { trial, attempt, reason } => {
            Some(format!("trial {}, attempt {} is void: {reason}", trial.0, attempt.0))
        }
        Progress::Finished {
            trial,
            of,
            cell,
            valid,
            bound_by,
            delivered,
            response_p99,
        } => {
            let verdict = if *valid { "valid" } else { "INVALID" };
            let mut line = format!("trial {} of {of}: {}{verdict}", trial.0, spaced(cell));
            if let Some(delivered) = delivered {
                line = line + ", " + &format::rate(*delivered);
            }
            if let Some(p99) = response_p99 {
                line = line + ", p99 " + &micros(*p99);
            }
            Some(line + &format!(", bound by {bound_by}"))
        }
    }
}

fn spaced(cell: &str) -> String {
    if cell.is_empty() {
        String::new()
    } else {
        format!("{cell} ")
    }
}

fn micros(duration: Duration) -> String {
    format::micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// A length of time in the precision that an estimate has.
pub(crate) fn about(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", (seconds + 30) / 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How it ended, in one line.
pub(crate) fn summary(ended: &Ended) -> String {
    let how = match ended.ending {
        Ending::Complete => "complete",
        Ending::AgentsLost => "stopped: agents were missing or lost",
        Ending::ClusterUnreachable => "stopped: the cluster cannot be reached",
        Ending::BadPlan => "stopped: the plan cannot be run here",
        Ending::Refused => "refused for safety",
        Ending::Cancelled => "cancelled",
        Ending::Interrupted => "interrupted: the coordinator went away or was restarted; `tribunal resume` goes on",
        Ending::Defect => "stopped by a defect",
    };
    let trials = format::plural(u64::from(ended.trials), "trial");
    let finished = format!("{} of {trials} finished, {} invalid", ended.finished, ended.invalid);
    // A cancelled experiment says so twice.
    let told = ended.reason.is_empty() || ended.reason == how;
    match (told, ended.finished) {
        (true, _) => format!("{how}: {finished}"),
        (false, 0) => format!("{how}: {}", ended.reason),
        (false, _) => format!("{how}: {} ({finished})", ended.reason),
    }
}

#[cfg(test)]
mod tests {
    use tribunal_model::ids::{Attempt, TrialId};

    use super::*;

    #[test]
    fn the_changing_line_tells_trial_phase_rate_p99_and_time_left() {
        let mut live = Live::default();
        assert_eq!(live.to_string(), "waiting");
        let trial = TrialId(3);
        let left = Duration::from_secs(42);
        let cell = "linger.ms=5".to_owned();
        live.take(&Progress::Began {
            trial,
            of: 8,
            attempt: Attempt(1),
            cell,
            left,
        });
        live.take(&Progress::Phase {
            trial,
            phase: Phase::Measuring,
        });
        assert_eq!(live.to_string(), "trial 3 of 8, measuring, 42 s left  linger.ms=5");
        let response_p99 = Some(Duration::from_micros(5_300));
        live.take(&Progress::Live {
            trial,
            delivered: 19_987.0,
            response_p99,
            left: Duration::from_secs(40),
        });
        let text = "trial 3 of 8, measuring, 19,987/s, p99 5.30 ms, 40 s left  linger.ms=5";
        assert_eq!(live.to_string(), text);
    }

    #[test]
    fn a_finished_trial_is_a_line_with_its_verdict() {
        let finished = Progress::Finished {
            trial: TrialId(3),
            of: 8,
            cell: "linger.ms=5".into(),
            valid: false,
            bound_by: "host".into(),
            delivered: None,
            response_p99: Some(Duration::from_micros(900)),
        };
        let text = "trial 3 of 8: linger.ms=5 INVALID, p99 900 µs, bound by host";
        assert_eq!(line(&finished, true).as_deref(), Some(text));
    }

    #[test]
    fn lengths_of_time_are_rounded_as_estimates_are() {
        let check = |seconds, expected: &str| assert_eq!(about(Duration::from_secs(seconds)), expected);
        check(0, "0 s");
        check(119, "119 s");
        check(150, "3 min");
        check(7_260, "2 h 1 min");
        check(200_000, "2 d 7 h");
    }

    #[test]
    fn the_summary_says_how_it_ended_and_why() {
        let ended = |ending, reason: &str| Ended {
            ending,
            finished: 2,
            trials: 8,
            invalid: 1,
            reason: reason.into(),
        };
        let text = summary(&ended(Ending::Cancelled, ""));
        assert_eq!(text, "cancelled: 2 of 8 trials finished, 1 invalid");
        let text = summary(&ended(Ending::AgentsLost, "agent a is gone"));
        assert!(text.contains("agent a is gone") && text.contains("2 of 8"), "{text}");
    }
}
