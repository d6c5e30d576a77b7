//! The HTTP endpoint: `/metrics` and `/healthz`.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;

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
}

/// Opens the address to be served on.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind { address, source })
}

/// Serves `routes` until `shutdown` is over, and what is being answered then.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, routes).with_graceful_shutdown(shutdown).await
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::metrics::CoordinatorMetrics;

    async fn answer(path: &str) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = metrics(CoordinatorMetrics::new().registry());
        let mut server = Box::pin(serve(listener, routes, std::future::pending()));
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
        let taken = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind(address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{address} cannot be listened on"));
    }

    #[tokio::test]
    async fn a_client_that_stops_half_way_does_not_hold_up_the_shutdown() {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let routes = metrics(CoordinatorMetrics::new().registry());
        let server = serve(listener, routes, async { drop(stopped.await) });
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
}
