//! What a certificate says.

use std::net::IpAddr;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName};
use tribunal_model::ids::AgentName;
use x509_parser::prelude::{GeneralName, parse_x509_certificate};

/// What comes before an agent's name in the URI of its certificate.
///
/// Not the DNS name says who an agent is: DNS names know no case, are shorter than agents' names may be, and a
/// certificate has those of all its hosts.
pub const AGENT_URI: &str = "tribunal:";

/// The facts of a certificate that people and checks want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The names of agents that it is for.
    pub agents: Vec<String>,
    /// The DNS names and addresses that it is for.
    pub hosts: Vec<String>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// The first second of its life since 1970.
    pub not_before: i64,
    /// The last.
    pub not_after: i64,
    /// The public key, without its algorithm.
    pub public_key: Vec<u8>,
}

impl Facts {
    /// Reads a certificate; nothing when it cannot be understood.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let (mut agents, mut hosts) = (Vec::new(), Vec::new());
        if let Some(names) = certificate.subject_alternative_name().ok()? {
            for name in &names.value.general_names {
                match name {
                    GeneralName::DNSName(name) => hosts.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => hosts.push(address(bytes)?.to_string()),
                    GeneralName::URI(uri) => agents.extend(uri.strip_prefix(AGENT_URI).map(str::to_owned)),
                    _ => {}
                }
            }
        }
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            agents,
            hosts,
            is_ca: certificate.is_ca(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }

    /// Reads the first certificate of a file in PEM form.
    pub fn of_pem(pem: &[u8]) -> Option<Self> {
        Self::of_der(&CertificateDer::from_pem_slice(pem).ok()?)
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Whether TLS takes a text for a DNS name.
pub fn is_dns_name(text: &str) -> bool {
    DnsName::try_from(text).is_ok()
}

/// An agent came with a certificate that is not its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("agent {agent} came with the certificate of {owner}; issue its own with `tribunal certs issue {agent}`")]
pub struct NotTheirs {
    agent: AgentName,
    owner: String,
}

/// That a certificate is for the agent of this name.
pub fn belongs_to(certificate: &[u8], agent: &AgentName) -> Result<(), NotTheirs> {
    let facts = Facts::of_der(certificate);
    let theirs = facts.as_ref().map_or(&[][..], |facts| &facts.agents);
    if theirs.iter().any(|name| name == agent.as_str()) {
        return Ok(());
    }
    let owner = match (&facts, theirs) {
        (Some(facts), []) => format!("{}, which names no agent", facts.subject),
        (None, _) => "somebody unknown".to_owned(),
        (_, names) => names.join(", "),
    };
    Err(NotTheirs {
        agent: agent.clone(),
        owner,
    })
}
