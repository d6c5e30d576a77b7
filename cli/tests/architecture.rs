//! The arrows between the crates, and what keeps the tree tidy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Who may use whom among our crates (ARCHITECTURE.md).
const ARROWS: [(&str, &[&str]); 14] = [
    (
        "tribunal",
        &[
            "tribunal-coordinator",
            "tribunal-agent",
            "tribunal-driver",
            "tribunal-kafka",
            "tribunal-report",
            "tribunal-stats",
            "tribunal-telemetry",
            "tribunal-tls",
            "tribunal-model",
        ],
    ),
    (
        "tribunal-coordinator",
        &[
            "tribunal-proto",
            "tribunal-kafka",
            "tribunal-report",
            "tribunal-telemetry",
            "tribunal-tls",
            "tribunal-stats",
            "tribunal-model",
        ],
    ),
    (
        "tribunal-agent",
        &[
            "tribunal-driver",
            "tribunal-engine",
            "tribunal-kafka",
            "tribunal-proto",
            "tribunal-stub",
            "tribunal-telemetry",
            "tribunal-tls",
            "tribunal-stats",
            "tribunal-model",
        ],
    ),
    ("tribunal-kafka", &["tribunal-engine", "tribunal-model"]),
    (
        "tribunal-driver",
        &["tribunal-engine", "tribunal-stats", "tribunal-model"],
    ),
    ("tribunal-engine", &["tribunal-stats", "tribunal-model"]),
    ("tribunal-proto", &["tribunal-stats", "tribunal-model"]),
    ("tribunal-report", &["tribunal-stats", "tribunal-model"]),
    ("tribunal-stats", &["tribunal-model"]),
    (
        "tribunal-telemetry",
        &["tribunal-tls", "tribunal-stats", "tribunal-model"],
    ),
    ("tribunal-tls", &["tribunal-model"]),
    ("tribunal-stub", &["tribunal-model"]),
    ("tribunal-model", &[]),
    // A tool of the lab; no part of the product.
    ("tribunal-netdelay", &[]),
];

/// For tests only, where it may use anything.
const TESTKIT: &str = "tribunal-testkit";

/// Libraries with one home.
const HOMES: [(&str, &[&str]); 8] = [
    ("nfq", &["tribunal-netdelay"]),
    ("rdkafka", &["tribunal-kafka"]),
    ("rdkafka-sys", &["tribunal-kafka"]),
    (
        "tonic",
        &["tribunal-proto", "tribunal-coordinator", "tribunal-agent", TESTKIT],
    ),
    ("prost", &["tribunal-proto"]),
    ("prometheus", &["tribunal-telemetry"]),
    ("rustls", &["tribunal-tls"]),
    ("rcgen", &["tribunal", "tribunal-tls", "tribunal-telemetry"]),
];

/// The files that may name generated types: all of `proto`, the edges of coordinator and agent, and the scripted fleet.
const WIRE: [&str; 6] = [
    "proto/",
    "coordinator/src/client.rs",
    "coordinator/src/session.rs",
    "coordinator/src/control.rs",
    "agent/src/session.rs",
    "crates/testkit/src/fleet",
];

/// Names that say nothing about what a module owns.
const BANNED_MODULES: [&str; 5] = ["utils", "helpers", "common", "manager", "types"];

const LONGEST_FILE: usize = 700;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("cli is in the workspace")
        .to_owned()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.other_options(["--offline".to_owned()]);
    command.exec().expect("cargo knows this workspace")
}

/// Name and kind of each dependency, each pair once.
fn dependencies(package: &Package) -> BTreeSet<(String, bool)> {
    package
        .dependencies
        .iter()
        .map(|d| (d.name.clone(), d.kind == DependencyKind::Development))
        .collect()
}

/// Every source file of ours with its path from the root.
fn sources() -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                visit(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&root(), &mut found);
    found.sort();
    let root = root();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap_or(path).to_string_lossy().into_owned();
    // A file may vanish while somebody edits the tree.
    found
        .iter()
        .filter_map(|path| Some((relative(path), std::fs::read_to_string(path).ok()?)))
        .collect()
}

/// The lines of a source that are code.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn only_the_arrows_of_the_design_exist() {
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        let name = package.name.as_str();
        let allowed = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, allowed)| *allowed);
        if allowed.is_none() && name != TESTKIT {
            wrong.push(format!(
                "{name} is not in the design; give it its arrows here and in ARCHITECTURE.md"
            ));
        }
        for (other, for_tests) in dependencies(package) {
            if !other.starts_with("tribunal") || name == TESTKIT || for_tests {
                continue;
            }
            if allowed.is_some_and(|allowed| !allowed.contains(&other.as_str())) {
                wrong.push(format!("{name} -> {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_with_one_home_are_named_there_only() {
    let mut wrong = Vec::new();
    for package in &metadata().packages {
        for (other, _) in dependencies(package) {
            let home = HOMES.iter().find(|(library, _)| *library == other);
            if home.is_some_and(|(_, homes)| !homes.contains(&package.name.as_str())) {
                wrong.push(format!("{} -> {other}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in &metadata().packages {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{}", package.name);
    }
}

#[test]
fn generated_types_are_named_at_the_edges_only() {
    // Put together so that this file does not name them.
    let name = ["pb", "::"].concat();
    let names = |line: &str| {
        line.match_indices(&name)
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    for (path, text) in sources() {
        if !WIRE.iter().any(|edge| path.starts_with(edge)) {
            assert!(!code(&text).any(names), "{path} names a generated type");
        }
    }
}

#[test]
fn unsafe_code_is_in_one_crate() {
    let word = ["un", "safe"].concat();
    let uses = |line: &str| {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|part| part == word)
    };
    for (path, text) in sources() {
        if !path.starts_with("crates/kafka/") {
            // A string may have the word.
            let found = code(&text).find(|line| uses(line.split('"').next().unwrap_or_default()));
            assert!(found.is_none(), "{path}: {found:?}");
        }
    }
}

#[test]
fn no_file_is_too_long_to_be_about_one_thing() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{path} has {lines} lines");
    }
}

#[test]
fn modules_are_named_after_what_they_own() {
    for (path, _) in sources() {
        let path = Path::new(&path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        assert!(!BANNED_MODULES.contains(&name.as_ref()), "{}", path.display());
        // `tests/NAME/main.rs` is cargo's form of a test with modules; `mod.rs` is the old form of `NAME.rs`.
        assert_ne!(name, "mod", "{}", path.display());
        for part in path.parent().into_iter().flat_map(Path::components) {
            let part = part.as_os_str().to_string_lossy();
            assert!(!BANNED_MODULES.contains(&part.as_ref()), "{}", path.display());
        }
    }
}

/// A mutation whose place is gone would quietly guard nothing (dev/mutations).
#[test]
fn every_mutation_fits_the_code_as_it_is() {
    let folder = root().join("dev/mutations.d");
    let patches: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!patches.is_empty());
    for patch in patches {
        let text = std::fs::read_to_string(&patch).unwrap();
        let (mut file, mut hunks) = (String::new(), 0);
        let mut parts = text.split("\n@@ ");
        for line in parts.next().unwrap_or_default().lines() {
            if let Some(path) = line.strip_prefix("--- a/") {
                file = std::fs::read_to_string(root().join(path)).unwrap();
            }
        }
        for hunk in parts {
            let kept = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
            let before: Vec<&str> = kept.map(|line| line.get(1..).unwrap_or_default()).collect();
            assert!(file.contains(&before.join("\n")), "{} no longer fits", patch.display());
            hunks += 1;
        }
        assert!(hunks > 0, "{} changes nothing", patch.display());
    }
}
