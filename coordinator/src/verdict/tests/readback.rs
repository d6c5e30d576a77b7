//! What consumers read back, and what it makes of a trial.

use tribunal_stats::ReadBackCount;

use super::*;

/// Judges a sound trial whose records were read back like this.
#[track_caller]
fn judged(read: ReadBackAudit, valid: bool, is: impl Fn(&Caveat) -> bool) {
    let change = |case: &mut Case| {
        case.audit.level = Level::ReadBack;
        case.audit.read_back = Some(read);
    };
    check(change, valid, BoundBy::Offered, is);
}

fn counted(count: ReadBackCount, unread: u64) -> ReadBackAudit {
    ReadBackAudit {
        count: ReadBackCount {
            acknowledged: 10_000,
            ..count
        },
        unread,
        perhaps: 0,
    }
}

#[test]
fn an_acknowledged_record_that_is_in_no_log_voids_and_one_that_was_not_read_does_not() {
    let count = ReadBackCount {
        unreceived: 3,
        ..ReadBackCount::default()
    };
    judged(counted(count.clone(), 0), false, |caveat| {
        matches!(
            caveat,
            Caveat::ReadBackLost {
                lost: 3,
                at_least: false,
                ..
            }
        )
    });
    judged(counted(count.clone(), 2), false, |caveat| {
        matches!(
            caveat,
            Caveat::ReadBackLost {
                lost: 1,
                at_least: true,
                ..
            }
        )
    });
    judged(counted(count, 3), true, |caveat| {
        matches!(caveat, Caveat::NotReadBack { unread: 3 })
    });
}

#[test]
fn records_of_nobody_void_and_what_retries_do_is_a_finding() {
    let foreign = ReadBackCount {
        foreign: 1,
        ..ReadBackCount::default()
    };
    judged(counted(foreign, 0), false, |caveat| {
        matches!(caveat, Caveat::ForeignRecords { count: 1 })
    });
    let retried = ReadBackCount {
        duplicated: 4,
        reordered: 5,
        ..ReadBackCount::default()
    };
    judged(counted(retried.clone(), 0), true, |caveat| {
        matches!(
            caveat,
            Caveat::Duplicated {
                count: 4,
                idempotent: false
            }
        )
    });
    judged(counted(retried, 0), true, |caveat| {
        matches!(
            caveat,
            Caveat::Reordered {
                count: 5,
                idempotent: false
            }
        )
    });
}

#[test]
fn duplicates_that_were_read_back_are_no_surplus() {
    let mut case = Case::sound();
    case.audit.level = Level::ReadBack;
    case.audit.partitions[0].end = 10_002;
    let count = ReadBackCount {
        duplicated: 2,
        ..ReadBackCount::default()
    };
    case.audit.read_back = Some(counted(count, 0));
    let (verdict, _) = case.judge();
    assert!(verdict.valid(), "{verdict:?}");
    let more = ReadBackCount {
        unacknowledged: 2,
        ..ReadBackCount::default()
    };
    judged(counted(more, 0), false, |caveat| {
        matches!(caveat, Caveat::AuditSurplus { surplus: 2 })
    });
}
