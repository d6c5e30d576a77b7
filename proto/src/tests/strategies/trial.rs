//! Trials.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tribunal_model::client::{Client, ClientUse};
use tribunal_model::consumers::Consumers;
use tribunal_model::design::{AuditLevel, Purpose};
use tribunal_model::ids::CellId;
use tribunal_model::profile::{After, Profile, Segment};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{
    Arrivals, Content, Keys, Level, Load, Partitioner, Rate, RecordRate, RecordShape, Size, TopicShape, Trial,
    WhenFull, Windows,
};

use super::{duration, name, number, pairs, text, texts, trial_id};

prop_compose! {
    fn topic_shape()(
        count: u32, partitions: u32, replication: u32, settings in pairs(),
    ) -> TopicShape {
        TopicShape { count, partitions, replication, settings }
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        (1..=1_000_000_000_000_000u64)
            .prop_map(|records| Rate::Paced(RecordRate::per_million_seconds(records).unwrap())),
        Just(Rate::Saturate),
    ]
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        any::<u32>().prop_map(Size::Fixed),
        any::<(u32, u32)>().prop_map(|(min, max)| Size::Uniform { min, max }),
        (any::<u32>(), number(), any::<u32>()).prop_map(|(median, sigma, max)| Size::LogNormal { median, sigma, max }),
        vec((any::<u32>(), number()), 0..4).prop_map(Size::Weighted),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        number().prop_map(|compressibility| Content::Generated { compressibility }),
        texts().prop_map(|files| Content::Samples { files }),
    ]
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        Just(Keys::None),
        any::<u64>().prop_map(|cardinality| Keys::Sequence { cardinality }),
        any::<u64>().prop_map(|cardinality| Keys::Uniform { cardinality }),
        (any::<u64>(), number()).prop_map(|(cardinality, exponent)| Keys::Zipf { cardinality, exponent }),
    ]
}

fn profile() -> impl Strategy<Value = Profile> {
    let micro = 0..=1_000_000_000_000_000u64;
    let segment =
        (1..=Segment::LONGEST_NS, micro.clone(), micro).prop_map(|(length_ns, from_micro, to_micro)| Segment {
            length_ns,
            from_micro,
            to_micro,
        });
    let after = prop::sample::select(vec![After::Hold, After::Repeat]);
    (vec(segment, 1..4), after, text()).prop_filter_map("silent", |(segments, after, text)| {
        Profile::new(segments, after, text).ok()
    })
}

prop_compose! {
    fn load()(
        rate in rate(),
        arrivals in prop::sample::select(vec![Arrivals::Uniform, Arrivals::Poisson]),
        producers: u32,
        size in size(),
        content in content(),
        headers in pairs(),
        keys in keys(),
        partitioner in prop::sample::select(vec![Partitioner::Native, Partitioner::Assigned]),
        when_full in prop::sample::select(vec![WhenFull::Hold, WhenFull::Shed]),
        seed: u64,
        profile in option::of(profile()),
    ) -> Load {
        let record = RecordShape { size, content, headers };
        Load { rate, profile, arrivals, producers, record, keys, partitioner, when_full, seed }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::Text),
        text().prop_map(Value::Env),
        text().prop_map(|path| Value::File(path.into())),
    ]
}

pub(super) fn properties() -> impl Strategy<Value = Properties> {
    vec((name(), value()), 0..5).prop_map(|all| {
        let mut properties = Properties::default();
        for (name, value) in all {
            properties.set(name, value);
        }
        properties
    })
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        Just(Purpose::Cell),
        Just(Purpose::Canary),
        Just(Purpose::BurnIn),
        Just(Purpose::Capacity),
        any::<u32>().prop_map(Purpose::Share),
        text().prop_map(Purpose::Probe),
        Just(Purpose::WithoutConsumers),
    ]
}

fn client() -> impl Strategy<Value = Client> {
    prop_oneof![
        prop::sample::select(Client::KNOWN.to_vec()),
        "[a-z][a-z0-9_-]{0,8}".prop_map(Client::Custom),
    ]
}

prop_compose! {
    fn client_use()(
        client in client(), per_process in 1..=u32::MAX, own in properties(), options in pairs(),
    ) -> ClientUse {
        ClientUse { client, per_process, own, options }
    }
}

prop_compose! {
    fn consumers()(groups in 1..=u32::MAX, members in 1..=u32::MAX, properties in properties()) -> Consumers {
        Consumers { groups, members, properties }
    }
}

prop_compose! {
    pub(super) fn trial()(
        id in trial_id(),
        block: u32,
        cell in (1..=u32::MAX).prop_map(CellId),
        levels in vec((text(), text()).prop_map(|(factor, value)| Level { factor, value }), 0..4),
        topic in topic_shape(),
        load in load(),
        [warm_up, measure, drain, settle] in prop::array::uniform4(duration()),
        properties in properties(),
        purpose in purpose(),
        cluster in option::of(text()),
        audit in prop::sample::select(vec![AuditLevel::Count, AuditLevel::Offsets, AuditLevel::ReadBack]),
        client in client_use(),
        consumers in option::of(consumers()),
    ) -> Trial {
        let windows = Windows { warm_up, measure, drain };
        Trial {
            id, block, cell, purpose, cluster, levels, topic, load, windows, settle, audit, properties, client, consumers,
        }
    }
}
