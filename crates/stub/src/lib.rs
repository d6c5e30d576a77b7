//! A small scriptable broker that speaks enough of Kafka's protocol for producers and for an audit of end offsets.
//!
//! It is the known truth opposite a measurement: a producer sends to a [`Stub`], and the stub knows when each produce
//! request arrived, when its answer left, and what was appended where ([`Truth`]). How long answers take is scripted
//! ([`Service`]), and so are stalls ([`Stub::stall`]) and faults ([`Rule`]).
//!
//! What it is: one broker with id [`NODE`], leader of all partitions, on a free port of 127.0.0.1, two threads per
//! connection. It keeps no records, only offsets; it reads batches of message format v2 without decompressing them and
//! without checking their checksums; it speaks plain text.
//!
//! # Time
//!
//! All instants are nanoseconds of this host's `CLOCK_MONOTONIC`. A request *arrives* when its last byte has been read,
//! and is appended at that very moment; an answer *leaves* just before it is handed to the socket. Requests go on being
//! read and appended while answers wait. Answers of one connection leave in the order of its requests, as Kafka's do;
//! unlike Kafka, which works on one request per connection at a time, the delays of [`Service::Constant`],
//! [`Service::Exponential`] and [`Service::Pareto`] begin at arrival and overlap.
//!
//! # What it does not do
//!
//! It serves no Fetch: the API is announced, because librdkafka deduces the message format from it, but a client that
//! sends one is cut off. There are no consumer groups, no transactions, no automatic creation of topics.

mod answers;
mod batch;
mod broker;
mod clock;
mod code;
mod codec;
mod connection;
mod outbox;
mod partition;
mod requests;
mod script;
mod server;
mod stalls;
mod topics;
mod truth;

pub use clock::now_ns;
pub use code::Code;
pub use partition::Outcome;
pub use script::{Fault, InvalidScript, Rule, Script, Service, When};
pub use server::{Error, Stub};
pub use topics::{InvalidTopic, NODE, Topic};
pub use truth::{End, Produced, Totals, Truth};
