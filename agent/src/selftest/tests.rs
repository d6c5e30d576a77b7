//! A fast part of the self-test with real clients: what is counted holds on every host, what is timed may find it noisy.

use super::*;

#[test]
fn a_part_of_the_self_test_runs_end_to_end() {
    let only = [3, 8, 10, 12, 17];
    let host = generator::tests::host();
    let mut told = Vec::new();
    let certificate = run(&host, &only, &mut |progress| {
        if let Progress::Begins { number, .. } = progress {
            told.push(number);
        }
    });
    assert_eq!(told, only);
    assert!(!certificate.whole);
    for finding in &certificate.findings {
        let counted = finding.number != 3;
        assert_ne!(finding.outcome, Outcome::Fails, "{finding:?}");
        assert!(!counted || finding.outcome == Outcome::Holds, "{finding:?}");
    }
}

#[test]
fn numbers_are_those_of_the_methodology_in_order() {
    let numbers: Vec<u32> = experiments().map(|(number, _)| number).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| (1..=31).contains(number)));
    let whole: u32 = ALL.iter().map(|experiment| experiment.seconds).sum();
    assert!(whole < 180, "{whole} s");
}
