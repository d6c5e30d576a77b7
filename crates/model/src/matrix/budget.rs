//! Wall time: what the trials take, and how many blocks of them fit into a budget.

use std::time::Duration;

use super::Matrix;
use crate::design::{Mode, Purpose, SHARES, SearchPlan};
use crate::plan::Plan;
use crate::trial::{Trial, Windows};
use crate::units::format_duration;

/// Trials whose rates depend on results, so that they are made while the experiment runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later {
    /// What they are, for people: `shares`, `probes` or `confirmations`.
    pub what: &'static str,
    /// How many are likely.
    pub expected: u64,
    /// How many there can be.
    pub most: u64,
    /// The window of each; a search lengthens it towards its end.
    pub windows: Windows,
}

/// The trials of a two-phase experiment's second phase, in [`Later::what`].
pub(super) const SHARES_TO_COME: &str = "shares";

/// The trials of a plan that are made while it runs.
pub(super) fn later(plan: &Plan, cells: u64, canary: bool) -> Vec<Later> {
    let windows = plan.windows;
    if let Some(search) = &plan.search {
        let (likely, most) = (probes(search), u64::from(search.most_probes));
        let confirmations = cells * u64::from(search.confirmations);
        let confirm = Windows {
            measure: search.confirm.unwrap_or(windows.measure),
            ..windows
        };
        return vec![
            Later {
                what: "probes",
                expected: cells * likely.min(most),
                most: cells * most,
                windows,
            },
            Later {
                what: "confirmations",
                expected: confirmations,
                most: confirmations,
                windows: confirm,
            },
        ];
    }
    if plan.design.mode == Mode::Direct {
        return Vec::new();
    }
    let block = cells * SHARES.len() as u64 + u64::from(canary);
    let trials = u64::from(plan.repetitions) * block;
    vec![Later {
        what: SHARES_TO_COME,
        expected: trials,
        most: trials,
        windows,
    }]
}

/// Probes that a search is likely to need: half of the ramp from the first to the highest rate by doubling, and the
/// bisection of one doubling down to the precision.
fn probes(search: &SearchPlan) -> u64 {
    let ramp = (search.highest / search.first).log2() / 2.0;
    let bisection = (std::f64::consts::LN_2 / search.precision.ln_1p()).log2();
    (ramp.max(0.0) + bisection.max(0.0)).ceil() as u64 + 1
}

/// What a budget leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Blocks, of those that the plan's repetitions make.
    pub blocks: u32,
    /// Trials in them.
    pub trials: u64,
    /// The same in words.
    pub text: String,
}

/// Not even one block fits into a budget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} holds no whole block: what comes first takes {}, one block {}",
    format_duration(*.budget), format_duration(*.before), format_duration(*.block)
)]
pub struct OverBudget {
    /// As planned.
    pub budget: Duration,
    /// Burn-in and capacity trials.
    pub before: Duration,
    /// One block.
    pub block: Duration,
}

impl Matrix {
    /// How long the trials take when the records of a window are resolved at once: warm-up, measurement and
    /// `overhead_per_trial` for everything around them. See [`Self::longest_wall_time`] for the bound.
    ///
    /// Trials that are made later count by what is likely. Waits between blocks are not counted.
    pub fn expected_wall_time(&self, overhead_per_trial: Duration) -> Duration {
        let later = self.later.iter().map(|later| {
            let each = length(&later.windows).saturating_add(overhead_per_trial);
            times(each, later.expected)
        });
        self.expected(overhead_per_trial, |_| true).saturating_add(sum(later))
    }

    /// How long the trials take when every one uses up its drain and its last wait, every wait for a steady load its
    /// limit, and all trials that could be made later are made.
    pub fn longest_wall_time(&self, overhead_per_trial: Duration) -> Duration {
        let each = |windows: &Windows, settle: Duration| windows.longest() + settle + overhead_per_trial;
        let known = self.trials.iter().map(|trial| each(&trial.windows, trial.settle));
        let settle = self.cells.first().map_or(Duration::ZERO, |cell| cell.settle);
        let later = self
            .later
            .iter()
            .map(|later| times(each(&later.windows, settle), later.most));
        sum(known).saturating_add(sum(later))
    }

    /// How many blocks fit into a budget by [`Self::expected_wall_time`], at least one, and what is left out.
    ///
    /// Only whole blocks are kept: part of one would leave cells unequally observed.
    pub fn within(&self, budget: Duration, overhead_per_trial: Duration) -> Result<(u32, Option<LeftOut>), OverBudget> {
        let repeated = |trial: &Trial| matches!(trial.purpose, Purpose::Cell | Purpose::Canary);
        let before = self.expected(overhead_per_trial, |trial| !repeated(trial));
        let all = self.expected_wall_time(overhead_per_trial).saturating_sub(before);
        // Blocks are alike.
        let block = all / self.repetitions.max(1);
        let left = budget.saturating_sub(before);
        let fit = left.as_nanos() / block.as_nanos().max(1);
        let kept = u32::try_from(fit).unwrap_or(u32::MAX).min(self.repetitions);
        if kept == 0 {
            return Err(OverBudget { budget, before, block });
        }
        if kept == self.repetitions {
            return Ok((kept, None));
        }
        let planned = self.trials.iter().filter(|trial| repeated(trial)).count() as u64 + self.to_come();
        let blocks = self.repetitions - kept;
        let trials = planned / u64::from(self.repetitions) * u64::from(blocks);
        let text = format!(
            "a budget of {} holds {kept} of {} blocks of {}: {trials} trials are left out",
            format_duration(budget),
            self.repetitions,
            format_duration(block),
        );
        Ok((kept, Some(LeftOut { blocks, trials, text })))
    }

    /// Keeps the first blocks.
    pub(super) fn cut(&mut self, kept: u32) {
        let repeated = |trial: &Trial| matches!(trial.purpose, Purpose::Cell | Purpose::Canary);
        self.trials.retain(|trial| trial.block < kept || !repeated(trial));
        for later in &mut self.later {
            for count in [&mut later.expected, &mut later.most] {
                *count = *count / u64::from(self.repetitions.max(1)) * u64::from(kept);
            }
        }
        self.repetitions = kept;
    }

    /// The most trials that are made later.
    pub fn to_come(&self) -> u64 {
        self.later.iter().map(|later| later.most).sum()
    }

    fn expected(&self, overhead_per_trial: Duration, of: impl Fn(&Trial) -> bool) -> Duration {
        let trials = self.trials.iter().filter(|trial| of(trial));
        sum(trials.map(|trial| length(&trial.windows) + overhead_per_trial))
    }
}

fn length(windows: &Windows) -> Duration {
    windows.warm_up + windows.measure
}

fn sum(lengths: impl Iterator<Item = Duration>) -> Duration {
    lengths.fold(Duration::ZERO, Duration::saturating_add)
}

fn times(length: Duration, count: u64) -> Duration {
    length.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}
