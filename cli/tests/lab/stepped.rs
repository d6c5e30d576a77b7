//! The wall clock of an agent jumps in the middle of a window.

use tribunal_model::trial::Part;

use crate::capture::now_ns;
use crate::site::{ANY_CLOCK, Site, plan, site, until};

const SECONDS: u64 = 8;
const RATE: u64 = 200;
const STEP: f64 = 30.0;
const SECOND: i64 = 1_000_000_000;

/// Seconds by which the agent's own stamp of its latest line is ahead of the journal's.
fn ahead(site: &Site) -> f64 {
    let script = "journalctl -u tribunal-agent -n 1 -o json --output-fields=MESSAGE | python3 -c '
import datetime, json, re, sys
line = json.loads(sys.stdin.read())
text = line[\"MESSAGE\"] if isinstance(line[\"MESSAGE\"], str) else bytes(line[\"MESSAGE\"]).decode()
stamp = re.search(r\"[0-9]{4}-[0-9-]+T[0-9:.]+\", text).group(0)
own = datetime.datetime.fromisoformat(stamp[:26]).replace(tzinfo=datetime.timezone.utc).timestamp()
print(own - int(line[\"__REALTIME_TIMESTAMP\"]) / 1e6)'";
    site.sh("h2", &["sh", "-c", script]).trim().parse().unwrap()
}

#[test]
fn a_wall_clock_that_is_stepped_changes_no_figure() {
    let Some(site) = site() else { return };
    // From now on it can be stepped; this restarts the agent once.
    site.lab.run(&["clock", "h2", "tribunal-agent", "skew", "0"]).unwrap();
    site.until_joined();
    let window = format!("warm_up = \"500ms\"\nmeasure = \"{SECONDS}s\"\ndrain = \"5s\"");
    let workload = format!("rate = \"{RATE}/s\"\nproducers = 2");
    let run = site.run("stepped", &plan(2, &workload, &window, ANY_CLOCK));
    site.until_delivering("h2");
    site.lab.run(&["clock", "h2", "tribunal-agent", "step", "30"]).unwrap();
    let stepped_ns = now_ns();
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    until("the agent's wall clock to be ahead", || {
        (ahead(&site) - STEP).abs() < 3.0
    });
    site.lab.run(&["clock", "h2", "tribunal-agent", "off"]).unwrap();
    site.until_joined();

    let report = site.report("stepped");
    assert_eq!((report.results.len(), report.void_attempts.len()), (1, 0));
    let result = &report.results[0];
    assert!(result.verdict.valid(), "{:?}", result.verdict);
    assert_eq!(result.rates.sustained, Some(true), "{:?}", result.rates);
    // A step reaches a process within a second.
    let start_ns = crate::truth::starts(result, 1)[0].intended_ns;
    let within = start_ns + result.windows.t1_ns() - SECOND..start_ns + result.windows.t2_ns() - SECOND;
    assert!(within.contains(&stepped_ns), "{stepped_ns} in {within:?}");
    let measured = result.part(Part::Window).unwrap();
    assert_eq!(
        (measured.fates.scheduled, measured.fates.acknowledged),
        (RATE * SECONDS, RATE * SECONDS)
    );
    // Nothing came near the step, and nothing was before its time.
    for distribution in [
        &measured.response,
        &measured.service,
        &measured.send_lag,
        &measured.schedule_delay,
    ] {
        let max_s = distribution.max_us.map_or(0.0, |us| us as f64 / 1e6);
        assert!(max_s < STEP / 3.0, "{distribution:?}");
    }
    let whole: Vec<_> = result
        .samples
        .iter()
        .filter(|sample| sample.part == Part::Window)
        .collect();
    assert_eq!(whole.len() as u64, SECONDS, "one sample for each second");
    assert!(
        whole
            .iter()
            .all(|sample| sample.agents == 2 && sample.end_ns - sample.start_ns == SECOND)
    );
}
