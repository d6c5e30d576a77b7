//! What the trials ran in: agents with their hosts, clocks, self-tests and calibrations; the cluster; the plan's notes.

use tribunal_model::ids::{AgentName, TrialId};
use tribunal_model::limits::Limit;
use tribunal_stats::facts::{Calibration, CertificateFacts};

use crate::experiment::ExperimentReport;
use crate::factors::trials;
use crate::format::{bytes, count, list, nanos, optional, plural, present, rate, share};
use crate::result::{AgentFacts, ClusterFacts, TrialResult};

use super::cells::{Align, Table, code, escape, fold};
use super::spread::Spread;

/// Agents, cluster, notes.
pub(super) fn environment(report: &ExperimentReport) -> String {
    let facts = &report.facts;
    let results: Vec<&TrialResult> = report.results.iter().collect();
    let mut text = format!(
        "Coordinator: Tribunal {}, librdkafka {}.\n\n",
        escape(present(&facts.version)),
        escape(present(&facts.librdkafka)),
    );
    text += &agents(&results);
    text += &clusters(&results);
    if !facts.notes.is_empty() {
        text += "Notes from the plan:\n\n";
        for (name, note) in &facts.notes {
            text += &format!("- {}: {}\n", escape(name), escape(note));
        }
        text.push('\n');
    }
    text += &clocks(&results);
    text + &self_tests(&results) + &calibrations(&results)
}

fn agents(results: &[&TrialResult]) -> String {
    let mut distinct: Vec<&AgentFacts> = Vec::new();
    for agent in results.iter().flat_map(|r| &r.agents) {
        let same = |a: &&AgentFacts| a.name == agent.name && a.build == agent.build && a.host == agent.host;
        if !distinct.iter().any(same) {
            distinct.push(agent);
        }
    }
    distinct.sort_by_key(|agent| &agent.name);
    let mut table = Table::new([
        ("agent", Align::Left),
        ("host", Align::Left),
        ("OS", Align::Left),
        ("kernel", Align::Left),
        ("CPU", Align::Left),
        ("cores", Align::Right),
        ("memory", Align::Right),
        ("Tribunal", Align::Left),
        ("librdkafka", Align::Left),
    ]);
    for agent in distinct {
        let host = &agent.host;
        let positive = |value: u64| (value > 0).then_some(value);
        table.row(vec![
            escape(agent.name.as_str()),
            escape(present(&host.hostname)),
            escape(present(&host.os)),
            escape(present(&host.kernel)),
            escape(present(&host.cpu_model)),
            optional(positive(u64::from(host.cores)), count),
            optional(positive(host.memory_bytes), bytes),
            escape(present(&agent.build.version)),
            escape(present(&agent.build.librdkafka)),
        ]);
    }
    table.without_absent_columns().render()
}

fn clusters(results: &[&TrialResult]) -> String {
    let tell = |fact: &dyn Fn(&ClusterFacts) -> Option<String>, style: fn(&str) -> String| {
        Spread::of(results, |r| fact(&r.cluster)).text(style)
    };
    let brokers = |cluster: &ClusterFacts| {
        let one = |(id, host, port): &(i32, String, u16)| format!("{id} at {host}:{port}");
        (!cluster.brokers.is_empty()).then(|| cluster.brokers.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let kind = |cluster: &ClusterFacts| cluster.mock.then(|| "librdkafka's mock, no Kafka".to_owned());
    let mut table = Table::of(&["cluster", "value"]);
    let facts = [
        ("name in the plan", tell(&|c| c.name.clone(), escape)),
        ("kind", tell(&kind, escape)),
        ("bootstrap", tell(&|c| Some(c.bootstrap.clone()), code)),
        ("cluster id", tell(&|c| c.cluster_id.clone(), code)),
        ("brokers", tell(&brokers, escape)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            table.row(vec![name.to_owned(), value]);
        }
    }
    table.render()
}

/// The agents by name, with the trials that they took part in.
fn by_name<'a>(results: &[&'a TrialResult]) -> Vec<(&'a AgentName, Vec<(&'a TrialResult, &'a AgentFacts)>)> {
    let mut named: Vec<(&AgentName, Vec<(&TrialResult, &AgentFacts)>)> = Vec::new();
    for result in results {
        for agent in &result.agents {
            match named.iter_mut().find(|(name, _)| **name == agent.name) {
                Some((_, took_part)) => took_part.push((result, agent)),
                None => named.push((&agent.name, vec![(result, agent)])),
            }
        }
    }
    named.sort_by_key(|(name, _)| *name);
    named
}

/// How the agents' clocks stood to the coordinator's around each trial, and how far from t0 they may have started.
fn clocks(results: &[&TrialResult]) -> String {
    let named = by_name(results);
    if named.is_empty() {
        return String::new();
    }
    let mut worst = Table::new([
        ("agent", Align::Left),
        ("worst bound of the clock", Align::Right),
        ("worst drift over a trial", Align::Right),
        ("worst start skew", Align::Right),
        ("in", Align::Left),
    ]);
    let mut each = Table::new([
        ("trial", Align::Left),
        ("agent", Align::Left),
        ("offset before ± bound", Align::Right),
        ("offset after ± bound", Align::Right),
        ("drift", Align::Right),
        ("own lateness at t0", Align::Right),
        ("lag of the first send", Align::Right),
        ("start skew", Align::Right),
    ]);
    for (name, took_part) in &named {
        let bound = |agent: &AgentFacts| agent.run.clock.bound_ns.max(agent.run.clock_after.bound_ns);
        let drift = |agent: &AgentFacts| agent.run.clock_after.offset_ns - agent.run.clock.offset_ns;
        let skew = |agent: &AgentFacts| agent.run.start_skew_ns();
        let bounds = took_part.iter().map(|(_, agent)| bound(agent)).max();
        let drifts = took_part
            .iter()
            .map(|(_, agent)| drift(agent))
            .max_by_key(|drift| drift.unsigned_abs());
        let skews = took_part.iter().max_by_key(|(_, agent)| skew(agent));
        worst.row(vec![
            escape(name.as_str()),
            optional(bounds, |ns| format!("± {}", nanos(ns))),
            optional(drifts, nanos),
            optional(skews, |(_, agent)| nanos(skew(agent))),
            optional(skews, |(result, _)| result.trial.to_string()),
        ]);
        for (result, agent) in took_part {
            let run = &agent.run;
            each.row(vec![
                result.trial.to_string(),
                escape(name.as_str()),
                format!("{} ± {}", nanos(run.clock.offset_ns), nanos(run.clock.bound_ns)),
                format!(
                    "{} ± {}",
                    nanos(run.clock_after.offset_ns),
                    nanos(run.clock_after.bound_ns)
                ),
                nanos(drift(agent)),
                nanos(run.start_error_ns),
                optional(run.first_send, |first| nanos(first.lag_ns())),
                nanos(skew(agent)),
            ]);
        }
    }
    "### Clocks\n\nAn offset is the coordinator's monotonic clock minus the agent's, right within its bound. Start skew \
     is how far from t0 an agent's load may have been: its own lateness (of its latest sender, or of its first accepted \
     send if that is more), the clocks' drift and the bound, added up.\n\n"
        .to_owned()
        + &worst.render()
        + &fold("Clocks of every trial", &each.render())
}

/// The last self-test on each agent's host.
fn self_tests(results: &[&TrialResult]) -> String {
    let named = by_name(results);
    if named.is_empty() {
        return String::new();
    }
    let mut text = String::from("### Self-tests\n\n");
    for (name, took_part) in &named {
        let mut distinct: Vec<(Option<&CertificateFacts>, Vec<TrialId>)> = Vec::new();
        for (result, agent) in took_part {
            let certificate = agent.certificate.as_ref();
            match distinct.iter_mut().find(|(known, _)| *known == certificate) {
                Some((_, ids)) => ids.push(result.trial),
                None => distinct.push((certificate, vec![result.trial])),
            }
        }
        for (certificate, ids) in &distinct {
            let place = if distinct.len() > 1 {
                format!(" ({})", trials(ids))
            } else {
                String::new()
            };
            text += &format!(
                "- {}{place}: {}\n",
                escape(name.as_str()),
                certificate.map_or_else(
                    || "no self-test on this host: run `tribunal selftest`.".to_owned(),
                    self_test
                )
            );
        }
    }
    text + "\n"
}

fn self_test(certificate: &CertificateFacts) -> String {
    let names = |names: &[String]| list(&names.iter().map(|name| escape(name)).collect::<Vec<_>>());
    let mut text = format!(
        "{}, Tribunal {}: {} held",
        escape(present(&certificate.date)),
        escape(present(&certificate.version)),
        plural(u64::from(certificate.holds), "experiment")
    );
    if certificate.failed.is_empty() {
        text += ", none failed";
    } else {
        text += &format!("; **failed: {}**", names(&certificate.failed));
    }
    if !certificate.noisy.is_empty() {
        text += &format!("; the host was too noisy for {}", names(&certificate.noisy));
    }
    text + "."
}

/// What each agent managed against a null sink, and how much of it the trials used.
fn calibrations(results: &[&TrialResult]) -> String {
    let named = by_name(results);
    if named.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        ("agent", Align::Left),
        ("ceiling", Align::Right),
        ("pacer checked at", Align::Right),
        ("missed sends there", Align::Right),
        ("schedule delay p99 there", Align::Right),
        ("sends > 1 ms late there", Align::Right),
        ("sink", Align::Left),
        ("most of it used", Align::Right),
        ("trials", Align::Left),
    ]);
    let mut without = Vec::new();
    for (name, took_part) in &named {
        let mut distinct: Vec<(&Calibration, Vec<(&TrialResult, &AgentFacts)>)> = Vec::new();
        let mut not = Vec::new();
        for (result, agent) in took_part {
            match &agent.calibration {
                None => not.push(result.trial),
                Some(calibration) => match distinct.iter_mut().find(|(known, _)| *known == calibration) {
                    Some((_, of)) => of.push((result, agent)),
                    None => distinct.push((calibration, vec![(result, agent)])),
                },
            }
        }
        if !not.is_empty() {
            without.push(format!("{} ({})", escape(name.as_str()), trials(&not)));
        }
        for (calibration, of) in &distinct {
            let used = of
                .iter()
                .filter_map(|(result, agent)| used(result, agent, calibration))
                .max_by(f64::total_cmp);
            table.row(vec![
                escape(name.as_str()),
                rate(calibration.ceiling),
                rate(calibration.paced),
                share((1.0 - calibration.realised).max(0.0)),
                nanos(calibration.schedule_delay_p99_ns),
                share(calibration.late_share),
                escape(present(&calibration.sink)),
                optional(used, share),
                trials(&of.iter().map(|(result, _)| result.trial).collect::<Vec<_>>()),
            ]);
        }
    }
    let mut text = String::from(
        "### Calibration\n\nThe ceiling is what an agent's clients delivered to a null sink in a closed loop, for cells \
         such as these: near to it, the agent is measured and not the cluster.\n\n",
    );
    text += &table.folded("calibrations");
    if !without.is_empty() {
        text += &format!(
            "Not calibrated: {}. Run `tribunal calibrate` with the plan.\n\n",
            list(&without)
        );
    }
    text
}

/// The share of an agent's ceiling that a trial offered it, or that it delivered in a closed loop.
fn used(result: &TrialResult, agent: &AgentFacts, calibration: &Calibration) -> Option<f64> {
    let offered = result
        .checks
        .iter()
        .find(|check| check.limit == Limit::Calibration && check.agent.as_ref() == Some(&agent.name))
        .map(|check| check.value);
    let seconds = result.windows.measure.as_secs_f64();
    let delivered = agent.window.acknowledged as f64 / seconds / calibration.ceiling;
    offered.or_else(|| (result.workload.rate.is_none() && delivered.is_finite()).then_some(delivered))
}
