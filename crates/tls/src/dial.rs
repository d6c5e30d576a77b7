//! Connections to a coordinator, and why there is none.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::identity::Identity;

/// How an HTTP/2 client begins: the preface and no settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The first byte of an alert in TLS.
const ALERT: u8 = 0x15;
/// How long an answer to it is awaited.
const ASK: Duration = Duration::from_secs(2);

/// Why the two ends do not trust each other, in the words of the end that dials.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The coordinator's certificate is no good.
    #[error("the coordinator's certificate {wrong}")]
    Theirs {
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The coordinator's certificate was signed by another CA, or by nobody.
    #[error("the coordinator's certificate is not signed by the CA in {ca}")]
    Foreign {
        /// The CA that is trusted here.
        ca: PathBuf,
    },
    /// The coordinator's certificate is for other hosts.
    #[error("the coordinator's certificate is not for {host}; dial a name it is for, or issue it with `--host {host}`")]
    WrongName {
        /// Who was dialled.
        host: String,
    },
    /// The coordinator does not accept the certificate of this end.
    #[error("the coordinator does not accept the certificate in {certificate}: {because}")]
    Ours {
        /// The certificate.
        certificate: PathBuf,
        /// Why not.
        because: &'static str,
    },
    /// The coordinator has no certificates.
    #[error("the coordinator answers without TLS; start it with certificates, or dial http://")]
    Plaintext,
    /// The coordinator has certificates, and was dialled without.
    #[error("the coordinator wants TLS; dial https:// with --tls-ca, --tls-certificate and --tls-key")]
    WantsTls,
    /// Something else of ours listens there: the HTTP endpoint.
    #[error("what listens there is no coordinator; is it the port of --listen?")]
    NoCoordinator,
    /// Something that ought not to happen.
    #[error("no TLS with the coordinator: {0}")]
    Other(rustls::Error),
}

/// Dials with a certificate: what a gRPC channel is made with.
#[derive(Clone, Debug)]
pub struct Connector {
    identity: Identity,
}

impl Connector {
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity }
    }

    async fn connect(self, uri: Uri) -> io::Result<TokioIo<TlsStream<TcpStream>>> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "it is no address");
        let host = uri.host().ok_or_else(invalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| invalid())?;
        let tcp = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443))).await?;
        tcp.set_nodelay(true)?;
        let refused = |error: io::Error| match tls_error(&error) {
            Some(cause) => io::Error::other(self.refusal(cause, &host)),
            None => error,
        };
        let mut stream = TlsConnector::from(self.identity.client.clone())
            .connect(name, tcp)
            .await
            .map_err(refused)?;
        // In TLS 1.3 the handshake ends here before the server has looked at our certificate. It speaks first once it
        // has accepted it, so what is read now is its settings, or its refusal.
        if stream.fill_buf().await.map_err(refused)?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(TokioIo::new(stream))
    }

    fn refusal(&self, error: &rustls::Error, host: &str) -> Refusal {
        let files = &self.identity.files;
        match error {
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Refusal::WrongName { host: host.to_owned() },
            rustls::Error::InvalidCertificate(error) => match what_is_wrong(error) {
                Some(FOREIGN) => Refusal::Foreign { ca: files.ca.clone() },
                Some(wrong) => Refusal::Theirs { wrong },
                None => Refusal::Other(error.clone().into()),
            },
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Refusal::Plaintext,
            rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => Refusal::NoCoordinator,
            rustls::Error::AlertReceived(alert) => Refusal::Ours {
                certificate: files.certificate.clone(),
                because: match alert {
                    AlertDescription::UnknownCA | AlertDescription::DecryptError => "another CA signed it",
                    AlertDescription::CertificateExpired => "it has expired, by the coordinator's clock",
                    _ => "its log says why",
                },
            },
            error => Refusal::Other(error.clone()),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// What a channel is given for an address, with a [`Connector`] or without: tonic takes `https` for its own TLS.
pub fn uri(url: &str) -> String {
    url.replacen("https://", "http://", 1)
}

/// Whether who listens at `http://HOST:PORT` answers plaintext with an alert, as TLS does.
pub async fn wants_tls(url: &str) -> bool {
    let place = url.trim_start_matches("http://").trim_end_matches('/');
    let ask = async {
        let mut stream = TcpStream::connect(place).await?;
        stream.write_all(PREFACE).await?;
        stream.read_u8().await
    };
    matches!(timeout(ASK, ask).await, Ok(Ok(ALERT)))
}

/// The refusal among the causes of an error of a channel, if there is one.
pub fn refusal(error: &(dyn StdError + 'static)) -> Option<Refusal> {
    find(error).cloned()
}

/// What TLS says among the causes of an error.
pub(crate) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    find(error)
}

/// Looks into I/O errors as well, which do not tell what they wrap as their source.
fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped));
    }
    None
}

const FOREIGN: &str = "is not signed by the CA that is trusted here";

/// What is wrong with somebody's certificate.
pub(crate) fn what_is_wrong(error: &CertificateError) -> Option<&'static str> {
    Some(match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; `tribunal certs issue NAME --renew` makes another"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; compare the clocks"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => FOREIGN,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not for clients and servers"
        }
        _ => return None,
    })
}
