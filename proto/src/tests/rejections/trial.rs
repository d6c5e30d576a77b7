//! Trials.

use tribunal_model::client::ClientUse;
use tribunal_model::profile::{InvalidProfile, Profile};
use tribunal_model::properties::Properties;
use tribunal_model::trial::{Content, Keys, Load, Rate, RecordShape, Size, Trial};

use super::{Missing, Unspecified, check, client_use, load, record, trial, unknown, value};
use crate::{Invalid, pb};

#[test]
fn a_trial_is_whole() {
    check!(trial() => Trial {
        id = 0 => Missing("Trial.id");
        cell = 0 => Missing("Trial.cell");
        topic = None => Missing("Trial.topic");
        load = None => Missing("Trial.load");
        windows = None => Missing("Trial.windows");
        properties = None => Missing("Trial.properties");
        purpose = None => Missing("Trial.purpose");
        purpose = Some(pb::Purpose { kind: None }) => Missing("Purpose.kind");
        audit = 0 => Unspecified("Trial.audit");
        audit = 99 => unknown("Trial.audit");
        client = None => Missing("Trial.client");
    });
    check!(client_use() => ClientUse {
        client = "perl".into() => value("ClientUse.client", "perl");
        per_process = 0 => Missing("ClientUse.per_process");
        own = None => Missing("ClientUse.own");
    });
    check!(load() => Load {
        rate = None => Missing("Load.rate");
        arrivals = 0 => Unspecified("Load.arrivals");
        arrivals = 99 => unknown("Load.arrivals");
        record = None => Missing("Load.record");
        keys = None => Missing("Load.keys");
        partitioner = 0 => Unspecified("Load.partitioner");
        partitioner = 99 => unknown("Load.partitioner");
        when_full = 0 => Unspecified("Load.when_full");
        when_full = 99 => unknown("Load.when_full");
    });
    check!(record() => RecordShape {
        size = None => Missing("RecordShape.size");
        content = None => Missing("RecordShape.content");
    });
}

#[test]
fn a_load_has_legal_numbers() {
    use pb::rate::Kind::PacedRecordsPerMillionSeconds;
    check!(load().rate.unwrap() => Rate {
        kind = None => Missing("Rate.kind");
        kind = Some(PacedRecordsPerMillionSeconds(0)) => value("Rate.paced_records_per_million_seconds", "0");
        kind = Some(PacedRecordsPerMillionSeconds(u64::MAX)) =>
            value("Rate.paced_records_per_million_seconds", "18446744073709551615");
    });
    let log_normal = pb::size::LogNormal {
        median_bytes: 1,
        sigma: f64::NAN,
        max_bytes: 1,
    };
    let sizes = vec![pb::size::WeightedSize {
        size_bytes: 1,
        weight: f64::INFINITY,
    }];
    check!(record().size.unwrap() => Size {
        kind = None => Missing("Size.kind");
        kind = Some(pb::size::Kind::LogNormal(log_normal)) => value("LogNormal.sigma", "NaN");
        kind = Some(pb::size::Kind::Weighted(pb::size::Weighted { sizes })) => value("WeightedSize.weight", "inf");
    });
    let generated = pb::content::Generated {
        compressibility: f64::NAN,
    };
    check!(record().content.unwrap() => Content {
        kind = None => Missing("Content.kind");
        kind = Some(pb::content::Kind::Generated(generated)) => value("Generated.compressibility", "NaN");
    });
    let zipf = pb::keys::Zipf {
        cardinality: 1,
        exponent: f64::NEG_INFINITY,
    };
    check!(load().keys.unwrap() => Keys {
        kind = None => Missing("Keys.kind");
        kind = Some(pb::keys::Kind::Zipf(zipf)) => value("Zipf.exponent", "-inf");
    });
}

#[test]
fn a_profile_is_checked_as_in_a_plan() {
    let segment = |length_ns, rate| pb::profile::Segment {
        length_ns,
        from_records_per_million_seconds: rate,
        to_records_per_million_seconds: rate,
    };
    let good = pb::Profile {
        segments: vec![segment(1, 1)],
        after: pb::After::Hold.into(),
        text: String::new(),
    };
    check!(good.clone() => Profile {
        after = 0 => Unspecified("Profile.after");
        after = 99 => unknown("Profile.after");
        segments = Vec::new() => Invalid::Profile(InvalidProfile::Empty);
        segments = vec![segment(0, 1)] => Invalid::Profile(InvalidProfile::Empty);
        segments = vec![segment(1, 0)] => Invalid::Profile(InvalidProfile::Silent);
        segments = vec![segment(u64::MAX, 1)] => Invalid::Profile(InvalidProfile::TooLarge);
        segments = vec![segment(1, u64::MAX)] => Invalid::Profile(InvalidProfile::TooLarge);
    });
    let silent = pb::Profile {
        segments: vec![segment(1, 0)],
        ..good
    };
    check!(load() => Load {
        profile = Some(silent) => Invalid::Profile(InvalidProfile::Silent);
    });
}

#[test]
fn a_property_has_one_name_and_one_value() {
    let acks = |text: &str| pb::Property {
        name: "acks".into(),
        value: Some(pb::property::Value::Text(text.into())),
    };
    let of = |properties| pb::Properties { properties };
    let twice = Invalid::Twice {
        field: "Properties.properties",
        text: "acks".into(),
    };
    check!(of(vec![acks("1")]) => Properties {
        properties = vec![acks("1"), acks("all")] => twice;
        properties = vec![pb::Property { name: String::new(), ..acks("1") }] => Missing("Property.name");
        properties = vec![pb::Property { value: None, ..acks("1") }] => Missing("Property.value");
    });
}
