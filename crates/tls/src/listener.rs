//! Connections from outside, whose handshake has succeeded.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::{InvalidMessage, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::dial::{tls_error, what_is_wrong};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at a time; more connections wait in the kernel's queue.
const MOST: usize = 256;
/// The pause after the system has refused a connection: it has no descriptor left, most likely.
const PAUSE: Duration = Duration::from_secs(1);
/// Of how many hosts the last refusal is remembered, so that it is told once.
const REMEMBERED: usize = 1024;

/// Lets in who has a certificate.
#[derive(Clone, Debug)]
pub struct Acceptor(Arc<ServerConfig>);

impl Acceptor {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Self(config)
    }

    /// Takes over a listener.
    pub fn listen(self, tcp: TcpListener) -> Listener {
        Listener {
            tcp,
            acceptor: TlsAcceptor::from(self.0),
            handshakes: JoinSet::new(),
            refused: HashMap::new(),
        }
    }
}

/// A listener that does a handshake with whoever comes, several at a time and each within ten seconds: one who is slow
/// keeps nobody else waiting.
pub struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<(SocketAddr, io::Result<TlsStream<TcpStream>>)>,
    refused: HashMap<IpAddr, String>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.tcp).finish()
    }
}

impl Listener {
    /// The next connection whose handshake has succeeded. Nothing is lost when this is given up.
    pub async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        loop {
            tokio::select! {
                accepted = self.tcp.accept(), if self.handshakes.len() < MOST => match accepted {
                    Ok((stream, peer)) => self.begin(stream, peer),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(PAUSE).await;
                    }
                },
                Some(done) = self.handshakes.join_next() => match done {
                    Ok((peer, Ok(stream))) => {
                        self.refused.remove(&peer.ip());
                        return (stream, peer);
                    }
                    Ok((peer, Err(error))) => self.refuse(peer, &error),
                    Err(error) => tracing::error!(%error, "a handshake went wrong"),
                },
            }
        }
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    fn begin(&mut self, stream: TcpStream, peer: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes.spawn(async move {
            // Only slower without.
            let _ = stream.set_nodelay(true);
            let done = timeout(HANDSHAKE, acceptor.accept(stream)).await;
            let late = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "it was too slow"));
            (peer, done.unwrap_or_else(late))
        });
    }

    /// Tells why somebody was not let in, once for each host and reason: agents try again twice a second.
    fn refuse(&mut self, peer: SocketAddr, error: &io::Error) {
        let reason = reason(error);
        if self.refused.get(&peer.ip()) == Some(&reason) {
            return;
        }
        tracing::warn!(%peer, reason, "a connection was refused");
        if REMEMBERED <= self.refused.len() {
            self.refused.clear();
        }
        self.refused.insert(peer.ip(), reason);
    }
}

fn reason(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::NoCertificatesPresented) => "it showed no certificate".to_owned(),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => "it spoke without TLS".to_owned(),
        Some(rustls::Error::InvalidCertificate(error)) => match what_is_wrong(error) {
            Some(wrong) => format!("its certificate {wrong}"),
            None => format!("its certificate is no good: {error}"),
        },
        Some(rustls::Error::AlertReceived(alert)) => format!("it does not accept our certificate: {alert:?}"),
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}
