//! Quantities as people read them: the one place that turns numbers into text.
//!
//! Three significant digits everywhere except for counts, which are exact.

use crate::eligibility::{Mark, Percentile};

/// What stands where there is nothing to tell.
pub const ABSENT: &str = "–";

/// Marks a percentile that must not be compared; [`DAGGER_MEANS`] says why.
pub const DAGGER: &str = " †";

/// The legend of [`DAGGER`].
pub const DAGGER_MEANS: &str = "† fewer than ten one-second samples of the window hold a record at or above this \
                                percentile: one event may have made it, so it is printed and not compared.";

/// A count with thousands separators, for example `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with three significant digits, whole from 100 on, with thousands separators.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    // Each bound is where the next lower one would round up to a fourth digit.
    let text = match magnitude {
        _ if !magnitude.is_finite() => return ABSENT.to_owned(),
        _ if magnitude < 0.0005 => return "0".to_owned(),
        _ if magnitude < 0.9995 => format!("{magnitude:.3}"),
        _ if magnitude < 9.995 => format!("{magnitude:.2}"),
        _ if magnitude < 99.95 => format!("{magnitude:.1}"),
        _ => count(magnitude.round() as u64),
    };
    format!("{sign}{text}")
}

/// A duration given in microseconds, for example `870 µs`, `1.23 ms` or `2.40 s`.
///
/// A microsecond is the resolution of a distribution: what is recorded as 0 is `<1 µs`.
pub fn micros(value: u64) -> String {
    match value {
        0 => "<1 µs".to_owned(),
        1..1000 => format!("{value} µs"),
        _ if (value as f64) < 999_500.0 => format!("{} ms", number(value as f64 / 1e3)),
        _ => format!("{} s", number(value as f64 / 1e6)),
    }
}

/// A signed duration given in nanoseconds, for example `-870 ns`, `1.23 µs` or `2.40 s`.
pub fn nanos(value: i64) -> String {
    let magnitude = value.unsigned_abs() as f64;
    let (factor, unit) = match magnitude {
        _ if magnitude < 999.5 => return format!("{value} ns"),
        _ if magnitude < 999.5e3 => (1e3, "µs"),
        _ if magnitude < 999.5e6 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {unit}", number(value as f64 / factor))
}

/// Records per second, for example `49,812/s` or `12.5/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", number(per_second))
}

/// Bytes per second in decimal units, for example `12.3 MB/s`.
pub fn byte_rate(per_second: f64) -> String {
    format!("{}/s", scaled(per_second, 1000.0, ["B", "kB", "MB", "GB", "TB"]))
}

/// Bytes in binary units, for example `15.6 GiB`.
pub fn bytes(value: u64) -> String {
    scaled(value as f64, 1024.0, ["B", "KiB", "MiB", "GiB", "TiB"])
}

fn scaled(value: f64, step: f64, units: [&str; 5]) -> String {
    let (mut value, mut unit) = (value, 0);
    while value >= step * 0.9995 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    format!("{} {}", number(value), units[unit])
}

/// A share of 1 in per cent, for example `12.3 %`.
pub fn share(of_one: f64) -> String {
    format!("{} %", number(of_one * 100.0))
}

/// A percentile: its value, what is known of it, or why there is none.
pub fn percentile(percentile: &Percentile) -> String {
    match percentile {
        Percentile::Absent => ABSENT.to_owned(),
        Percentile::TooFew { needed } => format!("n<{}", count(*needed)),
        Percentile::AtLeast { us } => format!("≥ {}", at_least(*us)),
        Percentile::Told {
            us,
            mark: Mark::None | Mark::QueueBound,
        } => micros(*us),
        Percentile::Told {
            us,
            mark: Mark::OneEvent,
        } => format!("{}{DAGGER}", micros(*us)),
    }
}

/// A lower bound must not grow by rounding: its digits after the third are cut.
fn at_least(us: u64) -> String {
    let mut step = 1;
    while us / step >= 1000 {
        step *= 10;
    }
    micros(us / step * step)
}

/// `text`, or what stands for nothing when it is empty.
pub fn present(text: &str) -> &str {
    if text.is_empty() { ABSENT } else { text }
}

/// What `value` formats to, or what stands for nothing.
pub fn optional<T>(value: Option<T>, format: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), format)
}

/// A count with its noun, for example `1 trial` or `2 trials`.
pub fn plural(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A list in a sentence: `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A list in a sentence that names the first `shown` of many: `a, b and 998 more`.
pub fn first<S: AsRef<str>>(items: &[S], shown: usize) -> String {
    match items.len().saturating_sub(shown) {
        0 => list(items),
        more => {
            let named: Vec<&str> = items[..shown].iter().map(AsRef::as_ref).collect();
            format!("{} and {} more", named.join(", "), count(more as u64))
        }
    }
}

/// The same text for a terminal that shows only ASCII.
pub fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'µ' => plain.push('u'),
            '≥' => plain.push_str(">="),
            '–' | '−' => plain.push('-'),
            '×' => plain.push('x'),
            '‡' => plain.push('#'),
            '†' => plain.push('*'),
            '÷' => plain.push('/'),
            '±' => plain.push_str("+-"),
            c if c.is_ascii() => plain.push(c),
            _ => plain.push('?'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_significant_digits_and_the_unit_that_fits() {
        let check = |us, expected| assert_eq!(micros(us), expected);
        check(0, "<1 µs");
        check(1, "1 µs");
        check(999, "999 µs");
        check(1_000, "1.00 ms");
        check(1_234, "1.23 ms");
        check(9_996, "10.0 ms");
        check(99_960, "100 ms");
        check(999_499, "999 ms");
        check(999_500, "1.00 s");
        check(2_400_000, "2.40 s");
        check(3_600_000_000, "3,600 s");
    }

    #[test]
    fn signed_durations_keep_their_sign_in_every_unit() {
        let check = |ns, expected| assert_eq!(nanos(ns), expected);
        check(0, "0 ns");
        check(-870, "-870 ns");
        check(45_600, "45.6 µs");
        check(-1_234_567, "-1.23 ms");
        check(i64::MIN, "-9,223,372,037 s");
    }

    #[test]
    fn rates_and_sizes_say_their_unit() {
        assert_eq!(rate(49_812.4), "49,812/s");
        assert_eq!(rate(12.54), "12.5/s");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(byte_rate(12_345_678.0), "12.3 MB/s");
        assert_eq!(byte_rate(999.9), "1.00 kB/s");
        assert_eq!(bytes(16_777_216_000), "15.6 GiB");
        assert_eq!(share(0.0523), "5.23 %");
        assert_eq!(share(0.0), "0 %");
        assert_eq!(number(f64::NAN), ABSENT);
    }

    #[test]
    fn a_lower_bound_is_never_rounded_up() {
        let check = |us, expected| assert_eq!(percentile(&Percentile::AtLeast { us }), expected);
        check(1_239_999, "≥ 1.23 s");
        check(999_999, "≥ 999 ms");
        check(1_999, "≥ 1.99 ms");
        check(7, "≥ 7 µs");
    }

    #[test]
    fn counts_have_separators_and_lists_an_and() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(56_647), "56,647");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(plural(1, "trial"), "1 trial");
        assert_eq!(plural(0, "trial"), "0 trials");
    }

    #[test]
    fn ascii_text_is_ascii_whatever_comes_in() {
        assert_eq!(ascii("≥ 1.2 ms – 3 µs †, ü"), ">= 1.2 ms - 3 us *, ?");
    }
}
