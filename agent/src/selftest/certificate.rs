//! The certificate: what a self-test found on a host, kept for the reports of experiments that the host takes part in.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tribunal_stats::facts::{BuildFacts, CertificateFacts, HostFacts};

use super::finding::{Finding, Outcome};
use crate::host;

/// The version of the file's form.
pub const SCHEMA: u32 = 1;
/// Its name in the folder of the store.
pub const FILE: &str = "certificate.json";

/// What a self-test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`SCHEMA`].
    pub schema_version: u32,
    /// The host's name.
    pub host: String,
    /// Its processor.
    pub cpu_model: String,
    /// Processors that the self-test could use.
    pub cores: u32,
    /// Its kernel.
    pub kernel: String,
    /// When the self-test ended: RFC 3339.
    pub date: String,
    /// The version that ran it.
    pub version: String,
    /// The version of librdkafka in it.
    pub librdkafka: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether all experiments were run.
    pub whole: bool,
    /// What each experiment found.
    pub findings: Vec<Finding>,
}

/// How a self-test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything holds.
    Holds,
    /// Something failed.
    Fails,
    /// Nothing failed, and for something the host was too noisy.
    Inconclusive,
}

/// Why there is no certificate to go by.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("no self-test has been kept in {path}; `tribunal selftest` makes one")]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the certificate {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no certificate.
    #[error("{path} is no certificate")]
    Form {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The file has another form.
    #[error("the certificate {path} has schema version {found}; this program knows {SCHEMA}")]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It was made elsewhere, by another version, or of a part.
    #[error("the certificate does not count here: its {what} is {found:?}, here it is {present:?}")]
    Other {
        /// In what it differs.
        what: &'static str,
        /// What it says.
        found: String,
        /// What is the case.
        present: String,
    },
    /// The file cannot be written.
    #[error("the certificate {path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Certificate {
    /// A certificate of this host, now.
    pub(super) fn new(findings: Vec<Finding>, whole: bool, took_ms: u64) -> Self {
        let (host, build) = (host::facts(), crate::build());
        Self {
            schema_version: SCHEMA,
            host: host.hostname,
            cpu_model: host.cpu_model,
            cores: host.cores,
            kernel: host.kernel,
            date: now(),
            version: build.version,
            librdkafka: build.librdkafka,
            took_ms,
            whole,
            findings,
        }
    }

    /// How many experiments came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.outcome == outcome)
            .count()
    }

    /// How it came out; nothing found is nothing held.
    pub fn verdict(&self) -> Verdict {
        if self.findings.is_empty() || self.count(Outcome::Fails) > 0 {
            Verdict::Fails
        } else if self.count(Outcome::TooNoisy) > 0 {
            Verdict::Inconclusive
        } else {
            Verdict::Holds
        }
    }

    /// What reports say of it.
    pub fn facts(&self) -> CertificateFacts {
        let named = |outcome: Outcome| {
            let those = self.findings.iter().filter(|finding| finding.outcome == outcome);
            those
                .map(|finding| format!("{} {}", finding.number, finding.title))
                .collect()
        };
        CertificateFacts {
            date: self.date.clone(),
            version: self.version.clone(),
            holds: self.count(Outcome::Holds) as u32,
            failed: named(Outcome::Fails),
            noisy: named(Outcome::TooNoisy),
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("invariant: text, numbers and lists are JSON") + "\n"
    }

    /// Whether it says something of this host and this version, whole.
    fn counts(self, host: &HostFacts, build: &BuildFacts) -> Result<Self, Error> {
        let part = if self.whole { "all" } else { "some" };
        let pairs = [
            ("host", &*self.host, &*host.hostname),
            ("processor", &*self.cpu_model, &*host.cpu_model),
            ("version", &*self.version, &*build.version),
            ("librdkafka", &*self.librdkafka, &*build.librdkafka),
            ("share of the experiments", part, "all"),
        ];
        if let Some((what, found, present)) = pairs.into_iter().find(|(_, found, present)| found != present) {
            return Err(Error::Other {
                what,
                found: found.to_owned(),
                present: present.to_owned(),
            });
        }
        Ok(self)
    }
}

/// Writes a certificate: into a file beside it, which is then renamed, so that there is never half of one.
pub fn save(certificate: &Certificate, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or(FILE.as_ref()));
    name.push(format!(".{}", std::process::id()));
    let beside = folder.join(name);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(certificate.json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|source| {
        // What is left of it helps nobody.
        let _ = fs::remove_file(&beside);
        failed(source)
    })
}

/// Reads a certificate that was made whole on this host by this version; else says why it does not count.
pub fn load(path: &Path) -> Result<Certificate, Error> {
    load_for(path, &host::facts(), &crate::build())
}

fn load_for(path: &Path, host: &HostFacts, build: &BuildFacts) -> Result<Certificate, Error> {
    let text = fs::read_to_string(path).map_err(|source| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Error::Absent { path }
        } else {
            Error::Read { path, source }
        }
    })?;
    let form = |source| Error::Form {
        path: path.to_owned(),
        source,
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(form)?;
    let schema = value.get("schema_version").and_then(serde_json::Value::as_u64);
    if let Some(found) = schema.filter(|found| *found != u64::from(SCHEMA)) {
        let path = path.to_owned();
        return Err(Error::Schema { path, found });
    }
    let certificate: Certificate = serde_json::from_value(value).map_err(form)?;
    certificate.counts(host, build)
}

/// The wall clock, for people.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(outcomes: &[Outcome]) -> Certificate {
        let finding = |(number, outcome): (u32, &Outcome)| Finding {
            number,
            title: format!("experiment {number}"),
            outcome: *outcome,
            expected: "p99.9 181.0 ms ± 1.3 ms".to_owned(),
            measured: "p99.9 181.4 ms".to_owned(),
            note: String::new(),
        };
        Certificate::new((1..).zip(outcomes).map(finding).collect(), true, 123_456)
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tribunal-certificate-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_certificate_comes_back_as_it_was_and_nothing_is_left_beside_it() {
        let folder = folder("back");
        let path = folder.join("deep").join(FILE);
        assert!(matches!(load(&path), Err(Error::Absent { .. })));
        let first = certificate(&[Outcome::Fails]);
        let second = certificate(&[Outcome::Holds, Outcome::TooNoisy]);
        save(&first, &path).unwrap();
        save(&second, &path).unwrap();
        assert_eq!(load(&path).unwrap(), second);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_certificate_of_another_host_or_version_or_of_a_part_does_not_count() {
        let folder = folder("other");
        let path = folder.join(FILE);
        let (host, build) = (host::facts(), crate::build());
        let refused = |change: &dyn Fn(&mut Certificate)| {
            let mut other = certificate(&[Outcome::Holds]);
            change(&mut other);
            save(&other, &path).unwrap();
            load_for(&path, &host, &build).unwrap_err().to_string()
        };
        let other = |word: &str| word.to_owned() + "-other";
        assert!(refused(&|c| c.host = other(&c.host)).contains("its host is"));
        assert!(refused(&|c| c.cpu_model = other(&c.cpu_model)).contains("its processor is"));
        assert!(refused(&|c| c.version = "0.0.9".to_owned()).contains("its version is \"0.0.9\", here"));
        assert!(refused(&|c| c.librdkafka = other(&c.librdkafka)).contains("its librdkafka is"));
        assert!(refused(&|c| c.whole = false).contains("is \"some\", here it is \"all\""));
        assert!(refused(&|c| c.schema_version = 2).contains("schema version 2"));
        fs::write(&path, "{}").unwrap();
        assert!(matches!(load(&path), Err(Error::Form { .. })));
        fs::write(&path, "{").unwrap();
        assert!(matches!(load(&path), Err(Error::Form { .. })));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_of_this_schema_is_read() {
        let text = include_str!("certificate.v1.json");
        let read: Certificate = serde_json::from_str(text).unwrap();
        assert_eq!((read.schema_version, read.findings.len()), (SCHEMA, 2));
        assert_eq!(read.json(), text);
    }

    #[test]
    fn the_verdict_is_that_of_the_worst_and_its_facts_name_what_did_not_hold() {
        use Outcome::{Fails, Holds, TooNoisy};
        let verdict = |outcomes: &[Outcome]| certificate(outcomes).verdict();
        assert_eq!(verdict(&[Holds, Holds]), Verdict::Holds);
        assert_eq!(verdict(&[Holds, TooNoisy]), Verdict::Inconclusive);
        assert_eq!(verdict(&[Holds, TooNoisy, Fails]), Verdict::Fails);
        assert_eq!(verdict(&[]), Verdict::Fails);
        let facts = certificate(&[Holds, TooNoisy, Fails]).facts();
        assert_eq!(facts.holds, 1);
        assert_eq!(
            (facts.failed, facts.noisy),
            (vec!["3 experiment 3".to_owned()], vec!["2 experiment 2".to_owned()])
        );
    }
}
