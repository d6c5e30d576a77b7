use std::sync::Arc;

use tribunal_model::consumers::Role;
use tribunal_model::design::AuditLevel;
use tribunal_model::limits::Bounds;
use tribunal_model::matrix::Matrix;
use tribunal_proto::session::{Hello, PROTOCOL};
use tribunal_stats::facts::BuildFacts;
use tribunal_telemetry::coordinator::CoordinatorMetrics;
use uuid::Uuid;

use super::*;
use crate::fleet::{Fleet, Joined};

fn name(name: &str) -> AgentName {
    AgentName::new(name).unwrap()
}

fn resolved(rest: &str) -> (Plan, Vec<Trial>) {
    let text =
        format!("schema = 1\n[cluster]\nbootstrap = \"b:9092\"\n[workload]\nrate = \"1000/s\"\nproducers = 3\n{rest}");
    let plan = Plan::parse("plan.toml", &text, &[]).unwrap();
    let trials = Matrix::resolve(&plan, false).unwrap().trials;
    (plan, trials)
}

fn fleet() -> Fleet {
    Fleet::new(Arc::new(CoordinatorMetrics::new()))
}

fn hello(agent: &str, model: &str, version: &str) -> Hello {
    Hello {
        protocol: PROTOCOL,
        name: name(agent),
        instance: Uuid::nil(),
        build: BuildFacts {
            version: version.to_owned(),
            ..BuildFacts::default()
        },
        host: HostFacts {
            cpu_model: model.to_owned(),
            cores: 4,
            ..HostFacts::default()
        },
        metrics_address: String::new(),
        busy_with: None,
        certificate: None,
        lacking: Vec::new(),
        role: Role::Any,
    }
}

async fn joined(fleet: &Fleet, hello: Hello) -> Joined {
    fleet.join(hello).await
}

fn managed(ceiling: f64) -> Calibration {
    Calibration {
        ceiling,
        ..Calibration::default()
    }
}

#[test]
fn records_that_are_read_back_have_a_signature_of_their_own() {
    let (plan, trials) = resolved("[factors]\nlinger.ms = [0, 5]\n[consumers]\n");
    let stamped = trials.iter().cloned().map(|trial| Trial {
        audit: AuditLevel::ReadBack,
        ..trial
    });
    let both: Vec<Trial> = trials.iter().cloned().chain(stamped).collect();
    let signatures: Vec<_> = wanted(&plan, &both, &[name("a")])
        .into_iter()
        .map(|wanted| wanted.signature)
        .collect();
    let bare = "librdkafka, none, 1KiB, plaintext, 3 producers";
    assert_eq!(signatures, [bare.to_owned(), format!("{bare}, stamped")]);
}

#[test]
fn a_signature_is_measured_once_on_each_agent_whatever_else_the_cells_differ_in() {
    let (plan, trials) = resolved("[factors]\nlinger.ms = [0, 5]\ncompression.type = [\"none\", \"zstd\"]\n");
    let wanted = wanted(&plan, &trials, &[name("a"), name("b")]);
    let told: Vec<_> = wanted
        .iter()
        .map(|wanted| format!("{}: {} {:?}", wanted.agent, wanted.signature, wanted.producers))
        .collect();
    let mut sorted = told.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "a: librdkafka, none, 1KiB, plaintext, 2 producers [0, 2]",
            "a: librdkafka, zstd, 1KiB, plaintext, 2 producers [0, 2]",
            "b: librdkafka, none, 1KiB, plaintext, 1 producer [1]",
            "b: librdkafka, zstd, 1KiB, plaintext, 1 producer [1]",
        ]
    );
}

#[tokio::test]
async fn a_calibration_is_not_taken_over_by_another_machine_or_another_version() {
    let (plan, trials) = resolved("");
    let agents = [name("a")];
    let wanted = wanted(&plan, &trials, &agents).remove(0);
    let mut kept = Calibrations::default();
    let at_home = fleet();
    let _joined = joined(&at_home, hello("a", "one", "1")).await;
    kept.keep(&wanted, &at_home.agents()[&name("a")], managed(5.0), "then".to_owned());
    kept.keep(&wanted, &at_home.agents()[&name("a")], managed(7.0), "now".to_owned());
    let found = kept.of(&plan, &trials[0], &agents, &at_home.agents());
    assert_eq!(found[&name("a")], managed(7.0), "the newest counts");
    for (model, version) in [("another", "1"), ("one", "2")] {
        let elsewhere = fleet();
        let _joined = joined(&elsewhere, hello("a", model, version)).await;
        assert!(kept.of(&plan, &trials[0], &agents, &elsewhere.agents()).is_empty());
    }
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Calibrations>(&text).unwrap(), kept);
}

#[test]
fn what_is_near_a_ceiling_is_flagged_and_refused_where_the_plan_says_so() {
    let (mut plan, trials) = resolved("");
    let agents = [name("a"), name("b")];
    // Two of three producers: 667/s.
    let calibrations = BTreeMap::from([(name("a"), managed(800.0))]);
    let (flagged, refused) = beyond(&plan.limits, &trials[0], &agents, &calibrations);
    assert_eq!(flagged, ["83 % of what a managed against a null sink (800/s)"]);
    assert!(refused.is_empty(), "never by default");
    plan.limits.set(Limit::Calibration, Bounds { warn: 0.7, void: 0.8 });
    let (flagged, refused) = beyond(&plan.limits, &trials[0], &agents, &calibrations);
    assert_eq!((flagged.len(), refused.len()), (0, 1));
    let roomy = BTreeMap::from([(name("a"), managed(1000.0))]);
    assert_eq!(
        beyond(&plan.limits, &trials[0], &agents, &roomy),
        (Vec::new(), Vec::new())
    );
    let mut closed = trials[0].clone();
    closed.load.rate = Rate::Saturate;
    assert_eq!(
        beyond(&plan.limits, &closed, &agents, &calibrations),
        (Vec::new(), Vec::new())
    );
}

#[tokio::test]
async fn an_agent_that_is_lost_answers_no_calibration() {
    let (_, trials) = resolved("");
    let fleet = fleet();
    let _joined = joined(&fleet, hello("a", "one", "1")).await;
    let (first, second) = (
        fleet.calibrate(&name("a"), trials[0].clone(), vec![0]),
        fleet.calibrate(&name("a"), trials[0].clone(), vec![0]),
    );
    fleet.calibrated(&name("b"), 1, Ok(managed(1.0)));
    fleet.calibrated(&name("a"), 2, Ok(managed(2.0)));
    assert_eq!(second.await.unwrap(), Ok(managed(2.0)));
    fleet.leave(&name("a"), Uuid::nil()).await;
    assert!(first.await.is_err());
    assert!(
        fleet.calibrate(&name("a"), trials[0].clone(), vec![0]).await.is_err(),
        "gone already"
    );
}
