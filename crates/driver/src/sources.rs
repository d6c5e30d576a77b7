//! The sources of the drivers, carried by the program so that `tribunal drivers install` needs nothing but it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

/// The folder of an environment that holds its sources.
pub(crate) const SOURCES: &str = "sources";
/// The folder of Python's venv.
pub(crate) const VENV: &str = "venv";
/// The file that Go's driver is.
pub(crate) const BINARY: &str = "tribunal-driver";

/// What drivers run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Python's clients, in a venv.
    Python,
    /// The Java client.
    Java,
    /// Go's client.
    Go,
}

/// A file of an environment: its path below the environment's folder in `drivers`, and its text.
pub(crate) type Source = (&'static str, &'static str);

macro_rules! sources {
    ($folder:literal: $($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../drivers/", $folder, "/", $path)))),*]
    };
}

const PYTHON: &[Source] = sources!["python":
    "build",
    "native/books.c",
    "native/native.h",
    "native/places.c",
    "requirements.txt",
    "tribunal_driver/__init__.py",
    "tribunal_driver/__main__.py",
    "tribunal_driver/block.py",
    "tribunal_driver/blocked.py",
    "tribunal_driver/confluent.py",
    "tribunal_driver/errors.py",
    "tribunal_driver/kafkapython.py",
    "tribunal_driver/librdkafka.py",
    "tribunal_driver/lines.py",
    "tribunal_driver/offsets.py",
    "tribunal_driver/recorder.py",
    "tribunal_driver/schedule.py",
    "tribunal_driver/sender.py",
    "tribunal_driver/session.py",
    "tribunal_driver/tally.py",
    "tribunal_driver/trial.py",
];
const JAVA: &[Source] = sources!["java":
    "build",
    "checksums.sha256",
    "pom.xml",
    "src/main/java/tribunal/driver/Alone.java",
    "src/main/java/tribunal/driver/Blocked.java",
    "src/main/java/tribunal/driver/Book.java",
    "src/main/java/tribunal/driver/Buckets.java",
    "src/main/java/tribunal/driver/Client.java",
    "src/main/java/tribunal/driver/Clock.java",
    "src/main/java/tribunal/driver/Content.java",
    "src/main/java/tribunal/driver/Curve.java",
    "src/main/java/tribunal/driver/Delivery.java",
    "src/main/java/tribunal/driver/Driver.java",
    "src/main/java/tribunal/driver/Failure.java",
    "src/main/java/tribunal/driver/Figures.java",
    "src/main/java/tribunal/driver/Lines.java",
    "src/main/java/tribunal/driver/Loop.java",
    "src/main/java/tribunal/driver/Main.java",
    "src/main/java/tribunal/driver/Messages.java",
    "src/main/java/tribunal/driver/Random.java",
    "src/main/java/tribunal/driver/Recorder.java",
    "src/main/java/tribunal/driver/Runs.java",
    "src/main/java/tribunal/driver/Schedule.java",
    "src/main/java/tribunal/driver/Sender.java",
    "src/main/java/tribunal/driver/Slice.java",
    "src/main/java/tribunal/driver/Tally.java",
    "src/main/java/tribunal/driver/Warnings.java",
    "src/main/java/tribunal/driver/Windows.java",
    "src/main/java/tribunal/driver/Worker.java",
    "src/main/resources/META-INF/services/org.slf4j.spi.SLF4JServiceProvider",
];
const GO: &[Source] = sources!["go":
    "blocked.go",
    "client.go",
    "clock.go",
    "curve.go",
    "faults.go",
    "go.mod",
    "go.sum",
    "histogram.go",
    "ledger.go",
    "loop.go",
    "main.go",
    "messages.go",
    "numbers.go",
    "partitioners.go",
    "producer.go",
    "properties.go",
    "reports.go",
    "room.go",
    "schedule.go",
    "security.go",
    "sender.go",
    "session.go",
    "trial.go",
    "wide.go",
];

impl Environment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Python, Self::Java, Self::Go];

    /// Its name, and that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Java => "java",
            Self::Go => "go",
        }
    }

    pub(crate) fn sources(self) -> &'static [Source] {
        match self {
            Self::Python => PYTHON,
            Self::Java => JAVA,
            Self::Go => GO,
        }
    }

    /// How its driver is started once it is made in this folder.
    pub(crate) fn command(self, folder: &Path) -> Command {
        let sources = folder.join(SOURCES);
        match self {
            Self::Python => {
                let mut command = Command::new(folder.join(VENV).join("bin/python3"));
                command.args(["-m", "tribunal_driver"]).env("PYTHONPATH", sources);
                command
            }
            Self::Java => {
                let mut command = Command::new("java");
                command.arg("-jar").arg(sources.join("target/tribunal-driver-java.jar"));
                command
            }
            Self::Go => Command::new(folder.join(BINARY)),
        }
    }
}

/// What an environment is made from: the SHA-256 of its sources, as hexadecimal text.
pub(crate) fn stamp(environment: Environment) -> String {
    let mut hash = Sha256::new();
    for (path, text) in environment.sources() {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as hexadecimal text.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files below a folder by their paths from it, but those that are made, and those for people and tests.
    fn files(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with('.')
                || matches!(
                    name.as_str(),
                    "target" | "loops" | "tests" | "__pycache__" | "README.md"
                )
                || entry.path().extension() == Some("so".as_ref())
            {
                continue;
            }
            let path = format!("{below}{name}");
            if entry.path().is_dir() {
                files(&entry.path(), &format!("{path}/"), found);
            } else if !path.ends_with("_test.go") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_program_carries_every_file_of_the_drivers() {
        for environment in Environment::ALL {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../drivers")
                .join(environment.name());
            let mut found = Vec::new();
            files(&folder, "", &mut found);
            found.sort();
            let mut carried: Vec<&str> = environment.sources().iter().map(|(path, _)| *path).collect();
            carried.sort_unstable();
            assert_eq!(carried, found);
            assert_eq!(stamp(environment).len(), 64);
        }
    }
}
