//! Which connections are secured, and which may go without.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::dial::Connector;
use crate::identity::Identity;
use crate::listener::Acceptor;

/// Where plaintext is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plaintext {
    /// On this host only.
    #[default]
    Loopback,
    /// On any network, as somebody has asked for by name.
    Network,
}

/// How a program's connections are secured; without certificates and on loopback only by default. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Security {
    identity: Option<Identity>,
    plaintext: Plaintext,
}

/// What will not be done without certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Insecure {
    /// Listening in plaintext where others can reach it.
    #[error(
        "{address} is not loopback, so it is not listened on without certificates: make them with `tribunal certs` and \
         give --tls-ca, --tls-certificate and --tls-key, or --allow-plaintext-network"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
    },
    /// Dialling in plaintext over a network.
    #[error(
        "{url} is not loopback, so it is not dialled without TLS: use https:// with --tls-ca, --tls-certificate and \
         --tls-key (`tribunal certs` makes them), or --allow-plaintext-network"
    )]
    Dial {
        /// The coordinator's address.
        url: String,
    },
    /// TLS was asked for and cannot be had.
    #[error("{url} needs certificates: give --tls-ca, --tls-certificate and --tls-key (`tribunal certs` makes them)")]
    NoCertificates {
        /// The coordinator's address.
        url: String,
    },
}

impl Security {
    /// With certificates where they are given.
    pub fn new(identity: Option<Identity>, plaintext: Plaintext) -> Self {
        Self { identity, plaintext }
    }

    /// How agents and command lines are let in at `address`: with certificates where there are any.
    pub fn grpc(&self, address: SocketAddr) -> Result<Option<Acceptor>, Insecure> {
        match &self.identity {
            Some(identity) => Ok(Some(acceptor(identity, b"h2"))),
            None => self.plain(address),
        }
    }

    /// How scrapers and browsers are let in at `address`: without certificates on loopback.
    pub fn http(&self, address: SocketAddr) -> Result<Option<Acceptor>, Insecure> {
        match &self.identity {
            Some(identity) if !is_loopback(address.ip()) => Ok(Some(acceptor(identity, b"http/1.1"))),
            _ => self.plain(address),
        }
    }

    fn plain(&self, address: SocketAddr) -> Result<Option<Acceptor>, Insecure> {
        if is_loopback(address.ip()) || self.plaintext == Plaintext::Network {
            Ok(None)
        } else {
            Err(Insecure::Listen { address })
        }
    }

    /// How the coordinator at `http://HOST:PORT` or `https://HOST:PORT` is dialled; nothing is in plaintext.
    pub fn dial(&self, url: &str) -> Result<Option<Connector>, Insecure> {
        match (url.strip_prefix("http://"), &self.identity) {
            (Some(place), _) if is_local(place) || self.plaintext == Plaintext::Network => Ok(None),
            (Some(_), _) => Err(Insecure::Dial { url: url.to_owned() }),
            (None, Some(identity)) => Ok(Some(Connector::new(identity.clone()))),
            (None, None) => Err(Insecure::NoCertificates { url: url.to_owned() }),
        }
    }
}

fn acceptor(identity: &Identity, protocol: &[u8]) -> Acceptor {
    let mut config = rustls::ServerConfig::clone(&identity.server);
    config.alpn_protocols = vec![protocol.to_vec()];
    Acceptor::new(Arc::new(config))
}

/// Whether nobody outside this host gets there.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The same of `HOST:PORT`. Names other than `localhost` are not looked up: what they mean may change.
pub(crate) fn is_local(place: &str) -> bool {
    let place = place.trim_end_matches('/');
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}
