//! A real Prometheus for integration tests.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::script::{Error, Stories};
use crate::{http, ports, wait};

/// Whether stories with a Prometheus are told.
const STORIES: Stories = Stories {
    variable: "REAL_PROMETHEUS",
    what: "stories that a Prometheus watches",
    needs: "Prometheus and promtool, on Debian: apt-get install prometheus",
};
/// How long it may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// A Prometheus that lasts as long as this value.
#[derive(Debug)]
pub struct Prometheus {
    port: u16,
    // Before the folder that it writes to.
    _process: Process,
    _folder: TempDir,
}

/// One series of an answer: its labels, and its values with their instants in seconds of the wall clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels, the name under `__name__`.
    pub labels: Value,
    /// Instants and values.
    pub values: Vec<(f64, f64)>,
}

impl Series {
    /// A label's value; empty where there is none.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Prometheus {
    /// One that scrapes as `configuration` says, when `REAL_PROMETHEUS=required`; otherwise none, which is announced.
    pub fn start_if_required(configuration: &str) -> Result<Option<Self>, Error> {
        STORIES.required().then(|| Self::start(configuration)).transpose()
    }

    fn start(configuration: &str) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("tribunal-prometheus-")
            .tempdir()
            .map_err(Error::Folder)?;
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, configuration).map_err(Error::Folder)?;
        let port = ports::free(1).map_err(Error::Ports)?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn");
        let prometheus = Self {
            port,
            _process: Process::start(command),
            _folder: folder,
        };
        let ready = || http::get(port, "/-/ready").filter(|answer| answer.starts_with("HTTP/1.0 200"));
        wait::until(READY, "Prometheus to be ready", ready).map_err(|_| Error::Failed {
            asked: "prometheus".to_owned(),
            said: "it is not ready".to_owned(),
        })?;
        Ok(prometheus)
    }

    /// Where it is asked, `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What an expression gives at an instant of the wall clock, or now. A range selector gives all its values.
    pub fn query(&self, expression: &str, at: Option<f64>) -> Vec<Series> {
        let at = at.map_or_else(String::new, |at| format!("&time={at}"));
        let path = format!("/api/v1/query?query={}{at}", encoded(expression));
        let answer = http::get(self.port, &path).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        assert_eq!(answer["status"], "success", "{expression}: {body}");
        let series = |one: &Value| {
            let values = one.get("values").and_then(Value::as_array);
            let values = values.map_or_else(
                || one.get("value").map(point).into_iter().collect(),
                |all| all.iter().map(point).collect(),
            );
            Series {
                labels: one["metric"].clone(),
                values,
            }
        };
        let result = answer["data"]["result"].as_array();
        result.map_or_else(Vec::new, |all| all.iter().map(series).collect())
    }
}

fn point(pair: &Value) -> (f64, f64) {
    let value = pair[1].as_str().and_then(|text| text.parse().ok());
    (pair[0].as_f64().unwrap_or(f64::NAN), value.unwrap_or(f64::NAN))
}

/// As a query of a URL wants it.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
