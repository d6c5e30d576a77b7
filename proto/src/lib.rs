//! The wire: generated types and their conversions.
//!
//! Domain messages are in [`session`] and [`control`]; what travels is in [`pb`]. A domain message becomes a wire
//! message by `From`, which cannot fail; a wire message becomes a domain message by `TryFrom`, whose [`Invalid`] names
//! the field at fault. Conversions name every field of both sides, so that a new one does not compile until it is
//! carried. Wire types are named only here and in the session modules at the edges of coordinator and agent.

pub mod control;
mod convert;
pub mod session;
#[cfg(test)]
mod tests;

pub use convert::Invalid;

/// The limit that both edges set for encoded and decoded messages, in bytes.
///
/// The largest message is an agent's report. With 4 producers, each with a topic of 12 partitions, and two kinds of
/// errors it takes 90 kB, and 1.4 MB where latencies are spread over every bucket of all 21 distributions. That does not
/// grow with the number of records and hardly with that of producers, but by three distributions with every further
/// kind of error, so that gRPC's default of 4 MiB could be passed by a trial in which much goes wrong. Offsets come on
/// top: a million records take 8 kB in batches of 500, and 125 kB where agents take turns record by record.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

pub mod pb {
    //! Generated from `tribunal/v1/*.proto`: messages, and the client and server of both services.
    #![expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::pedantic,
        reason = "generated code"
    )]

    tonic::include_proto!("tribunal.v1");
}
