//! The self-test from the command line: the experiments of it that no busy host disturbs.

use crate::support::{Bench, alone};

#[test]
fn experiments_can_be_chosen_and_a_part_is_kept_only_where_it_was_asked_for() {
    let _turn = alone();
    let bench = Bench::new();
    let (store, kept) = (bench.store(), bench.path().join("part.json"));
    let store = store.to_str().unwrap();
    let arguments = ["selftest", "--only", "10,12,17", "--store", store, "--format", "json"];
    let run = bench.start(&arguments).finish();
    assert_eq!(run.code, Some(0), "{:#?} {:#?}", run.out, run.err);
    let certificate: serde_json::Value = serde_json::from_str(&run.out.join("\n")).unwrap();
    let findings = certificate["findings"].as_array().unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|finding| {
            (
                finding["number"].as_u64().unwrap(),
                finding["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(10, "holds"), (12, "holds"), (17, "holds")]);
    assert!(
        !bench.store().join("certificate.json").exists(),
        "a part says nothing of the host"
    );

    let run = bench
        .start(&["selftest", "--only", "10", "--keep", kept.to_str().unwrap(), "--quiet"])
        .finish();
    assert_eq!((run.code, kept.exists()), (Some(0), true), "{:#?}", run.err);
    assert!(
        run.out.last().unwrap().contains("1 hold, 0 fail, 0 too noisy"),
        "{:#?}",
        run.out
    );

    let run = bench.start(&["selftest", "--only", "99"]).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
}
