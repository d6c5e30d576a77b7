//! What the broker does with a request: changes its state, and says what is answered when.

use std::ops::Range;
use std::sync::Arc;

use crate::answers::{self, Address, Described, Placed, Setting};
use crate::code::Code;
use crate::codec::Writer;
use crate::outbox::{Act, Answer, Due};
use crate::partition::Outcome;
use crate::requests::{Body, InitProducerId, NewTopic, OfTopic, Produce, Request, Resource};
use crate::script::{Cost, Fault, Script};
use crate::topics::{InvalidTopic, NODE, Topics};
use crate::truth::{Journal, Produced, Totals, Truth};

/// Kinds of resources that have settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// The longest topic name that is kept of a request for a topic that is not there.
const LONGEST_NAME: usize = 249;

/// The state of the broker. It does no I/O and has no clock: its methods are told the instants.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) topics: Topics,
    pub(crate) script: Script,
    pub(crate) totals: Totals,
    journal: Journal,
    address: Address,
    /// When the one server of [`Service::Rate`](crate::Service::Rate) will be free, in work time; with its fraction, so
    /// that rounding does not add up.
    free: f64,
    /// The instant from which `free` counts, so that it stays exact to far below a nanosecond.
    origin_ns: i64,
    next_producer: i64,
}

/// When a request arrived, in both times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) connection: u64,
    pub(crate) at_ns: i64,
    pub(crate) work_ns: i64,
}

impl Broker {
    pub(crate) fn new(topics: Topics, script: Script, capacity: usize, address: Address, origin_ns: i64) -> Self {
        Self {
            topics,
            script,
            totals: Totals::default(),
            journal: Journal::new(capacity),
            address,
            free: 0.0,
            origin_ns,
            next_producer: 1,
        }
    }

    /// Does what a request asks for; the answer, if there is one.
    pub(crate) fn handle(&mut self, request: &Request<'_>, arrival: Arrival) -> Option<Answer> {
        let version = request.version;
        let mut w = Writer::new(request.correlation);
        match &request.body {
            Body::Produce(produce) => return self.produce(produce, request, arrival),
            Body::ListOffsets(topics) => answers::list_offsets(&mut w, version, &self.offsets(topics)),
            Body::Metadata(names) => self.metadata(&mut w, version, names.as_deref()),
            Body::FindCoordinator { transactions } => answers::find_coordinator(&mut w, version, *transactions),
            Body::ApiVersions => answers::api_versions(&mut w, version),
            Body::CreateTopics { topics, validate_only } => {
                let made: Vec<_> = topics
                    .iter()
                    .map(|new| (new.name, self.create(new, *validate_only)))
                    .collect();
                answers::create_topics(&mut w, version, &made);
            }
            Body::DeleteTopics(names) => {
                let code = |deleted| {
                    if deleted {
                        Code::NONE
                    } else {
                        Code::UNKNOWN_TOPIC_OR_PARTITION
                    }
                };
                let gone: Vec<_> = names
                    .iter()
                    .map(|name| (*name, code(self.topics.delete(name))))
                    .collect();
                answers::delete_topics(&mut w, version, &gone);
            }
            Body::InitProducerId(init) => {
                let (code, producer, epoch) = self.init_producer(*init);
                answers::init_producer_id(&mut w, version, code, producer, epoch);
            }
            Body::DescribeConfigs(resources) => {
                let described: Vec<_> = resources.iter().map(|resource| self.describe(resource)).collect();
                answers::describe_configs(&mut w, version, &described);
            }
        }
        Some(Answer {
            due: Due::At(arrival.at_ns),
            act: Act::Send(w.finish()),
            entries: 0..0,
            produce: false,
        })
    }

    /// Notes that the answer to a produce request left; `None` takes it back.
    pub(crate) fn answered(&mut self, entries: Range<usize>, due_ns: i64, answered_ns: Option<i64>) {
        if answered_ns.is_some() {
            self.totals.answered += 1;
        } else {
            self.totals.answered = self.totals.answered.saturating_sub(1);
        }
        self.journal.answered(entries, due_ns, answered_ns);
    }

    pub(crate) fn truth(&self) -> Truth {
        Truth {
            ends: self.topics.ends(),
            produced: self.journal.entries(),
            totals: self.totals,
        }
    }

    fn produce(&mut self, produce: &Produce<'_>, request: &Request<'_>, arrival: Arrival) -> Option<Answer> {
        let number = self.totals.produce_requests;
        let first_record = self.totals.records_arrived;
        let batches = produce
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .flat_map(|(_, batches)| batches);
        let records: u64 = batches.map(|batch| u64::from(batch.records)).sum();
        self.totals.produce_requests += 1;
        self.totals.records_arrived += records;
        self.totals.last_arrival_ns = Some(arrival.at_ns);

        let mut fault = self.script.fault(number, first_record, records, arrival.at_ns);
        if !matches!(produce.acks, -1..=1) {
            fault = Some(Fault::Error(Code::INVALID_REQUIRED_ACKS));
        }
        let due = self.due(self.script.cost(number, records), arrival);
        let from = self.journal.len();
        let placed = self.place(produce, fault, number, arrival);
        let entries = from..self.journal.len();

        let failed = placed
            .iter()
            .flat_map(|topic| &topic.partitions)
            .any(|(_, code, _)| *code != Code::NONE);
        let act = match fault {
            Some(Fault::Silence { .. }) => return None,
            Some(Fault::Close { .. }) => Act::Close,
            _ if produce.acks == 0 && failed => Act::Close,
            _ if produce.acks == 0 => return None,
            _ => {
                let throttle_ms = match fault {
                    Some(Fault::Throttle(length)) => i32::try_from(length.as_millis()).unwrap_or(i32::MAX),
                    _ => 0,
                };
                let mut w = Writer::new(request.correlation);
                answers::produce(&mut w, request.version, &placed, throttle_ms);
                Act::Send(w.finish())
            }
        };
        Some(Answer {
            due,
            act,
            entries,
            produce: true,
        })
    }

    /// Appends what is to be appended, and keeps an entry for each partition.
    fn place<'a>(
        &mut self,
        produce: &Produce<'a>,
        fault: Option<Fault>,
        number: u64,
        arrival: Arrival,
    ) -> Vec<OfTopic<'a, Placed>> {
        let mut all = Vec::with_capacity(produce.topics.len());
        for OfTopic { topic, partitions } in &produce.topics {
            let name = self
                .topics
                .shared_name(topic)
                .unwrap_or_else(|| Arc::from(topic.chars().take(LONGEST_NAME).collect::<String>()));
            let mut placed = Vec::with_capacity(partitions.len());
            for (partition, batches) in partitions {
                let twice = fault == Some(Fault::Duplicate);
                let (outcome, base_offset) = match (fault, self.topics.partition(topic, *partition)) {
                    (Some(Fault::Error(code)), _) => (Outcome::Refused(code), None),
                    (Some(Fault::Silence { appended: false } | Fault::Close { appended: false }), _) => {
                        (Outcome::Discarded, None)
                    }
                    (_, None) => (Outcome::Refused(Code::UNKNOWN_TOPIC_OR_PARTITION), None),
                    (_, Some(state)) => {
                        let before = state.end;
                        let appended = state.append(batches, twice);
                        self.totals.records_appended += (state.end - before) as u64;
                        (appended.outcome, appended.base_offset)
                    }
                };
                let kept = self.journal.push(Produced {
                    request: number,
                    connection: arrival.connection,
                    topic: Arc::clone(&name),
                    partition: *partition,
                    records: batches
                        .iter()
                        .fold(0, |sum: u32, batch| sum.saturating_add(batch.records)),
                    bytes: batches
                        .iter()
                        .fold(0, |sum: u32, batch| sum.saturating_add(batch.bytes)),
                    arrived_ns: arrival.at_ns,
                    due_ns: None,
                    answered_ns: None,
                    base_offset,
                    outcome,
                });
                self.totals.not_kept += u64::from(!kept);
                let code = match outcome {
                    Outcome::Refused(code) => code,
                    _ => Code::NONE,
                };
                placed.push((*partition, code, base_offset));
            }
            all.push(OfTopic {
                topic,
                partitions: placed,
            });
        }
        all
    }

    fn due(&mut self, cost: Cost, arrival: Arrival) -> Due {
        match cost {
            Cost::Delay(delay) => Due::At(arrival.at_ns.saturating_add(delay)),
            Cost::Work(work) => {
                let now = (arrival.work_ns - self.origin_ns) as f64;
                self.free = self.free.max(now) + work;
                Due::Work(self.origin_ns.saturating_add(self.free.ceil() as i64))
            }
        }
    }

    fn offsets<'a>(&mut self, topics: &[OfTopic<'a, (i32, i64)>]) -> Vec<OfTopic<'a, Placed>> {
        let mut offset = |topic, (partition, timestamp): &(i32, i64)| {
            let (code, offset) = match (self.topics.partition(topic, *partition), *timestamp) {
                (None, _) => (Code::UNKNOWN_TOPIC_OR_PARTITION, None),
                (Some(state), -1) => (Code::NONE, Some(state.end)),
                (Some(_), -2) => (Code::NONE, Some(0)),
                (Some(_), _) => (Code::UNSUPPORTED_FOR_MESSAGE_FORMAT, None),
            };
            (*partition, code, offset)
        };
        let of_topic = |of: &OfTopic<'a, (i32, i64)>| OfTopic {
            topic: of.topic,
            partitions: of.partitions.iter().map(|asked| offset(of.topic, asked)).collect(),
        };
        topics.iter().map(of_topic).collect()
    }

    fn metadata(&self, w: &mut Writer, version: i16, names: Option<&[&str]>) {
        let topics: Vec<_> = match names {
            Some(names) => names.iter().map(|name| (*name, self.topics.get(name))).collect(),
            None => self.topics.iter().map(|(name, state)| (&**name, Some(state))).collect(),
        };
        answers::metadata(w, version, self.address, &topics);
    }

    fn create(&mut self, new: &NewTopic<'_>, validate_only: bool) -> Code {
        let assigned = !new.assignments.is_empty();
        let partitions = match new.partitions {
            _ if assigned => new.assignments.len(),
            -1 => 1,
            count => usize::try_from(count).unwrap_or(0),
        };
        if assigned {
            let mut numbers: Vec<_> = new.assignments.iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            let gapless = (0..).zip(&numbers).all(|(expected, number)| expected == *number);
            if !gapless || new.assignments.iter().any(|(_, replicas)| replicas != &[NODE]) {
                return Code::INVALID_REPLICA_ASSIGNMENT;
            }
        } else if !matches!(new.replication, -1 | 1) {
            return Code::INVALID_REPLICATION_FACTOR;
        }
        let settings = new
            .settings
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
        let made = if validate_only {
            self.topics.check(new.name, partitions)
        } else {
            self.topics.create(new.name, partitions, settings.collect())
        };
        made.map_or_else(InvalidTopic::code, |()| Code::NONE)
    }

    /// A fresh producer id with epoch 0, or the next epoch of the one that the client has.
    fn init_producer(&mut self, init: InitProducerId) -> (Code, i64, i16) {
        let (producer, epoch) = init.current;
        if init.transactional {
            (Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, -1, -1)
        } else if (1..self.next_producer).contains(&producer) && (0..i16::MAX).contains(&epoch) {
            (Code::NONE, producer, epoch + 1)
        } else {
            let fresh = self.next_producer;
            self.next_producer += 1;
            (Code::NONE, fresh, 0)
        }
    }

    fn describe<'a>(&'a self, resource: &Resource<'a>) -> Described<'a> {
        let none = |code| Described {
            code,
            kind: resource.kind,
            name: resource.name,
            settings: Vec::new(),
        };
        let topic = match resource.kind {
            TOPIC => self.topics.get(resource.name),
            BROKER => return none(Code::NONE),
            _ => return none(Code::INVALID_REQUEST),
        };
        let Some(topic) = topic else {
            return none(Code::UNKNOWN_TOPIC_OR_PARTITION);
        };
        let wanted = |name: &str| resource.settings.as_ref().is_none_or(|names| names.contains(&name));
        let set = topic.settings.iter().map(|(name, value)| Setting {
            name,
            value,
            is_default: false,
        });
        let default = Setting {
            name: "min.insync.replicas",
            value: "1",
            is_default: true,
        };
        let is_set = topic.settings.iter().any(|(name, _)| name == default.name);
        let settings = set.chain((!is_set).then_some(default));
        Described {
            settings: settings.filter(|setting| wanted(setting.name)).collect(),
            ..none(Code::NONE)
        }
    }
}
