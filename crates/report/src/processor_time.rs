//! Whose processor time cells are compared by.

use tribunal_stats::comparison::Metric;

use crate::result::TrialResult;

/// Whose processor time is told of each cell of an experiment, so that all of them tell the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessorTime {
    /// The client's own threads': what calls the client is alike in every cell.
    Client,
    /// Of all that produces: in a driver a client's threads cannot be told from those that call it.
    Producing,
}

impl ProcessorTime {
    /// By which cells of these trials can be compared.
    pub(crate) fn of(results: &[&TrialResult]) -> Self {
        if results.iter().all(|result| result.in_process()) {
            Self::Client
        } else {
            Self::Producing
        }
    }

    /// The metric of it.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::Client => Metric::CpuPerRecord,
            Self::Producing => Metric::ProducingCpuPerRecord,
        }
    }

    /// What of it a trial used in its window, in nanoseconds.
    pub(crate) fn used_ns(self, result: &TrialResult) -> u64 {
        match self {
            Self::Client => result.window.cpu.client_ns,
            Self::Producing => result.window.producing_ns(),
        }
    }

    /// Whose it is, as a sentence.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Client => "Processor time is that of the client's own threads.",
            Self::Producing => {
                "Processor time is that of all that produces: of a driver the whole process, in the agent the threads of \
                 the client, of those that send and of those that take delivery reports, without what was spun away before \
                 deadlines."
            }
        }
    }
}
