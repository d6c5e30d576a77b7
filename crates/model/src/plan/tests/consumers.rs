use super::*;
use crate::consumers::Consumers;
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
