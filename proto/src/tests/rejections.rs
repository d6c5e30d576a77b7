//! A wire message that lacks something is refused, and the refusal names what it lacks.

mod control;
mod measurements;
mod session;
mod trial;

use crate::{Invalid, pb};
use Invalid::{Missing, Unspecified};

#[track_caller]
fn refused<W, D: TryFrom<W, Error = Invalid>>(raw: W, expected: Invalid) {
    assert_eq!(D::try_from(raw).map(drop), Err(expected));
}

/// Spoils a good message, one way a line, and expects the error.
macro_rules! check {
    ($good:expr => $domain:ty { $($field:ident = $bad:expr => $error:expr;)+ }) => {{
        let good = $good;
        assert!(<$domain>::try_from(good.clone()).is_ok(), "{:?}", <$domain>::try_from(good).map(drop));
        $(
            let mut bad = good.clone();
            bad.$field = $bad;
            $crate::tests::rejections::refused::<_, $domain>(bad, $error);
        )+
    }};
}

fn unknown(field: &'static str) -> Invalid {
    Invalid::Unknown { field, number: 99 }
}

fn value(field: &'static str, text: &str) -> Invalid {
    Invalid::Value {
        field,
        text: text.into(),
    }
}

use check;

fn attempt() -> pb::AttemptId {
    pb::AttemptId {
        experiment: "0193e2a4-1111-7abc-8def-0123456789ab".into(),
        trial: 1,
        attempt: 1,
    }
}

fn load() -> pb::Load {
    pb::Load {
        rate: Some(pb::Rate {
            kind: Some(pb::rate::Kind::PacedRecordsPerMillionSeconds(1)),
        }),
        arrivals: pb::Arrivals::Uniform.into(),
        producers: 1,
        record: Some(record()),
        keys: Some(pb::Keys {
            kind: Some(pb::keys::Kind::Keyless(pb::keys::Keyless {})),
        }),
        partitioner: pb::Partitioner::Native.into(),
        when_full: pb::WhenFull::Hold.into(),
        seed: 1,
        profile: None,
    }
}

fn record() -> pb::RecordShape {
    let generated = pb::content::Generated { compressibility: 0.5 };
    pb::RecordShape {
        size: Some(pb::Size {
            kind: Some(pb::size::Kind::FixedBytes(100)),
        }),
        content: Some(pb::Content {
            kind: Some(pb::content::Kind::Generated(generated)),
        }),
        headers: Vec::new(),
    }
}

fn trial() -> pb::Trial {
    pb::Trial {
        id: 1,
        block: 0,
        cell: 1,
        levels: Vec::new(),
        topic: Some(pb::TopicShape::default()),
        load: Some(load()),
        windows: Some(pb::Windows::default()),
        properties: Some(pb::Properties::default()),
        purpose: Some(pb::Purpose {
            kind: Some(pb::purpose::Kind::Cell(pb::purpose::Cell {})),
        }),
        cluster: None,
        settle_ns: 0,
        audit: pb::AuditLevel::Offsets.into(),
        client: Some(client_use()),
        consumers: None,
    }
}

fn client_use() -> pb::ClientUse {
    pb::ClientUse {
        client: "java".into(),
        per_process: 1,
        own: Some(pb::Properties::default()),
        options: Vec::new(),
    }
}

fn report() -> pb::AgentReport {
    pb::AgentReport {
        tallies: Some(pb::Tallies::default()),
        window: Some(activity()),
        backlog: Some(pb::Backlog::default()),
        statistics: Some(pb::ClientStatistics::default()),
        partitions: Vec::new(),
        facts: Some(run_facts()),
        offsets: Vec::new(),
        followed: None,
        sequences: Vec::new(),
    }
}

fn run_facts() -> pb::RunFacts {
    let clock = Some(pb::ClockFacts::default());
    pb::RunFacts {
        clock,
        clock_after: clock,
        instruments: Some(pb::Instruments::default()),
        ..pb::RunFacts::default()
    }
}

fn activity() -> pb::Activity {
    pb::Activity {
        cpu: Some(pb::Cpu::default()),
        ..pb::Activity::default()
    }
}

fn sample() -> pb::Sample {
    pb::Sample {
        tallies: Some(pb::Tallies::default()),
        activity: Some(activity()),
        ..pb::Sample::default()
    }
}
