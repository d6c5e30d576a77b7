//! The only crate that names rdkafka, and the only one with unsafe code.
//!
//! The load path ([`client`], [`producer`], [`reports`]) goes straight over librdkafka's C interface, so that nothing of
//! ours is allocated or locked per record. So do topics and offsets ([`admin`]). The unsafe modules own every C object
//! they hand out; the others are safe code over them.

pub mod admin;
mod assignment;
mod catalogue;
pub mod check;
pub mod client;
mod codes;
pub mod consumer;
mod event;
mod heard;
pub mod mock;
mod native;
mod opaque;
pub mod prime;
pub mod producer;
pub mod reports;
pub mod resolve;
mod stamp;
mod statistics;

pub use assignment::assignment;
pub use client::{Client, ClientSpec, KafkaControl};
pub use consumer::{ConsumerSpec, KafkaConsumer, Received};
pub use mock::Mock;
pub use prime::{Primed, PrimedPartition, prime};
pub use producer::KafkaProducer;
pub use reports::KafkaReports;
pub use resolve::{ResolvedProperties, resolve};
pub use statistics::KafkaStatistics;

/// Versions of what drives the clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// librdkafka, as it says itself.
    pub librdkafka: String,
    /// The rdkafka crate.
    pub rdkafka: &'static str,
}

/// The versions in this build.
pub fn versions() -> Versions {
    Versions {
        librdkafka: native::version(),
        rdkafka: RDKAFKA,
    }
}

/// The rdkafka crate does not tell its version; a test holds this against the lock file.
const RDKAFKA: &str = "0.39.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let versions = versions();
        assert!(lock.contains(&format!("name = \"rdkafka\"\nversion = \"{}\"", versions.rdkafka)));
        assert!(lock.contains(&format!(
            "name = \"rdkafka-sys\"\nversion = \"4.10.0+{}\"",
            versions.librdkafka
        )));
    }
}
