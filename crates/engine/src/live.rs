//! The fates of a producer's records, to be read by anybody while they are being counted.

use std::sync::atomic::{AtomicU64, Ordering};

use tribunal_stats::Fates;

/// Fates so far. One thread publishes, once per batch; reading is free and may see one fate newer than another.
#[derive(Debug, Default)]
pub struct LiveFates([AtomicU64; 7]);

impl LiveFates {
    /// Replaces the fates so far by these, which are never fewer.
    pub fn publish(&self, fates: &Fates) {
        let Fates {
            scheduled,
            acknowledged,
            not_written,
            possibly_written,
            unresolved,
            shed,
            unsent,
        } = *fates;
        let all = [
            scheduled,
            acknowledged,
            not_written,
            possibly_written,
            unresolved,
            shed,
            unsent,
        ];
        for (live, count) in self.0.iter().zip(all) {
            live.store(count, Ordering::Relaxed);
        }
    }

    /// The fates so far.
    pub fn read(&self) -> Fates {
        let [
            scheduled,
            acknowledged,
            not_written,
            possibly_written,
            unresolved,
            shed,
            unsent,
        ] = self.0.each_ref().map(|live| live.load(Ordering::Relaxed));
        Fates {
            scheduled,
            acknowledged,
            not_written,
            possibly_written,
            unresolved,
            shed,
            unsent,
        }
    }
}

/// The fates that a producer's threads know of: its sender those of records that the client did not take, its report
/// thread all others.
#[derive(Debug, Default)]
pub struct Live {
    pub(crate) sender: LiveFates,
    pub(crate) reports: LiveFates,
}

impl Live {
    /// The fates so far.
    pub fn fates(&self) -> Fates {
        let mut fates = self.sender.read();
        fates.add(&self.reports.read());
        fates
    }

    /// Publishes the fates of a producer that has no threads here.
    pub fn publish(&self, fates: &Fates) {
        self.reports.publish(fates);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_threads_know_is_added_up() {
        let live = Live::default();
        let sender = Fates {
            scheduled: 10,
            shed: 2,
            not_written: 1,
            ..Fates::default()
        };
        let reports = Fates {
            acknowledged: 6,
            not_written: 1,
            ..Fates::default()
        };
        live.sender.publish(&sender);
        live.publish(&reports);
        let fates = live.fates();
        assert_eq!(
            (fates.scheduled, fates.acknowledged, fates.not_written, fates.shed),
            (10, 6, 2, 2)
        );
    }
}
