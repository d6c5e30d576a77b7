//! The rules while load is on: has the warm-up done its work?

use std::collections::VecDeque;

use super::{Assessment, Metric, Rules, Series, assess};

/// Seconds that are remembered.
const LONGEST: usize = 600;

/// One second of load; `NaN` where there was nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SettlingSample {
    /// Records per second.
    pub delivered_rate: f64,
    /// Response time p50, in any one unit.
    pub response_p50: f64,
    /// Response time p99, in any one unit.
    pub response_p99: f64,
    /// Records in flight at the end.
    pub in_flight: f64,
}

/// Waits for the last seconds to pass all rules: `least_samples` of them, or more where their noise asks for more.
///
/// Each second is a new chance to pass by luck, so changes count sooner here than in [`assess`]: noise and resolution
/// are [`Rules::settling`] times as much. It never gives up: the caller bounds the wait.
#[derive(Clone, Debug)]
pub struct Settling {
    rules: Rules,
    seconds: VecDeque<SettlingSample>,
    verdict: Assessment,
}

impl Settling {
    /// Waits by these rules, with no sample yet.
    pub fn new(rules: Rules) -> Self {
        let rules = Rules {
            trend_noise: rules.trend_noise * rules.settling,
            shift_noise: rules.shift_noise * rules.settling,
            resolution: rules.resolution * rules.settling,
            ..rules
        };
        let verdict = assess(&[], &rules);
        Self {
            rules,
            seconds: VecDeque::new(),
            verdict,
        }
    }

    /// Takes the next second and judges anew.
    pub fn push(&mut self, sample: SettlingSample) {
        if self.seconds.len() == LONGEST {
            self.seconds.pop_front();
        }
        self.seconds.push_back(sample);
        let mut last = self.rules.least_samples;
        loop {
            self.verdict = self.judge(last);
            match self.verdict {
                // More for the noise, or for gaps.
                Assessment::NotAssessed { samples, needed, .. } if last + needed <= self.seconds.len() + samples => {
                    last += needed - samples;
                }
                _ => return,
            }
        }
    }

    /// Whether the last seconds pass all rules.
    pub fn settled(&self) -> bool {
        self.verdict.is_steady()
    }

    /// What the rules say about the last seconds; samples count from the first of them.
    pub fn verdict(&self) -> &Assessment {
        &self.verdict
    }

    fn judge(&self, last: usize) -> Assessment {
        let from = self.seconds.len().saturating_sub(last);
        let series = |name, value: fn(&SettlingSample) -> f64| Series {
            name,
            values: self.seconds.range(from..).map(value).collect(),
        };
        let all = [
            series(Metric::DeliveredRate, |s| s.delivered_rate),
            series(Metric::ResponseP50, |s| s.response_p50),
            series(Metric::ResponseP99, |s| s.response_p99),
            series(Metric::InFlight, |s| s.in_flight),
        ];
        assess(&all, &self.rules)
    }
}
