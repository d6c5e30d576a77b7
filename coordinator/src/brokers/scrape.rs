//! One reading of a broker's metrics over HTTP.

use std::time::Duration;

use http::header::{ACCEPT, CONNECTION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tribunal_model::plan::MetricsAddress;

/// The longest answer that is read. An exporter without rules tells some 2 MB of a small broker.
const LONGEST: usize = 8 << 20;

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("no HTTP answer")]
    Http(#[source] hyper::Error),
    #[error("its answer was cut short")]
    Cut(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("its answer was {0}")]
    Status(StatusCode),
    #[error("its answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("its answer is no text")]
    NotText,
    #[error("it cannot be asked")]
    Request(#[source] http::Error),
}

/// What the exporter answers within `patience` when it is asked for some metrics by `name[]`; one that does not know that
/// tells all of them. An address that asks for something itself is left as it is.
pub(super) async fn scrape(address: &MetricsAddress, names: &[&str], patience: Duration) -> Result<String, Error> {
    let mut path = address.path().to_owned();
    if !path.contains('?') {
        for (place, name) in names.iter().enumerate() {
            path.push(if place == 0 { '?' } else { '&' });
            path.push_str("name%5B%5D=");
            path.push_str(name);
        }
    }
    let answer = timeout(patience, ask(&address.authority(), &path)).await;
    answer.map_err(|_| Error::TimedOut(patience))?
}

async fn ask(authority: &str, path: &str) -> Result<String, Error> {
    let stream = TcpStream::connect(authority).await.map_err(Error::Connect)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(Error::Http)?;
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "text/plain; version=0.0.4")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(Error::Request)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(Error::Http)?;
        if response.status() != StatusCode::OK {
            return Err(Error::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::TooLong
            } else {
                Error::Cut(error)
            }
        })?;
        String::from_utf8(body.to_bytes().into()).map_err(|_| Error::NotText)
    };
    // The connection moves the bytes; what is wrong with it is told by the answer.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
