//! The one-second samples of a trial as the series that the rules of steady state judge.

use tribunal_model::trial::{Part, Trial};
use tribunal_report::result::StoredSample;
use tribunal_stats::steady::{Assessment, Metric, Rules, Series, SettlingSample, assess as judge};

/// A full sample: others, at the edges of a window of broken seconds, hold fewer records and so another noise.
const SECOND_NS: i64 = 1_000_000_000;

/// Whether the load was steady over the window.
///
/// A rate that the plan itself changes is not expected to be, and is not judged.
pub(crate) fn assess(trial: &Trial, samples: &[StoredSample]) -> Assessment {
    let rules = Rules::default();
    if trial.load.profile.is_some() {
        return judge(&[], &rules);
    }
    let full = |sample: &&StoredSample| sample.part == Part::Window && sample.end_ns - sample.start_ns == SECOND_NS;
    let seconds: Vec<SettlingSample> = samples.iter().filter(full).map(second).collect();
    let of = |name, value: fn(&SettlingSample) -> f64| Series {
        name,
        values: seconds.iter().map(value).collect(),
    };
    judge(
        &[
            of(Metric::DeliveredRate, |second| second.delivered_rate),
            of(Metric::ResponseP50, |second| second.response_p50),
            of(Metric::ResponseP99, |second| second.response_p99),
            of(Metric::InFlight, |second| second.in_flight),
        ],
        &rules,
    )
}

/// What the rules look at in one sample. Under `acks=0` nothing is acknowledged: socket writes are the rate then, and
/// there are no response times.
pub(crate) fn second(sample: &StoredSample) -> SettlingSample {
    let activity = &sample.activity;
    let seconds = (sample.end_ns - sample.start_ns).max(1) as f64 / 1e9;
    let quantile = |us: Option<u64>| us.map_or(f64::NAN, |us| us as f64);
    SettlingSample {
        delivered_rate: (activity.acknowledged + activity.written_blind) as f64 / seconds,
        response_p50: quantile(sample.response.p50_us),
        response_p99: quantile(sample.response.p99_us),
        in_flight: activity.in_flight as f64,
    }
}

#[cfg(test)]
mod tests {
    use tribunal_model::matrix::Matrix;
    use tribunal_model::plan::Plan;
    use tribunal_report::result::StoredDistribution;
    use tribunal_stats::{Activity, Distribution, Fates};

    use super::*;

    fn trial(workload: &str) -> Trial {
        let plan = format!("schema = 1\n[cluster]\nbootstrap = \"b:9092\"\n[workload]\n{workload}\n");
        let plan = Plan::parse("plan.toml", &plan, &[]).unwrap();
        Matrix::resolve(&plan, false).unwrap().trials.remove(0)
    }

    /// A window of `seconds` between two seconds of other parts, each second with its own rate and latency.
    fn samples(seconds: i64, rate: impl Fn(i64) -> u64, ms: impl Fn(i64) -> i64) -> Vec<StoredSample> {
        let sample = |second: i64| {
            let mut response = Distribution::new();
            for record in 0..100 {
                response.record_ns(ms(second) * 1_000_000 + record * 1_000);
            }
            StoredSample {
                start_ns: second * SECOND_NS,
                end_ns: (second + 1) * SECOND_NS,
                part: match second {
                    s if s < 0 => Part::WarmUp,
                    s if s < seconds => Part::Window,
                    _ => Part::CoolDown,
                },
                agents: 1,
                fates: Fates::default(),
                activity: Activity {
                    acknowledged: rate(second),
                    in_flight: 10,
                    ..Activity::default()
                },
                response: StoredDistribution::new(&response, 0),
                service: StoredDistribution::default(),
            }
        };
        (-1..=seconds).map(sample).collect()
    }

    #[test]
    fn an_even_load_is_steady_whatever_warm_up_and_cool_down_were() {
        let even = samples(
            30,
            |s| {
                if (0..30).contains(&s) {
                    1000 + s.rem_euclid(3) as u64
                } else {
                    1
                }
            },
            |_| 5,
        );
        let assessment = assess(&trial("rate = \"1000/s\""), &even);
        assert!(assessment.is_steady(), "{assessment:?}");
    }

    #[test]
    fn a_response_time_that_doubles_in_the_window_is_found() {
        let moved = samples(30, |s| 1000 + s.rem_euclid(3) as u64, |s| if s < 15 { 5 } else { 10 });
        assert!(!assess(&trial("rate = \"1000/s\""), &moved).findings().is_empty());
    }

    #[test]
    fn a_rate_that_the_plan_changes_and_a_short_window_are_not_judged() {
        let ramp = "profile = { kind = \"ramp\", from = \"1k/s\", to = \"2k/s\", over = \"30s\" }";
        let rising = samples(30, |s| 1000 + 30 * s.max(0) as u64, |_| 5);
        assert!(matches!(assess(&trial(ramp), &rising), Assessment::NotAssessed { .. }));
        let short = samples(10, |_| 1000, |_| 5);
        assert!(matches!(
            assess(&trial("rate = \"1000/s\""), &short),
            Assessment::NotAssessed { .. }
        ));
    }
}
