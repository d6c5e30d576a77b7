//! What one group member received, counted as it comes.
//!
//! Like the recorder of a producer it does nothing by itself: a thread feeds it, and so can a test.

use std::collections::BTreeMap;

pub use tribunal_stats::Mark;
use tribunal_stats::{ConsumerSecond, Followed, Follower, ReadBack, ReceivedPartition};

use crate::reader::Reader;

/// Different client errors that are kept; more are counted under `(others)`.
const ERRORS_KEPT: usize = 32;
const SECOND: i64 = 1_000_000_000;

/// One partition of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset that it begins at.
    pub offset: i64,
}

/// Owner of what one member received.
#[derive(Debug)]
pub struct Receiver {
    group: u32,
    member: u32,
    /// Coordinator's clock − this agent's, for the whole seconds.
    offset_ns: i64,
    places: Vec<Place>,
    received: Vec<ReceivedPartition>,
    /// The offset after the highest one received.
    positions: Vec<i64>,
    followed: Follower,
    /// Where records are read back.
    reader: Option<Reader>,
    seconds: Vec<ConsumerSecond>,
    /// Records since the last whole second.
    records: u64,
    next_second: i64,
    errors: BTreeMap<(String, String), u64>,
}

/// What a member has received in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberEnd {
    /// By group, topic and partition.
    pub partitions: BTreeMap<(u32, String, i32), ReceivedPartition>,
    /// One a second.
    pub seconds: Vec<ConsumerSecond>,
    /// The group, and the receipts of followed records.
    pub followed: (u32, Followed),
    /// What was read back, where records are read back.
    pub read_back: Option<ReadBack>,
    /// Errors: name, text, how often.
    pub errors: Vec<(String, String, u64)>,
}

impl Receiver {
    /// A receiver before its first record, at `now` of the agent's clock.
    pub fn new(group: u32, member: u32, places: Vec<Place>, followed: Follower, offset_ns: i64, now: i64) -> Self {
        Self {
            group,
            member,
            offset_ns,
            received: vec![ReceivedPartition::default(); places.len()],
            positions: places.iter().map(|place| place.offset).collect(),
            places,
            followed,
            reader: None,
            seconds: Vec::new(),
            records: 0,
            next_second: (now + offset_ns).div_euclid(SECOND) + 1,
            errors: BTreeMap::new(),
        }
    }

    /// The same, reading back what so many producers write.
    #[must_use]
    pub fn reading_back(mut self, producers: u32) -> Self {
        self.reader = Some(Reader::new(producers));
        self
    }

    /// Counts a record that was received at `now`; `mark` is who it says that it is of, where records are read back.
    pub fn record(&mut self, now: i64, place: usize, offset: i64, bytes: u64, mark: Option<Mark>) {
        let (Some(own), Some(position)) = (self.received.get_mut(place), self.positions.get_mut(place)) else {
            return;
        };
        let new = own.offsets.insert(offset);
        own.bytes += bytes;
        if let Some(reader) = self.reader.as_mut().filter(|_| new) {
            reader.record(place, offset >= *position, mark);
        }
        if offset < *position {
            own.backwards += 1;
        } else {
            *position = offset + 1;
        }
        self.followed.add_run(place as u32, offset, 1, now);
        self.records += 1;
    }

    /// Notes an error.
    pub fn error(&mut self, code: &str, text: String) {
        let key = (code.to_owned(), text);
        if self.errors.len() < ERRORS_KEPT || self.errors.contains_key(&key) {
            *self.errors.entry(key).or_default() += 1;
        } else {
            *self.errors.entry((String::new(), "(others)".to_owned())).or_default() += 1;
        }
    }

    /// When the next whole second of the coordinator's clock is, on this agent's.
    pub fn next_look(&self) -> i64 {
        self.next_second * SECOND - self.offset_ns
    }

    /// Records behind the end of a log.
    pub fn lag(&self, place: usize, end: i64) -> u64 {
        let position = self.positions.get(place).copied().unwrap_or(end);
        (end - position).max(0) as u64
    }

    /// At a whole second: how the member stands to the ends of its logs.
    pub fn look(&mut self, now: i64, ends: impl Fn(usize) -> Option<i64>) {
        let mut second = ConsumerSecond {
            group: self.group,
            member: self.member,
            second: (now + self.offset_ns).div_euclid(SECOND),
            records: std::mem::take(&mut self.records),
            ..ConsumerSecond::default()
        };
        for place in 0..self.places.len() {
            let Some(end) = ends(place) else { continue };
            let lag = self.lag(place, end);
            let own = &mut self.received[place];
            own.lag_max = own.lag_max.max(lag);
            second.lag += lag;
            second.lag_max = second.lag_max.max(lag);
        }
        self.next_second = second.second + 1;
        self.seconds.push(second);
    }

    /// Whether every partition was read up to its end; one without an end was.
    pub fn through(&self, ends: &BTreeMap<(String, i32), i64>) -> bool {
        self.left(ends).all(|left| left == 0)
    }

    fn left<'a>(&'a self, ends: &'a BTreeMap<(String, i32), i64>) -> impl Iterator<Item = u64> + 'a {
        let end = |place: &Place| ends.get(&(place.topic.clone(), place.partition)).copied();
        (0..)
            .zip(&self.places)
            .map(move |(at, place)| end(place).map_or(0, |end| self.lag(at, end)))
    }

    /// The end: what was received, and what is left before the logs' ends.
    pub fn finish(mut self, ends: &BTreeMap<(String, i32), i64>) -> MemberEnd {
        let left: Vec<u64> = self.left(ends).collect();
        let mut partitions = BTreeMap::new();
        for ((place, mut received), left) in self.places.iter().zip(std::mem::take(&mut self.received)).zip(left) {
            received.lag_end = left;
            partitions.insert((self.group, place.topic.clone(), place.partition), received);
        }
        let name = |at: u32| {
            let place = &self.places[at as usize];
            (place.topic.clone(), place.partition)
        };
        MemberEnd {
            partitions,
            seconds: self.seconds,
            followed: (self.group, self.followed.finish(name)),
            read_back: self.reader.map(Reader::finish),
            errors: self
                .errors
                .into_iter()
                .map(|((code, text), times)| (code, text, times))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(places: i32) -> Receiver {
        let place = |partition| Place {
            topic: "t".into(),
            partition,
            offset: 5,
        };
        Receiver::new(
            1,
            2,
            (0..places).map(place).collect(),
            Follower::new(0, 100),
            250_000_000,
            0,
        )
    }

    #[test]
    fn lag_is_what_lies_between_position_and_end_at_the_coordinators_whole_seconds() {
        let mut receiver = receiver(2);
        assert_eq!(receiver.next_look(), 750_000_000);
        for offset in 5..8 {
            receiver.record(1, 0, offset, 10, None);
        }
        receiver.look(750_000_000, |place| Some([10, 9][place]));
        assert_eq!(receiver.next_look(), 1_750_000_000);
        receiver.record(2, 1, 5, 10, None);
        receiver.look(1_760_000_000, |place| (place == 1).then_some(6));
        let ends = BTreeMap::from([(("t".to_owned(), 0), 10), (("t".to_owned(), 1), 6)]);
        assert!(!receiver.through(&ends));
        receiver.record(3, 0, 8, 10, None);
        receiver.record(3, 0, 9, 10, None);
        assert!(receiver.through(&ends));
        let end = receiver.finish(&ends);
        let lags: Vec<_> = end
            .seconds
            .iter()
            .map(|s| (s.second, s.records, s.lag, s.lag_max))
            .collect();
        assert_eq!(lags, [(1, 3, 6, 4), (2, 1, 0, 0)]);
        let first = &end.partitions[&(1, "t".to_owned(), 0)];
        assert_eq!(
            (first.lag_max, first.lag_end, first.offsets.count(), first.bytes),
            (2, 0, 5, 50)
        );
        assert_eq!(end.followed.1.count(), 6);
    }

    #[test]
    fn a_record_received_twice_is_repeated_and_backwards_and_what_is_left_is_told() {
        let mut receiver = receiver(1);
        for offset in [5, 6, 5] {
            receiver.record(1, 0, offset, 1, None);
        }
        let end = receiver.finish(&BTreeMap::from([(("t".to_owned(), 0), 9)]));
        let own = &end.partitions[&(1, "t".to_owned(), 0)];
        assert_eq!((own.offsets.repeated(), own.backwards, own.lag_end), (1, 1, 2));
    }

    #[test]
    fn a_record_received_twice_is_read_back_once() {
        let mut receiver = receiver(1).reading_back(1);
        for (offset, sequence) in [(5, 0), (6, 1), (7, 1), (6, 1), (8, 2)] {
            let mark = Some(Mark::Scheduled { producer: 0, sequence });
            receiver.record(1, 0, offset, 1, mark);
        }
        let end = receiver.finish(&BTreeMap::new());
        let own = &end.partitions[&(1, "t".to_owned(), 0)];
        assert_eq!((own.offsets.count(), own.offsets.repeated()), (4, 1));
        let read = &end.read_back.expect("asked for").producers[&0];
        // Two records of the log say that they are number 1; the one that came again is no third.
        assert_eq!(
            (read.sequences.count(), read.sequences.repeated(), read.reordered),
            (3, 1, 0)
        );
    }
}
