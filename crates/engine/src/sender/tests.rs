use super::*;

fn blocked(spells: &[(i64, i64)]) -> BlockedTime {
    let mut blocked = BlockedTime::default();
    for (from, to) in spells {
        blocked.begin(*from);
        blocked.end(*to);
    }
    blocked
}

#[test]
fn blocked_time_is_the_overlap_with_the_spells() {
    let check = |from: i64, expected: i64| {
        let mut blocked = blocked(&[(10, 20), (30, 40), (50, 60)]);
        assert_eq!(blocked.since(from, 100), expected, "from {from}");
    };
    for (from, expected) in [
        (0, 30),
        (10, 30),
        (15, 25),
        (20, 20),
        (25, 20),
        (35, 15),
        (45, 10),
        (60, 0),
        (99, 0),
    ] {
        check(from, expected);
    }
}

#[test]
fn an_open_spell_counts_up_to_now() {
    let mut blocked = blocked(&[(10, 20)]);
    blocked.begin(30);
    blocked.begin(33);
    assert_eq!(blocked.since(0, 35), 15);
    assert_eq!(blocked.since(32, 35), 3);
    assert_eq!(blocked.take(35), 15);
    blocked.end(40);
    assert_eq!(blocked.take(45), 5);
    assert_eq!(blocked.take(50), 0);
}
