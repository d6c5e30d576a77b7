//! The repository's scripts, and the stories that are told only where they can be.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fmt};

/// Why what a script was asked for is not there.
#[derive(Debug)]
pub enum Error {
    /// No folder for the state of it could be made.
    Folder(io::Error),
    /// There were no free ports.
    Ports(io::Error),
    /// The script could not be run.
    Run {
        /// The script.
        script: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The script ran and did not do what it was asked.
    Failed {
        /// The script and its words.
        asked: String,
        /// What it wrote to its standard output and its standard error.
        said: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(_) => f.write_str("no folder for its state"),
            Self::Ports(_) => f.write_str("no free ports"),
            Self::Run { script, .. } => write!(f, "{} could not be run", script.display()),
            Self::Failed { asked, said } => write!(f, "`{asked}` did not work:\n{said}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder(source) | Self::Ports(source) | Self::Run { source, .. } => Some(source),
            Self::Failed { .. } => None,
        }
    }
}

/// A folder or file of the repository.
pub fn repository(path: &str) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest
        .ancestors()
        .nth(2)
        .expect("invariant: crates/testkit has two parents");
    if path.is_empty() {
        root.to_owned()
    } else {
        root.join(path)
    }
}

/// A script of the repository, without standard input.
pub(crate) fn script(path: &str) -> Command {
    let mut command = Command::new(repository(path));
    command.stdin(Stdio::null());
    command
}

/// Runs a script to its end; another exit code than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<Output, Error> {
    let path = PathBuf::from(command.get_program());
    let output = command.output().map_err(|source| Error::Run {
        script: path.clone(),
        source,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let words = std::iter::once(path.file_name().unwrap_or_default()).chain(command.get_args());
    let asked: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    Err(Error::Failed {
        asked: asked.join(" "),
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}

/// Stories that need more than Rust and are told when a variable of the environment is `required`.
pub(crate) struct Stories {
    pub(crate) variable: &'static str,
    pub(crate) what: &'static str,
    pub(crate) needs: &'static str,
}

impl Stories {
    /// Whether they are to be told. When they are not, that is said once, past the test harness's capture.
    pub(crate) fn required(&self) -> bool {
        let reason = self.skipped(env::var_os(self.variable).as_deref());
        if let Some(reason) = &reason {
            self.announce(reason);
        }
        reason.is_none()
    }

    fn skipped(&self, value: Option<&OsStr>) -> Option<String> {
        match value {
            None => Some(format!("{} is not set", self.variable)),
            Some(value) if value == "required" => None,
            Some(value) => Some(format!("{} is {}, not `required`", self.variable, value.display())),
        }
    }

    fn announce(&self, reason: &str) {
        use std::collections::BTreeSet;
        use std::sync::{Mutex, PoisonError};
        static ANNOUNCED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
        if !ANNOUNCED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(self.variable)
        {
            return;
        }
        let Self { variable, what, needs } = self;
        let notice = format!(
            "\nSKIPPED: {what} were left out ({reason}); to have them: {variable}=required cargo test --workspace \
             (needs {needs})\n"
        );
        // The harness captures what the printing macros write, and not what is written to the handle itself. A closed
        // terminal is no reason to fail a test.
        let _ = io::stderr().write_all(notice.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_required_requires_stories() {
        let stories = Stories {
            variable: "REAL_SUN",
            what: "stories under the sun",
            needs: "a sun",
        };
        let said = |value: Option<&str>| stories.skipped(value.map(OsStr::new));
        assert_eq!(said(Some("required")), None);
        assert_eq!(said(None), Some("REAL_SUN is not set".to_owned()));
        assert_eq!(said(Some("1")), Some("REAL_SUN is 1, not `required`".to_owned()));
    }

    #[test]
    fn a_script_that_fails_is_named_with_its_words_and_what_it_said() {
        let failed = run(script("lab/lab").arg("sunrise")).unwrap_err().to_string();
        assert!(
            failed.starts_with("`lab sunrise` did not work:\n") && failed.contains("unknown verb 'sunrise'"),
            "{failed}"
        );
        let absent = run(&mut script("lab/none")).unwrap_err().to_string();
        assert!(absent.ends_with("lab/none could not be run"), "{absent}");
    }
}
