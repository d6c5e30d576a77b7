//! A program's own certificate and key, and the CA that it trusts.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, RootCertStore, ServerConfig};

use crate::certificate::Facts;

/// A certificate that ends within this is worth a word.
const SOON: i64 = 30 * 86_400;

/// Where a program's certificates are, all in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The CA that signs everybody's certificates.
    pub ca: PathBuf,
    /// The program's own certificate, with those between it and the CA if there are any.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIdentity {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM form")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        what: &'static str,
    },
    /// A certificate or key cannot be understood.
    #[error("the {what} in {path} cannot be understood")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        what: &'static str,
    },
    /// It is too late for the certificate.
    #[error("the certificate in {path} expired on {day}; `tribunal certs` makes new ones")]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        day: String,
    },
    /// It is too early for the certificate.
    #[error("the certificate in {path} is not valid before {day}; is the clock right?")]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it will be.
        day: String,
    },
    /// The certificate has no signature but its own.
    #[error("the certificate in {certificate} is self-signed; it has to be signed by the CA in {ca}")]
    SelfSigned {
        /// The certificate.
        certificate: PathBuf,
        /// The CA.
        ca: PathBuf,
    },
    /// Another CA signed the certificate.
    #[error("the certificate in {certificate} is not signed by the CA in {ca}")]
    Foreign {
        /// The certificate.
        certificate: PathBuf,
        /// The CA.
        ca: PathBuf,
    },
    /// The certificate is for something else.
    #[error("the certificate in {certificate} is not for clients and servers: {source}")]
    Purpose {
        /// The certificate.
        certificate: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The key is another certificate's.
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    WrongKey {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

/// A certificate with its key and CA, checked and ready for use; cheap to clone.
#[derive(Clone)]
pub struct Identity {
    pub(crate) files: Arc<Files>,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.files).finish()
    }
}

impl Identity {
    /// Reads and checks the files, once: the certificate is valid now, signed by the CA, and the key is its own.
    ///
    /// A certificate that ends soon and a key that others can read are warned of.
    pub fn load(files: Files) -> Result<Self, InvalidIdentity> {
        let provider = Arc::new(ring::default_provider());
        let cas = certificates(&files.ca)?;
        let chain = certificates(&files.certificate)?;
        let key = key(&files.key)?;
        let facts = valid_now(&chain[0], &files.certificate)?;
        valid_now(&cas[0], &files.ca)?;
        let mut roots = RootCertStore::empty();
        for ca in cas {
            roots.add(ca).map_err(|_| unreadable(&files.ca, "certificate"))?;
        }
        let roots = Arc::new(roots);
        signed(&chain, &roots, &provider).map_err(|error| match error {
            rustls::Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            ) => InvalidIdentity::Purpose {
                certificate: files.certificate.clone(),
                source: error,
            },
            _ if facts.subject == facts.issuer => InvalidIdentity::SelfSigned {
                certificate: files.certificate.clone(),
                ca: files.ca.clone(),
            },
            _ => InvalidIdentity::Foreign {
                certificate: files.certificate.clone(),
                ca: files.ca.clone(),
            },
        })?;
        CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => InvalidIdentity::WrongKey {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            },
            _ => unreadable(&files.key, "private key"),
        })?;
        let left = facts.not_after - now();
        if left < SOON {
            tracing::warn!(
                certificate = %files.certificate.display(),
                "the certificate ends on {}, in {} days; `tribunal certs issue NAME --renew` makes another",
                day(facts.not_after),
                left / 86_400
            );
        }
        Ok(Self {
            client: Arc::new(client(
                &provider,
                roots.clone(),
                chain.clone(),
                key.clone_key(),
                &files,
            )?),
            server: Arc::new(server(&provider, roots, chain, key, &files)?),
            files: Arc::new(files),
        })
    }
}

fn client(
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    files: &Files,
) -> Result<ClientConfig, InvalidIdentity> {
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .and_then(|builder| builder.with_root_certificates(roots).with_client_auth_cert(chain, key))
        .map_err(|_| unreadable(&files.certificate, "certificate"))?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn server(
    provider: &Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    files: &Files,
) -> Result<ServerConfig, InvalidIdentity> {
    let everybody = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|_| unreadable(&files.ca, "certificate"))?;
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(everybody)
                .with_single_cert(chain, key)
        })
        .map_err(|_| unreadable(&files.certificate, "certificate"))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// That the CA has signed the certificate, for servers and for clients.
fn signed(
    chain: &[CertificateDer<'static>],
    roots: &Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<(), rustls::Error> {
    let (leaf, between) = (&chain[0], &chain[1..]);
    let now = UnixTime::now();
    let algorithms = provider.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&ParsedCertificate::try_from(leaf)?, roots, between, now, algorithms)?;
    let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    clients.verify_client_cert(leaf, between, now).map(|_| ())
}

/// All certificates of a file; at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidIdentity> {
    let what = "certificate";
    let bytes = read(path)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|_| not_pem(path, what))?;
    if found.is_empty() {
        return Err(not_pem(path, what));
    }
    Ok(found)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, InvalidIdentity> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| not_pem(path, "private key"))?;
    // It was read a moment ago.
    let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!("the key {path} can be read by others than its owner; `chmod 600 {path}` changes that");
    }
    Ok(key)
}

fn valid_now(certificate: &CertificateDer<'_>, path: &Path) -> Result<Facts, InvalidIdentity> {
    let facts = Facts::of_der(certificate).ok_or_else(|| unreadable(path, "certificate"))?;
    if facts.not_after < now() {
        return Err(InvalidIdentity::Expired {
            path: path.to_owned(),
            day: day(facts.not_after),
        });
    }
    if now() < facts.not_before {
        return Err(InvalidIdentity::NotYetValid {
            path: path.to_owned(),
            day: day(facts.not_before),
        });
    }
    Ok(facts)
}

/// The wall clock in seconds since 1970.
pub fn now() -> i64 {
    UnixTime::now().as_secs() as i64
}

/// The day of a second since 1970, for people.
pub fn day(second: i64) -> String {
    let instant = jiff::Timestamp::from_second(second).map(|instant| instant.to_string());
    instant.map_or_else(|_| "a day far away".to_owned(), |text| text.chars().take(10).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, InvalidIdentity> {
    std::fs::read(path).map_err(|source| InvalidIdentity::Read {
        path: path.to_owned(),
        source,
    })
}

fn not_pem(path: &Path, what: &'static str) -> InvalidIdentity {
    InvalidIdentity::NotPem {
        path: path.to_owned(),
        what,
    }
}

fn unreadable(path: &Path, what: &'static str) -> InvalidIdentity {
    InvalidIdentity::Unreadable {
        path: path.to_owned(),
        what,
    }
}
