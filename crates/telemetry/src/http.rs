//! The HTTP endpoint: `/metrics` and `/healthz`.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tribunal_tls::{Acceptor, Insecure, Listener, Security};

/// The routes that every program of ours serves; more can be merged in.
pub fn metrics(registry: Registry) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(move || std::future::ready(exposition(&registry))))
}

/// Why the endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, not ours, or not allowed.
    #[error("{address} cannot be listened on")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address is for certificates only, and there are none.
    #[error(transparent)]
    Insecure(#[from] Insecure),
}

/// An address that is open and not yet served on.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    acceptor: Option<Acceptor>,
}

impl Bound {
    /// The address; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Opens the address to be served on: in plaintext on loopback, for holders of certificates elsewhere.
pub async fn bind(address: SocketAddr, security: &Security) -> Result<Bound, Error> {
    let acceptor = security.http(address)?;
    let failed = |source| Error::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound {
        listener,
        address,
        acceptor,
    })
}

/// Serves `routes` until `shutdown` is over, and what is being answered then.
pub async fn serve(
    bound: Bound,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let Some(acceptor) = bound.acceptor else {
        return axum::serve(bound.listener, routes)
            .with_graceful_shutdown(shutdown)
            .await;
    };
    axum::serve(Secured(acceptor.listen(bound.listener)), routes)
        .with_graceful_shutdown(shutdown)
        .await
}

/// What axum takes connections from.
struct Secured(Listener);

impl axum::serve::Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// Everything in Prometheus' text format.
fn exposition(registry: &Registry) -> impl IntoResponse + use<> {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    encoder
        .encode(&registry.gather(), &mut text)
        .expect("invariant: writing to memory cannot fail");
    ([(CONTENT_TYPE, encoder.format_type().to_owned())], text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    use tribunal_tls::{Files, Identity, Plaintext};

    use super::*;
    use crate::coordinator::CoordinatorMetrics;

    async fn answer(path: &str) -> String {
        let bound = bind(([127, 0, 0, 1], 0).into(), &Security::default()).await.unwrap();
        let address = bound.address();
        let routes = metrics(CoordinatorMetrics::new().registry());
        let mut server = Box::pin(serve(bound, routes, std::future::pending()));
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::select! {
            answer = ask => answer,
            ended = &mut server => panic!("{ended:?}"),
        }
    }

    #[tokio::test]
    async fn a_scrape_gets_the_text_format_with_help_and_type() {
        let answer = answer("/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
        assert!(
            answer.contains("# HELP tribunal_coordinator_agents ")
                && answer.contains("# TYPE tribunal_coordinator_agents gauge")
        );
    }

    #[tokio::test]
    async fn a_probe_gets_an_ok() {
        assert!(answer("/healthz").await.ends_with("\r\n\r\nok\n"));
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let taken = bind(([127, 0, 0, 1], 0).into(), &Security::default()).await.unwrap();
        let address = taken.address();
        let error = bind(address, &Security::default()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{address} cannot be listened on"));
    }

    #[tokio::test]
    async fn a_client_that_stops_half_way_does_not_hold_up_the_shutdown() {
        let bound = bind(([127, 0, 0, 1], 0).into(), &Security::default()).await.unwrap();
        let address = bound.address();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let routes = metrics(CoordinatorMetrics::new().registry());
        let server = serve(bound, routes, async { drop(stopped.await) });
        let client = async {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
                .await
                .unwrap();
            let mut first = [0; 15];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200 OK");
            stop.send(()).unwrap();
            stream
        };
        let both = async { tokio::join!(server, client) };
        let (ended, _stream) = tokio::time::timeout(std::time::Duration::from_secs(10), both)
            .await
            .expect("the server ends");
        ended.unwrap();
    }

    #[tokio::test]
    async fn beyond_loopback_an_answer_takes_a_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let files = certified(folder.path());
        let everywhere = ([0, 0, 0, 0], 0).into();
        assert!(matches!(
            bind(everywhere, &Security::default()).await,
            Err(Error::Insecure(_))
        ));
        let security = Security::new(Some(Identity::load(files.clone()).unwrap()), Plaintext::Loopback);
        // As there, and bound here: a test is not for the network.
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let bound = Bound {
            listener,
            address,
            acceptor: security.http(everywhere).unwrap(),
        };
        let routes = metrics(CoordinatorMetrics::new().registry());
        let mut server = Box::pin(serve(bound, routes, std::future::pending()));
        let ask = async {
            let with = asked(address, client(&files, true)).await.unwrap();
            let without = asked(address, client(&files, false)).await.unwrap_err();
            (with, without.to_string())
        };
        let (with, without) = tokio::select! {
            answers = ask => answers,
            ended = &mut server => panic!("{ended:?}"),
        };
        assert!(with.ends_with("\r\n\r\nok\n"), "{with}");
        assert!(without.contains("CertificateRequired"), "{without}");
    }

    /// A certificate for 127.0.0.1, and its CA.
    fn certified(folder: &std::path::Path) -> Files {
        let (ca_key, key) = (rcgen::KeyPair::generate().unwrap(), rcgen::KeyPair::generate().unwrap());
        let mut ca = rcgen::CertificateParams::default();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "a");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ca_file = file("ca.pem", &ca.self_signed(&ca_key).unwrap().pem());
        let issuer = rcgen::Issuer::new(ca, ca_key);
        Files {
            ca: ca_file,
            certificate: file("a.pem", &params.signed_by(&key, &issuer).unwrap().pem()),
            key: file("a.key", &key.serialize_pem()),
        }
    }

    /// A scraper, with its certificate or without.
    fn client(files: &Files, with: bool) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&files.ca).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        if with {
            let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        } else {
            config.with_no_client_auth()
        }
    }

    async fn asked(address: SocketAddr, config: ClientConfig) -> std::io::Result<String> {
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("127.0.0.1".try_into().unwrap(), stream).await?;
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}
