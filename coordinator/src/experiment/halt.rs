//! Why an experiment does not go on.

use tribunal_proto::control::Ending;
use tribunal_telemetry::logs::chain;

use crate::{cluster, journal, store};

/// Why an experiment does not go on.
#[derive(Debug)]
pub(crate) struct Halt {
    pub(crate) ending: Ending,
    pub(crate) reason: String,
}

impl Halt {
    pub(crate) fn new(ending: Ending, reason: impl Into<String>) -> Self {
        Self {
            ending,
            reason: reason.into(),
        }
    }
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Self {
        Self::new(Ending::Defect, chain(&error))
    }
}

impl From<journal::Error> for Halt {
    fn from(error: journal::Error) -> Self {
        Self::new(Ending::Defect, chain(&error))
    }
}

impl From<cluster::Error> for Halt {
    fn from(error: cluster::Error) -> Self {
        let ending = if error.unreachable() {
            Ending::ClusterUnreachable
        } else {
            Ending::BadPlan
        };
        Self::new(ending, chain(&error))
    }
}
