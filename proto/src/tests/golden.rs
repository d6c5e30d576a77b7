//! Numbers of fields are for ever.

use std::fmt::Write as _;
use std::time::Duration;

use prost::Message;
use tribunal_model::ids::{Attempt, TrialId};

use crate::pb;
use crate::session::{AttemptId, CoordinatorMessage, Epoch};

/// Every field, enumeration value and method as `Message.field = number type`.
fn listed(proto: &str) -> String {
    let mut list = String::new();
    let mut path: Vec<&str> = Vec::new();
    for line in proto
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
    {
        let words: Vec<&str> = line.trim_end_matches(';').split_whitespace().collect();
        match words[..] {
            ["message" | "enum" | "oneof" | "service", name, "{"] => path.push(name),
            ["message", _, "{}"] => {}
            ["}"] => drop(path.pop()),
            [ref shape @ .., name, "=", number] if !path.is_empty() => {
                let path = path.join(".");
                let entry = format!("{path}.{name} = {number} {}", shape.join(" "));
                writeln!(list, "{}", entry.trim_end()).unwrap();
            }
            ["reserved" | "rpc", ..] => writeln!(list, "{}: {}", path.join("."), words.join(" ")).unwrap(),
            ["syntax" | "package" | "import", ..] => {}
            _ => panic!("unknown line {line:?}"),
        }
    }
    assert!(path.is_empty(), "{path:?}");
    list
}

/// A number that was given out keeps its field; a field that goes leaves `reserved` behind. Add lines, change none.
#[test]
fn numbers_of_fields_stay() {
    let now: String = [
        include_str!("../../tribunal/v1/trial.proto"),
        include_str!("../../tribunal/v1/facts.proto"),
        include_str!("../../tribunal/v1/stats.proto"),
        include_str!("../../tribunal/v1/session.proto"),
        include_str!("../../tribunal/v1/control.proto"),
    ]
    .map(listed)
    .concat();
    let golden = include_str!("golden/fields.txt");
    for (now, golden) in now.lines().zip(golden.lines()) {
        assert_eq!(now, golden);
    }
    assert_eq!(
        now.lines().count(),
        golden.lines().count(),
        "proto/src/tests/golden/fields.txt lacks lines:\n{now}"
    );
}

#[test]
fn bytes_stay() {
    let attempt = AttemptId {
        experiment: "0193e2a4-1111-7abc-8def-0123456789ab".parse().unwrap(),
        trial: TrialId(7),
        attempt: Attempt(2),
    };
    let arm = CoordinatorMessage::Arm {
        attempt,
        epoch: Epoch(3),
        start_ns: 1_000_000_000,
        lease: Duration::from_secs(3),
    };
    let mut hex = String::new();
    for byte in pb::CoordinatorMessage::from(arm).encode_to_vec() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let experiment = "30313933653261342d313131312d376162632d386465662d303132333435363738396162";
    let expected = format!(
        "2a3a0a2a0a24{experiment}10071802100318{start}20{lease}",
        start = "8094ebdc03",
        lease = "80bcc1960b"
    );
    assert_eq!(hex, expected);
}
