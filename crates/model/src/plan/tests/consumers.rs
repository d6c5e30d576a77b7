use super::*;
use crate::consumers::Consumers;
use crate::design::{AuditLevel, Purpose};
use crate::matrix::Matrix;
use crate::properties::{Properties, Value};

#[test]
fn a_plan_without_the_section_has_no_consumers_and_one_without_keys_has_one() {
    assert_eq!(plan("").consumers, None);
    let one = Consumers {
        groups: 1,
        members: 1,
        properties: Properties::default(),
    };
    assert_eq!(plan("[consumers]").consumers, Some(one));
}

#[test]
fn groups_members_and_properties_are_as_written() {
    let text = "[consumers]\ngroups = 2\nmembers = 4\n[consumers.properties]\n\"fetch.wait.max.ms\" = 50";
    let consumers = plan(text).consumers.unwrap();
    assert_eq!((consumers.groups, consumers.members, consumers.clients()), (2, 4, 8));
    let wait = Value::Text("50".to_owned());
    assert_eq!(consumers.properties.get("fetch.wait.max.ms"), Some(&wait));
    let set = format!("{CLUSTER}{text}");
    let set = parse(
        &set,
        &["consumers.properties.fetch.wait.max.ms=70", "consumers.members=3"],
    )
    .unwrap();
    let consumers = set.consumers.unwrap();
    let wait = Value::Text("70".to_owned());
    assert_eq!(
        (consumers.members, consumers.properties.get("fetch.wait.max.ms")),
        (3, Some(&wait))
    );
}

#[test]
fn wrong_consumers_have_their_line() {
    check(
        "[consumers]\nmembers = 0",
        "plan.toml:4: consumers.members: expected a whole number from 1 to 1000, found 0",
    );
    check(
        "[consumers]\ngroup = 1",
        "plan.toml:4: consumers.group: unknown key; did you mean \"groups\"?",
    );
    check("consumers = 4", "plan.toml:3: consumers: expected a table, found 4");
    check(
        "[consumers.properties]\n\"group.id\" = \"mine\"",
        "plan.toml:4: consumers.properties.group.id: is not set: partitions are dealt by tribunal, and the cluster keeps \
         no group",
    );
    check(
        "[consumers.properties]\n\"enable.auto.commit\" = true",
        "plan.toml:4: consumers.properties.enable.auto.commit: is not set: nothing is committed",
    );
}

#[test]
fn records_are_read_back_where_there_are_consumers_and_their_twin_is_stamped_alike() {
    let plan = plan("audit = \"read-back\"\n[consumers]\n[factors]\n\"linger.ms\" = [0, 5]");
    assert_eq!(plan.audit, AuditLevel::ReadBack);
    let matrix = Matrix::resolve(&plan, false).unwrap();
    for trial in &matrix.trials {
        let alone = trial.purpose == Purpose::WithoutConsumers;
        assert_eq!((trial.stamped(), trial.reads_back()), (true, !alone), "{trial:?}");
    }
    assert!(matrix.trials.iter().any(|trial| !trial.reads_back()));
}

#[test]
fn what_cannot_be_read_back_has_its_line() {
    check(
        "audit = \"read-back\"",
        "plan.toml:3: audit: \"read-back\" needs consumers, which read the records back; add the section [consumers]",
    );
    let drivers = "plan.toml:3: audit: \"read-back\" needs records that carry their number, which those of java do not; keep \
                   to client = \"librdkafka\"";
    check(
        "audit = \"read-back\"\n[consumers]\n[baseline]\nclient = \"java\"",
        drivers,
    );
    check(
        "audit = \"read-back\"\n[consumers]\n[factors]\nclient = [\"librdkafka\", \"java\"]",
        drivers,
    );
}
