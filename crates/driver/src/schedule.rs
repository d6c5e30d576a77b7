//! The schedule function's arguments as text, as docs/schedule.py takes them.

use tribunal_model::profile::{After, Profile, Segment};
use tribunal_model::trial::RecordRate;

/// The rate over time: `constant:RATE`, `hold:SEGMENTS` or `repeat:SEGMENTS`.
pub fn shape(rate: RecordRate, profile: Option<&Profile>) -> String {
    let Some(profile) = profile else {
        return format!("constant:{}", rate.micro());
    };
    let segments: Vec<String> = (profile.segments().iter())
        .map(|segment| format!("{}:{}:{}", segment.length_ns, segment.from_micro, segment.to_micro))
        .collect();
    let after = match profile.after() {
        After::Hold => "hold",
        After::Repeat => "repeat",
    };
    format!("{after}:{}", segments.join(","))
}

/// The inverse of [`shape`]; of a profile the rate means nothing.
pub fn parse(shape: &str) -> Option<(RecordRate, Option<Profile>)> {
    let (kind, text) = shape.split_once(':')?;
    let after = match kind {
        "constant" => return Some((RecordRate::per_million_seconds(text.parse().ok()?)?, None)),
        "hold" => After::Hold,
        "repeat" => After::Repeat,
        _ => return None,
    };
    let segment = |text: &str| {
        let mut numbers = text.split(':').map(|number| number.parse().ok());
        let segment = Segment {
            length_ns: numbers.next()??,
            from_micro: numbers.next()??,
            to_micro: numbers.next()??,
        };
        numbers.next().is_none().then_some(segment)
    };
    let segments = text.split(',').map(segment).collect::<Option<_>>()?;
    let profile = Profile::new(segments, after, shape).ok()?;
    Some((RecordRate::per_second(1.0)?, Some(profile)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_back() {
        for text in [
            "constant:2000000000",
            "hold:3000000000:0:7000000000",
            "repeat:200000000:10000000000:10000000000,800000000:0:0",
        ] {
            let (rate, profile) = parse(text).unwrap();
            assert_eq!(shape(rate, profile.as_ref()), text);
        }
        for wrong in [
            "",
            "constant:",
            "constant:0",
            "hold:1:2",
            "hold:1:2:3:4",
            "burst:1:2:3",
            "hold:",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
