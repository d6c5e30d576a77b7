//! The barrier, held against the one clock beneath all hosts, and against packets.

use tribunal_model::limits::Limit;
use tribunal_report::caveat::Caveat;

use crate::capture::{Capture, Produce, wall_ahead_ns};
use crate::site::{ANY_CLOCK, figure, plan, site};
use crate::truth::{Start, starts};

const MS: i64 = 1_000_000;
/// One producer on each agent, whose records leave at once.
const WORKLOAD: &str = "rate = \"200/s\"\nproducers = 2";
const WINDOW: &str = "warm_up = \"500ms\"\nmeasure = \"1s\"\ndrain = \"5s\"";
const AT_ONCE: &str = "[baseline]\n\"linger.ms\" = 0\n";

/// The first packet with records after an agent's start is where the report says, within its bound and 20 ms.
/// Gives by how much it was later.
#[track_caller]
fn confirmed(start: &Start, packets: &[Produce], wall_ahead_ns: i64) -> i64 {
    let intended = start.intended_ns + wall_ahead_ns;
    let client = format!("h{}-", start.host);
    // Primed records are out of the way long before: t0 is at least a quarter of a second after the last of them.
    let first = packets
        .iter()
        .find(|packet| packet.client.starts_with(&client) && packet.at_ns > intended - 150 * MS)
        .expect("a packet with records");
    let late = first.at_ns - intended;
    assert!(
        -start.told_ns <= late && late <= start.told_ns + 20 * MS,
        "the first packet passed {late} ns after where t0 puts it: {start:?}"
    );
    late
}

/// The least and the greatest, in milliseconds.
fn range(values: impl Iterator<Item = i64> + Clone) -> String {
    let ms = |value: Option<i64>| value.unwrap_or_default() as f64 / MS as f64;
    format!("{:.2} to {:.2} ms", ms(values.clone().min()), ms(values.max()))
}

#[test]
fn starts_lie_within_what_is_told_when_one_host_is_ten_milliseconds_away() {
    let Some(site) = site() else { return };
    site.lab.run(&["delay", "h3", "10", "2"]).unwrap();
    let captures = ["h2", "h3"].map(|host| Capture::start(&site.lab, host, site.path(&format!("{host}.pcap"))));
    let window = format!("{WINDOW}\nrepetitions = 20\nburn_in = \"0s\"");
    let more = format!("{ANY_CLOCK}{AT_ONCE}[design]\ncanary = false\nsettle = \"0s\"\n");
    let run = site.run("ten", &plan(2, WORKLOAD, &window, &more)).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let [near, far] = captures.map(Capture::finish);

    let report = site.report("ten");
    assert_eq!(report.results.len(), 20);
    let wall_ahead_ns = wall_ahead_ns();
    let (mut all, mut late) = (Vec::new(), Vec::new());
    for result in &report.results {
        for start in starts(result, 1) {
            let packets = if start.host == 2 { &near } else { &far };
            late.push(confirmed(&start, packets, wall_ahead_ns));
            all.push(start);
            if start.host == 3 {
                // Half of what the delay is at least; that the truth is away from zero shows that it can be told.
                assert!(start.bound_ns >= 4 * MS, "{start:?}");
                assert!(start.truly_ns.abs() >= 2 * MS, "{start:?}");
            }
        }
    }
    for host in [2, 3] {
        let of = || all.iter().filter(|start| start.host == host);
        let (truly, told) = (range(of().map(|s| s.truly_ns)), range(of().map(|s| s.told_ns)));
        figure(&format!("h{host}: true start skew {truly}, told {told}"));
    }
    figure(&format!(
        "first packets after t0 and their schedule: {}",
        range(late.iter().copied())
    ));
}

#[test]
fn a_path_of_forty_milliseconds_one_way_is_told_by_the_bound_alone() {
    let Some(site) = site() else { return };
    site.lab.run(&["delay", "h3", "40"]).unwrap();
    let run = site.run("forty", &plan(2, WORKLOAD, WINDOW, AT_ONCE)).finish();
    // By the limits that hold unless a plan says otherwise.
    assert_eq!(run.code, Some(3), "{:#?}", run.err);
    let report = site.report("forty");
    let result = &report.results[0];
    for start in starts(result, 1) {
        if start.host == 3 {
            assert!(start.bound_ns >= 20 * MS, "{start:?}");
            assert!(start.truly_ns.abs() >= 15 * MS, "{start:?}");
            let (truly, told) = (range([start.truly_ns].into_iter()), range([start.told_ns].into_iter()));
            figure(&format!("40 ms one way: true start skew {truly}, told {told}"));
        }
    }
    let beyond = |caveat: &Caveat, limit| matches!(caveat, Caveat::Beyond(check) if check.limit == limit);
    for limit in [Limit::StartSkew, Limit::ClockBound] {
        assert!(
            result.verdict.caveats.iter().any(|caveat| beyond(caveat, limit)),
            "{limit:?}: {:?}",
            result.verdict
        );
    }
    assert!(!result.verdict.valid());
}
