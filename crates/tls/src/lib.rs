//! Certificates: loading, checking, listening and dialling with them, and where plaintext is allowed.
//!
//! Both ends of a connection show a certificate that the same CA has signed; there is no way with a certificate on one
//! end only. Only TLS 1.3 is spoken and no session is resumed, so every connection checks both certificates.

mod certificate;
mod dial;
mod identity;
mod listener;
mod security;
#[cfg(test)]
mod tests;

pub use self::certificate::{AGENT_URI, Facts, NotTheirs, belongs_to, is_dns_name};
pub use self::dial::{Connector, Refusal, refusal, uri, wants_tls};
pub use self::identity::{Files, Identity, InvalidIdentity, day, now};
pub use self::listener::{Acceptor, Listener};
pub use self::security::{Insecure, Plaintext, Security, is_loopback};
