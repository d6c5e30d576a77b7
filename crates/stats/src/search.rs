//! The largest rate that meets an objective, for one cell (METHODOLOGY.md, section 10).
//!
//! The search is a pure state machine: it names a probe, takes its verdict, and names the next. It keeps no clock and
//! no randomness, so the same verdicts lead to the same probes: [`Search::replay`] resumes from a history of them.
//!
//! A probe's verdict is PASS, FAIL or INVALID. The caller runs each probe on topics of its own, once the logs of the one
//! before it are at rest; [`Purpose::Down`] without any other wait. The rules:
//!
//! - Rates double to the first FAIL (or halve to the first PASS), then the bracket is bisected on a scale of
//!   logarithms. Windows grow as it narrows.
//! - A FAIL counts by majority of three, unless a tenth of the offered rate was missing: a pause of a broker fails a
//!   probe at any rate. A PASS is re-run near the edge only, for no hiccup makes an overloaded cluster pass.
//! - Both ends of the bracket are confirmed by fresh trials, which must agree. Where one does not, that end moves
//!   outwards, and takes two trials more: noise widens the answer, by verdicts and not by a formula.
//! - INVALID moves no bound. The probe is run again; the third INVALID in a row ends the search.
//! - The way down: right after a failing probe the confirmed rate is probed once more.
//!
//! How often the answer holds the truth is measured in `tests/search.rs`.

mod answer;
mod probe;
mod settings;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Shortcoming, UpDownGap};
pub use probe::{Point, Probe, ProbeVerdict, Purpose, curve};
use settings::round;
pub use settings::{InvalidSettings, Settings};

/// Equal verdicts that decide: the majority of three.
const MAJORITY: u32 = 2;

/// Times that an INVALID probe is run again before the search ends: a hiccup of the generator is seldom the third.
const INVALID_RERUNS: u32 = 2;

/// A PASS is re-run when the bracket is at most this many times the precision wide.
const EDGE: f64 = 4.0;

/// A FAIL that delivered less than this share of the offered rate is an overload. No pause shorter than a tenth of the
/// window does that.
const OVERLOAD: f64 = 0.9;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Run this.
    Probe(Probe),
    /// The search is over.
    Done(Answer),
}

/// A history that is none of this search.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A verdict came after the answer.
    #[error("the search was over after {probes} probes")]
    Over {
        /// Probes that had a verdict.
        probes: u32,
    },
    /// Another probe was run than the one that was asked for.
    #[error(
        "probe {number} was {} at {}/s for {:?} where the search asks for {} at {}/s for {:?}",
        found.purpose, found.rate, found.measure, expected.purpose, expected.rate, expected.measure
    )]
    Differs {
        /// Counted from one.
        number: usize,
        /// What the search asks for.
        expected: Probe,
        /// What the history holds.
        found: Probe,
    },
}

/// The search for one cell's capacity.
///
/// ```text
/// Locate ──narrow──▶ ConfirmPass ──agreed──▶ ConfirmFail ──agreed──▶ Down ──▶ Done
///                     └─FAIL: lower─┘         └─PASS: raise─┘
/// ```
/// Every stage also ends in `Done` on the third INVALID in a row and when the probes are used up. Once the capacity
/// is confirmed neither takes it away: the answer then lacks the gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    settings: Settings,
    stage: Stage,
    /// Verdicts on the rate that is asked about.
    votes: Votes,
    /// Rates decided so far and not refuted by a confirmation.
    passed: Vec<f64>,
    failed: Vec<f64>,
    /// Of those, the rates whose verdicts were not all equal.
    split: Vec<f64>,
    max_delivered: Option<f64>,
    probes: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Locate,
    /// Backed off this often.
    ConfirmPass {
        moves: u32,
    },
    /// Raised this often.
    ConfirmFail {
        pass: f64,
        moves: u32,
    },
    /// Lowered this often.
    Down {
        pass: f64,
        fail: f64,
        moves: u32,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Votes {
    passes: u32,
    fails: u32,
    /// In a row.
    invalid: u32,
}

impl Search {
    /// A search that has probed nothing, with settings that [`Settings::checked`] accepts.
    pub fn new(settings: Settings) -> Self {
        let first = Probe {
            purpose: Purpose::Ramp,
            rate: settings.first,
            measure: settings.first_window,
        };
        Self {
            settings,
            stage: Stage::Locate,
            votes: Votes::default(),
            passed: Vec::new(),
            failed: Vec::new(),
            split: Vec::new(),
            max_delivered: None,
            probes: 0,
            step: Step::Probe(first),
        }
    }

    /// The search after these probes.
    ///
    /// # Errors
    /// A probe differs from the one that the search asked for there, or comes after the answer.
    pub fn replay(settings: Settings, history: &[(Probe, ProbeVerdict)]) -> Result<Self, Error> {
        let mut search = Self::new(settings);
        for (number, (found, verdict)) in (1..).zip(history) {
            match search.step {
                Step::Probe(expected) if expected != *found => {
                    let found = *found;
                    return Err(Error::Differs {
                        number,
                        expected,
                        found,
                    });
                }
                Step::Probe(_) | Step::Done(_) => search.answer(verdict.clone())?,
            }
        }
        Ok(search)
    }

    /// What comes next; the same until the probe has its verdict.
    pub fn next(&self) -> Step {
        self.step.clone()
    }

    /// Takes the verdict of the probe that [`Self::next`] names.
    ///
    /// # Errors
    /// The search is over; nothing changes.
    pub fn answer(&mut self, verdict: ProbeVerdict) -> Result<(), Error> {
        let Step::Probe(probe) = self.step else {
            return Err(Error::Over { probes: self.probes });
        };
        self.probes += 1;
        let step = match verdict {
            ProbeVerdict::Invalid { reason } => self.invalid(probe, reason),
            ProbeVerdict::Pass { delivered } => {
                self.valid(delivered);
                self.votes.passes += 1;
                self.pass(probe)
            }
            ProbeVerdict::Fail { delivered } => {
                self.valid(delivered);
                self.votes.fails += 1;
                self.fail(probe, delivered)
            }
        };
        let used_up = matches!(step, Step::Probe(_)) && self.probes >= self.settings.most_probes;
        self.step = if used_up { Step::Done(self.cut_short()) } else { step };
        Ok(())
    }

    fn valid(&mut self, delivered: Option<f64>) {
        self.votes.invalid = 0;
        let delivered = delivered.filter(|rate| rate.is_finite());
        self.max_delivered = self.max_delivered.into_iter().chain(delivered).reduce(f64::max);
    }

    fn invalid(&mut self, probe: Probe, reason: String) -> Step {
        self.votes.invalid += 1;
        if let Stage::Down { pass, fail, .. } = self.stage {
            // Run again it would no longer come right after an overload.
            return self.capacity(pass, Some(fail), None);
        }
        if self.votes.invalid <= INVALID_RERUNS {
            return again(probe);
        }
        let below = self.passed.iter().copied().filter(|rate| *rate < probe.rate);
        Step::Done(Answer::GeneratorLimited {
            above: probe.rate,
            last_pass: below.reduce(f64::max),
            reason,
        })
    }

    fn pass(&mut self, probe: Probe) -> Step {
        match self.stage {
            Stage::Locate => {
                let precision = self.settings.precision;
                let near = self.width().is_some_and(|width| width <= EDGE * precision);
                let rerun = near || self.votes.fails > 0;
                if rerun && self.votes.passes < MAJORITY {
                    return again(probe);
                }
                self.passed.push(probe.rate);
                self.decided(probe.rate)
            }
            Stage::ConfirmPass { moves } if self.votes.passes < self.needed(moves) => Step::Probe(probe),
            Stage::ConfirmPass { .. } => {
                self.passed.push(probe.rate);
                let highest = self.settings.highest;
                match self.lowest_failed_above(probe.rate) {
                    Some(fail) => self.confirm_fail(probe.rate, fail, 0),
                    // It passed on the ramp and not when it was to be confirmed; it may be a FAIL.
                    None if probe.rate < highest => self.confirm_fail(probe.rate, highest, 0),
                    None => self.capacity(probe.rate, None, None),
                }
            }
            Stage::ConfirmFail { pass, .. } if probe.rate >= self.settings.highest => self.capacity(pass, None, None),
            Stage::ConfirmFail { pass, moves } => {
                self.failed.retain(|failed| *failed > probe.rate);
                self.raise(pass, probe.rate, moves)
            }
            // The overload was none.
            Stage::Down { pass, fail, .. } if probe.rate >= fail => self.capacity(pass, Some(fail), None),
            Stage::Down { pass, fail, moves } => {
                if moves == 0 && self.votes.fails > 0 && self.votes.passes < MAJORITY {
                    return self.overload(fail);
                }
                let gap = UpDownGap {
                    share: 1.0 - probe.rate / pass,
                    passed: Some(probe.rate),
                    failed: (moves > 0).then(|| self.lowered(pass, moves - 1)),
                };
                self.capacity(pass, Some(fail), Some(gap))
            }
        }
    }

    fn fail(&mut self, probe: Probe, delivered: Option<f64>) -> Step {
        let lowest = self.settings.lowest();
        match self.stage {
            Stage::Locate => {
                let overload = delivered.is_some_and(|delivered| delivered < OVERLOAD * probe.rate);
                let rerun = !overload || self.votes.passes > 0 || probe.rate <= lowest;
                if rerun && self.votes.fails < MAJORITY {
                    return again(probe);
                }
                self.failed.push(probe.rate);
                self.decided(probe.rate)
            }
            Stage::ConfirmPass { moves } => {
                self.passed.retain(|passed| *passed < probe.rate);
                self.back_off(probe.rate, moves)
            }
            Stage::ConfirmFail { moves, .. } if self.votes.fails < self.needed(moves) => Step::Probe(probe),
            Stage::ConfirmFail { pass, .. } => self.down(pass, probe.rate, 0),
            Stage::Down { pass, fail, moves } if probe.rate >= fail => self.descend(pass, moves),
            Stage::Down { fail, moves: 0, .. } if self.votes.fails < MAJORITY => self.overload(fail),
            Stage::Down { pass, fail, moves } => {
                let next = self.lowered(pass, moves + 1);
                // Steps grow up to half the rate, where the way down ends.
                if lowest <= next && next < probe.rate {
                    return self.down(pass, fail, moves + 1);
                }
                let gap = UpDownGap {
                    share: 1.0 - probe.rate / pass,
                    passed: None,
                    failed: Some(probe.rate),
                };
                self.capacity(pass, Some(fail), Some(gap))
            }
        }
    }

    fn decided(&mut self, rate: f64) -> Step {
        if self.votes.passes > 0 && self.votes.fails > 0 {
            self.split.push(rate);
        }
        self.locate()
    }

    /// The next rate of ramp or bisection, from what is decided.
    fn locate(&mut self) -> Step {
        self.votes = Votes::default();
        let (first, highest, lowest) = (self.settings.first, self.settings.highest, self.settings.lowest());
        let (purpose, rate) = match self.bracket() {
            (None, None) => (Purpose::Ramp, first),
            (Some(passed), None) if passed >= highest => return self.confirm_pass(passed, 0),
            (Some(passed), None) => (Purpose::Ramp, round(2.0 * passed).min(highest)),
            (None, Some(failed)) if failed <= lowest => {
                return Step::Done(Answer::NoneMeets { lowest_failed: failed });
            }
            (None, Some(failed)) => (Purpose::Ramp, round(failed / 2.0).max(lowest)),
            (Some(passed), Some(failed)) if failed / passed - 1.0 <= self.settings.precision => {
                return self.confirm_pass(passed, 0);
            }
            (Some(passed), Some(failed)) => (Purpose::Bisect, round((passed * failed).sqrt())),
        };
        let measure = self.settings.window(self.width());
        Step::Probe(Probe { purpose, rate, measure })
    }

    fn back_off(&mut self, rate: f64, moves: u32) -> Step {
        let lowest = self.settings.lowest();
        if rate <= lowest {
            return Step::Done(self.not_found(Shortcoming::NotConfirmed));
        }
        let lower = round(rate * (1.0 - self.settings.stride(moves))).max(lowest);
        self.confirm_pass(lower, moves + 1)
    }

    fn raise(&mut self, pass: f64, rate: f64, moves: u32) -> Step {
        let higher = round(rate * (1.0 + self.settings.stride(moves))).min(self.settings.highest);
        let known = self.lowest_failed_above(rate);
        self.confirm_fail(pass, known.map_or(higher, |failed| failed.min(higher)), moves + 1)
    }

    /// Trials that must agree on an end of the bracket.
    ///
    /// An end that has moved was not re-run while the bracket narrowed, and lies in noise: it makes up for the two.
    /// Without these, 14 % of the answers on an M/M/1 queue in windows of 12,000 records miss the truth, with them
    /// 6 % (`tests/search.rs`, edge at 0.8).
    fn needed(&self, moves: u32) -> u32 {
        self.settings.confirmations + if moves > 0 { MAJORITY } else { 0 }
    }

    /// A rate that did not always pass is no candidate.
    fn confirm_pass(&mut self, rate: f64, moves: u32) -> Step {
        if self.split.contains(&rate) {
            return self.back_off(rate, moves);
        }
        self.votes = Votes::default();
        self.stage = Stage::ConfirmPass { moves };
        Step::Probe(Probe {
            purpose: Purpose::Confirm,
            rate,
            measure: self.settings.confirm(),
        })
    }

    fn confirm_fail(&mut self, pass: f64, rate: f64, moves: u32) -> Step {
        if self.split.contains(&rate) && rate < self.settings.highest {
            return self.raise(pass, rate, moves);
        }
        self.votes = Votes::default();
        self.stage = Stage::ConfirmFail { pass, moves };
        Step::Probe(Probe {
            purpose: Purpose::Confirm,
            rate,
            measure: self.settings.longest_window,
        })
    }

    /// Lowers the rate on the way down; the probe before it failed.
    fn down(&mut self, pass: f64, fail: f64, moves: u32) -> Step {
        self.votes = Votes::default();
        self.stage = Stage::Down { pass, fail, moves };
        self.descend(pass, moves)
    }

    fn descend(&self, pass: f64, moves: u32) -> Step {
        Step::Probe(Probe {
            purpose: Purpose::Down,
            rate: self.lowered(pass, moves),
            measure: self.settings.longest_window,
        })
    }

    /// A failing probe before a rate is probed on the way down again.
    fn overload(&self, fail: f64) -> Step {
        Step::Probe(Probe {
            purpose: Purpose::Rerun,
            rate: fail,
            measure: self.settings.longest_window,
        })
    }

    fn lowered(&self, pass: f64, moves: u32) -> f64 {
        match moves.checked_sub(1) {
            None => pass,
            Some(n) => round(pass * (1.0 - self.settings.stride(n))),
        }
    }

    fn capacity(&self, confirmed_pass: f64, failed: Option<f64>, up_down_gap: Option<UpDownGap>) -> Step {
        Step::Done(Answer::Capacity {
            confirmed_pass,
            failed,
            confirmations: self.settings.confirmations,
            up_down_gap,
            max_delivered: self.max_delivered,
        })
    }

    fn cut_short(&self) -> Answer {
        match self.stage {
            Stage::Down { pass, fail, .. } => match self.capacity(pass, Some(fail), None) {
                Step::Done(answer) => answer,
                Step::Probe(_) => self.not_found(Shortcoming::ProbesUsedUp),
            },
            _ => self.not_found(Shortcoming::ProbesUsedUp),
        }
    }

    fn not_found(&self, reason: Shortcoming) -> Answer {
        let (passed, failed) = self.bracket();
        Answer::NotFound { reason, passed, failed }
    }

    /// The highest rate that passed and the lowest that failed.
    fn bracket(&self) -> (Option<f64>, Option<f64>) {
        let passed = self.passed.iter().copied().reduce(f64::max);
        (passed, self.failed.iter().copied().reduce(f64::min))
    }

    /// Of the bracket, relative to its lower end.
    fn width(&self) -> Option<f64> {
        let (passed, failed) = self.bracket();
        Some(failed? / passed? - 1.0)
    }

    fn lowest_failed_above(&self, rate: f64) -> Option<f64> {
        let above = self.failed.iter().copied().filter(|failed| *failed > rate);
        above.reduce(f64::min)
    }
}

/// The same probe once more.
fn again(probe: Probe) -> Step {
    let purpose = match probe.purpose {
        Purpose::Ramp | Purpose::Bisect | Purpose::Rerun => Purpose::Rerun,
        kept @ (Purpose::Confirm | Purpose::Down) => kept,
    };
    Step::Probe(Probe { purpose, ..probe })
}

#[cfg(test)]
mod tests;
