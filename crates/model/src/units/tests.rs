use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::trial::RecordRate;

#[track_caller]
fn check<T: std::fmt::Display>(read: Result<T, Error>, expected: &str) {
    assert_eq!(read.map_or_else(|e| e.to_string(), |value| value.to_string()), expected);
}

#[test]
fn durations_are_read_and_printed() {
    for (text, printed) in [
        ("30s", "30s"),
        ("500ms", "500ms"),
        ("2m", "2m"),
        ("90m", "1h30m"),
        ("1h30m", "1h30m"),
        ("10us", "10us"),
        ("10µs", "10us"),
        ("1.5s", "1.5s"),
        ("1500us", "1.5ms"),
        ("0s", "0s"),
        (" 1 h 30 m ", "1h30m"),
    ] {
        check(parse_duration(text).map(format_duration), printed);
    }
}

#[test]
fn rates_in_records_may_be_zero() {
    let read = |text: &str| parse_record_rate(text).map(format_record_rate);
    check(read("0/s"), "0/s");
    check(read(" 1.5 k/s "), "1500/s");
    check(read("0.5/s"), "0.5/s");
    check(read("1G/s"), "1G/s");
    let expected = "expected a rate in records such as \"50k/s\"";
    check(
        read("1.1G/s"),
        &format!("\"1.1G/s\" is outside the range of 0 to 10^9 records a second; {expected}"),
    );
    check(read("5"), &format!("\"5\" has no \"/s\"; {expected}"));
    check(
        read("5MB/s"),
        &format!("\"5MB/s\" has the unknown unit \"MB\"; {expected}"),
    );
    check(read("saturate"), &format!("\"saturate\" cannot be read; {expected}"));
    check(
        read("0.0000001/s"),
        &format!("\"0.0000001/s\" is no whole number of millionths of a record; {expected}"),
    );
}

#[test]
fn shares_may_be_per_cent() {
    for (text, share) in [
        ("5%", 0.05),
        ("0.1 %", 0.001),
        ("99.9%", 0.999),
        ("100%", 1.0),
        ("250%", 2.5),
    ] {
        assert_eq!(parse_percent(text), Ok(share));
    }
    let expected = "expected a share such as 0.05 or \"5%\"";
    check(parse_percent("5"), &format!("\"5\" has no unit; {expected}"));
    check(parse_percent("%"), &format!("\"%\" cannot be read; {expected}"));
}

#[test]
fn a_wrong_duration_says_what_to_write() {
    let check = |text, problem| {
        check(
            parse_duration(text).map(format_duration),
            &format!("{text:?} {problem}; expected a duration such as \"30s\", \"500ms\" or \"1h30m\""),
        );
    };
    check("30", "has no unit");
    check("1h30", "has no unit");
    check("30 sec", "has the unknown unit \"sec\"");
    check("", "cannot be read");
    check("-5s", "cannot be read");
    check("5s5s", "cannot be read");
    check("1m1h", "cannot be read");
    check("0.5ns", "is no whole number of nanoseconds");
    check("9000h", "is outside the range of 0s to 366 days");
}

#[test]
fn sizes_are_read_and_printed() {
    for (text, printed) in [
        ("1KiB", "1KiB"),
        ("100B", "100B"),
        ("1MB", "1MB"),
        ("1MiB", "1MiB"),
        ("1024", "1KiB"),
        ("1000", "1kB"),
        ("1536B", "1536B"),
        ("1.5KiB", "1536B"),
        ("0", "0B"),
    ] {
        check(parse_bytes(text).map(format_bytes), printed);
    }
}

#[test]
fn a_wrong_size_says_what_to_write() {
    let check = |text, problem| {
        check(
            parse_bytes(text),
            &format!("{text:?} {problem}; expected a size such as \"100B\", \"1KiB\" or \"1MB\""),
        );
    };
    check("1k", "has the unknown unit \"k\"");
    check("KiB", "cannot be read");
    check("0.3B", "is no whole number of bytes");
    check("9999TB", "is outside the range of 0 to 10^15 bytes");
}

#[test]
fn rates_are_read_and_printed() {
    for (text, printed) in [
        ("50k/s", "50k/s"),
        ("2000/s", "2k/s"),
        ("1.5M/s", "1500k/s"),
        ("0.5/s", "0.5/s"),
        ("100MB/s", "100MB/s"),
        ("3MiB/s", "3MiB/s"),
        ("saturate", "saturate"),
    ] {
        check(text.parse::<OfferedRate>(), printed);
    }
}

#[test]
fn a_wrong_rate_says_what_to_write() {
    let check = |text: &str, problem| {
        check(
            text.parse::<OfferedRate>(),
            &format!("{text:?} {problem}; expected a rate such as \"50k/s\", \"100MB/s\" or \"saturate\""),
        );
    };
    check("50k", "has no unit");
    check("2000", "has no unit");
    check("100MB", "has no \"/s\"");
    check("50q/s", "has the unknown unit \"q\"");
    check("fast", "cannot be read");
    check("0/s", "is outside the range of 0.000001 to 10^9 records a second");
    check("2G/s", "is outside the range of 0.000001 to 10^9 records a second");
    check("0B/s", "is outside the range of 1 to 10^15 bytes a second");
    check("0.0000001/s", "is no whole number of millionths of a record");
}

proptest! {
    #[test]
    fn every_duration_reads_back(nanos in prop_oneof![0_u64..10_000_000_000, 0_u64..31_622_400_000_000_000]) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn every_size_reads_back(bytes in 0_u64..=1_000_000_000_000_000) {
        prop_assert_eq!(parse_bytes(&format_bytes(bytes)), Ok(bytes));
    }

    #[test]
    fn every_rate_reads_back(micro in 1_u64..=1_000_000_000_000_000, bytes in 1_u64..=1_000_000_000_000_000) {
        let records = OfferedRate::Records(RecordRate::per_million_seconds(micro).unwrap());
        let bytes = OfferedRate::Bytes(NonZeroU64::new(bytes).unwrap());
        for rate in [records, bytes] {
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }

    #[test]
    fn no_text_makes_a_quantity_panic(text in "[0-9._ a-zA-Zµ/]{0,24}|\\PC{0,24}") {
        let _ = (parse_duration(&text), parse_bytes(&text), text.parse::<OfferedRate>());
    }
}
