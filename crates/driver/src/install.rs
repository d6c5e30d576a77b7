//! Making drivers' environments from the sources that the program carries and from pinned, hashed packages.
//!
//! An environment is made in a folder beside its own and put in its place when it is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::programs::STAMP;
use crate::sources::{BINARY, Environment, SOURCES, VENV, stamp};

/// Lines of a failed command that are shown.
const SHOWN: usize = 5;

/// Why an environment cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that it takes is missing.
    #[error("{environment}: {program} is not on this host's PATH; install {what}")]
    NoProgram {
        /// The environment.
        environment: &'static str,
        /// The program.
        program: &'static str,
        /// What brings it.
        what: &'static str,
    },
    /// A command failed.
    #[error("{environment}: `{command}` failed: {last}")]
    Failed {
        /// The environment.
        environment: &'static str,
        /// The command.
        command: String,
        /// Its last lines.
        last: String,
    },
    /// A file cannot be written or read.
    #[error("{path}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The programs that an environment is made with, and what brings them.
fn programs(environment: Environment) -> &'static [(&'static str, &'static str)] {
    match environment {
        Environment::Python => &[
            ("python3", "Python 3.9 or newer with its venv module and its headers"),
            ("cc", "a C compiler"),
        ],
        Environment::Java => &[("java", "a JDK 17 or newer"), ("mvn", "Maven 3.8 or newer")],
        Environment::Go => &[("go", "Go 1.24 or newer")],
    }
}

/// Makes an environment below `folder`.
pub fn install(environment: Environment, folder: &Path) -> Result<(), Error> {
    let name = environment.name();
    for (program, what) in programs(environment) {
        if !on_path(program) {
            return Err(Error::NoProgram {
                environment: name,
                program,
                what,
            });
        }
    }
    let file = |path: &Path, source| Error::File {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(|error| file(folder, error))?;
    let beside = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(folder)
        .map_err(|error| file(folder, error))?;
    let new = beside.path();
    for (path, text) in environment.sources() {
        let path = new.join(SOURCES).join(path);
        let parent = path.parent().unwrap_or(new);
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| file(&path, error))?;
    }
    match environment {
        Environment::Python => python(new)?,
        Environment::Java => java(new)?,
        Environment::Go => go(new)?,
    }
    let stamped = new.join(STAMP);
    std::fs::write(&stamped, stamp(environment)).map_err(|error| file(&stamped, error))?;
    let place = folder.join(name);
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(|error| file(&place, error))?;
    }
    let made = beside.keep();
    std::fs::rename(&made, &place).map_err(|error| file(&place, error))
}

/// A venv with the pinned packages; the driver is run from its sources, what it does for each record compiled first.
fn python(new: &Path) -> Result<(), Error> {
    let venv = new.join(VENV);
    run(
        Environment::Python,
        Command::new("python3").args(["-m", "venv"]).arg(&venv),
    )?;
    let requirements = new.join(SOURCES).join("requirements.txt");
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
    ];
    let python = venv.join("bin/python3");
    run(Environment::Python, Command::new(&python).args(pip).arg(requirements))?;
    run(
        Environment::Python,
        Command::new(&python).arg("build").current_dir(new.join(SOURCES)),
    )
}

/// A jar and a folder of the packages, each compared with its pinned hash by the script that makes them.
fn java(new: &Path) -> Result<(), Error> {
    run(
        Environment::Java,
        Command::new("bash").arg("build").current_dir(new.join(SOURCES)),
    )
}

/// A binary; go.sum has the hashes of what it is made of.
fn go(new: &Path) -> Result<(), Error> {
    let mut build = Command::new("go");
    let binary = new.join(BINARY);
    build
        .args(["build", "-trimpath", "-mod=readonly", "-o"])
        .arg(binary)
        .arg(".");
    run(Environment::Go, build.current_dir(new.join(SOURCES)))
}

fn run(environment: Environment, command: &mut Command) -> Result<(), Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let shown: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let failed = |last: String| Error::Failed {
        environment: environment.name(),
        command: shown.join(" "),
        last,
    };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let lines: Vec<&str> = text
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.trim().is_empty())
        .collect();
    Err(failed(lines[lines.len().saturating_sub(SHOWN)..].join(" / ")))
}

/// Whether a program is found by its name.
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
