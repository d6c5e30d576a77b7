//! Prometheus' text format, as far as a broker's exporter writes it: samples, comments, no exemplars.

use std::borrow::Cow;

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'t> {
    pub(super) name: &'t str,
    pub(super) labels: Vec<(&'t str, Cow<'t, str>)>,
    pub(super) value: f64,
}

/// A line that is not of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of its answer is not Prometheus' text format")]
pub(super) struct Malformed {
    line: usize,
}

impl Sample<'_> {
    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let label = self.labels.iter().find(|(known, _)| *known == name);
        label.map(|(_, value)| value.as_ref())
    }
}

/// The samples of a text, in its order.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Result<Sample<'_>, Malformed>> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, text)| sample(text).ok_or(Malformed { line }))
}

fn sample(text: &str) -> Option<Sample<'_>> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let (name, rest) = text.split_at(text.find(|c| !of_name(c))?);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = Vec::new();
    let mut rest = rest.trim_start();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.trim_start();
        while !rest.starts_with('}') {
            let (label, after) = label(rest)?;
            labels.push(label);
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if rest.starts_with('}') => {}
                None => return None,
            }
        }
        rest = &rest[1..];
    }
    // A timestamp may follow; nothing else.
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?.parse().ok()?;
    let timestamp = words.next().map(str::parse::<i64>);
    if matches!(timestamp, Some(Err(_))) || words.next().is_some() {
        return None;
    }
    Some(Sample { name, labels, value })
}

/// `name="value"`, and what follows it.
fn label(text: &str) -> Option<((&str, Cow<'_, str>), &str)> {
    let (name, rest) = text.split_once('=')?;
    let name = name.trim_end();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(legal) {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let mut plain = true;
    let end = rest.char_indices().find_map(|(at, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        match c {
            '\\' => (escaped, plain) = (true, false),
            '"' => return Some(at),
            _ => {}
        }
        None
    })?;
    let value = &rest[..end];
    let value = if plain {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(unescape(value))
    };
    Some(((name, value), &rest[end + 1..]))
}

fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, labels: &[(&str, &str)], value: f64) {
        let read: Vec<Sample<'_>> = samples(text).collect::<Result<_, _>>().unwrap();
        let [sample] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((sample.name, sample.value.to_bits()), (name, value.to_bits()));
        let told: Vec<(&str, &str)> = sample
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_ref()))
            .collect();
        assert_eq!(told, labels);
    }

    #[test]
    fn samples_are_read_with_and_without_labels_and_timestamps() {
        check("# HELP a b\n# TYPE a gauge\n\na 1\n", "a", &[], 1.0);
        check("a:b_c{} 1.5E-3 1700000000000", "a:b_c", &[], 0.0015);
        check(
            "a{topic=\"x\",request=\"Produce\",} 2.4396541E7",
            "a",
            &[("topic", "x"), ("request", "Produce")],
            24_396_541.0,
        );
        check(
            "  a { b = \"c\" , d=\"e\" } +Inf ",
            "a",
            &[("b", "c"), ("d", "e")],
            f64::INFINITY,
        );
        check("a NaN", "a", &[], f64::NAN);
    }

    #[test]
    fn what_is_escaped_in_a_label_is_told_as_it_was() {
        check(
            "a{b=\"with \\\"quotes\\\", back\\\\slash,\\nline and }\"} 1",
            "a",
            &[("b", "with \"quotes\", back\\slash,\nline and }")],
            1.0,
        );
    }

    #[test]
    fn a_line_that_is_something_else_is_told_by_its_number() {
        for line in [
            "<html>",
            "a",
            "a b",
            "a 1 x",
            "a 1 2 3",
            "1a 1",
            "a{b=\"c} 1",
            "a{b=c} 1",
            "a{b=\"c\" d=\"e\"} 1",
            "a{=\"c\"} 1",
            "a{b=\"c\"",
            "{b=\"c\"} 1",
        ] {
            let text = format!("ok 1\n{line}\n");
            let read: Result<Vec<Sample<'_>>, Malformed> = samples(&text).collect();
            assert_eq!(read, Err(Malformed { line: 2 }), "{line}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_read_or_refused(text in ".{0,200}") {
            let _ = samples(&text).collect::<Vec<_>>();
        }

        #[test]
        fn a_label_comes_back_whatever_it_holds(value in "\\PC{0,40}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let text = format!("a{{b=\"{escaped}\"}} 1");
            let read: Vec<Sample<'_>> = samples(&text).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(read[0].label("b"), Some(value.as_str()));
        }
    }
}
