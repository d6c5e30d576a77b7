//! What the play refuses, in one line, before anything is changed.

use std::path::{Path, PathBuf};

use crate::installed::changes;
use crate::site::{Site, done, site};

/// Runs the play, which has to end before it changed anything, and say why in one line.
#[track_caller]
fn refused(site: &Site, inventory: &Path, words: &[&str], why: &str) {
    let played = site.play(inventory, words);
    assert!(
        matches!(played.code, Some(1..=2)),
        "{why}: {:?} {:#?}",
        played.code,
        played.out
    );
    assert_eq!(changes(&played), 0, "{why}: {:#?}", played.out);
    let lines: Vec<&String> = played
        .out
        .iter()
        .chain(&played.err)
        .filter(|line| line.contains(why))
        .collect();
    assert!(!lines.is_empty(), "{why}: {:#?} {:#?}", played.out, played.err);
}

/// An inventory with this text below `children`, by which the hosts are reached as in the site's own.
fn inventory(site: &Site, name: &str, children: &str) -> PathBuf {
    let path = site.path(name);
    let config = site.lab.state().join("ssh_config");
    let head = format!(
        "all:\n  vars:\n    ansible_user: root\n    ansible_ssh_common_args: -F {}\n  children:\n",
        config.display()
    );
    std::fs::write(&path, head + children).unwrap();
    path
}

/// A folder of certificates like the site's, in which a story puts something wrong.
fn certificates(site: &Site, name: &str) -> PathBuf {
    let folder = site.path(name);
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(site.certificates()).unwrap().flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

#[test]
fn inventories_binaries_and_ports_that_cannot_be_used_change_nothing() {
    let Some(site) = site() else { return };
    let own = site.inventory();
    let nobody = inventory(&site, "nobody.yml", "    agents:\n      hosts: {h2: {}, h3: {}}\n");
    refused(
        &site,
        &nobody,
        &[],
        "the inventory needs exactly one host in the group coordinator, it has 0",
    );
    let checksum = format!("tribunal_binary_checksum={}", "0".repeat(64));
    refused(&site, &own, &["-e", &checksum], "wrong checksum: ");

    // The same program as if it were for another CPU: e_machine of its header.
    let mut bytes = std::fs::read(&site.binary).unwrap();
    bytes.truncate(1 << 20);
    let other: [u8; 2] = if bytes[18..20] == [0xb7, 0] {
        [0x3e, 0]
    } else {
        [0xb7, 0]
    };
    bytes[18..20].copy_from_slice(&other);
    let foreign = site.path("foreign");
    std::fs::write(&foreign, bytes).unwrap();
    let words = [
        "-e",
        &format!("tribunal_binary={}", foreign.display()),
        "-e",
        &format!("tribunal_control_binary={}", site.binary.display()),
    ];
    refused(&site, &own, &words, "foreign is for ");

    // Somebody else holds the port that the agents would move to.
    site.sh(
        "h3",
        &[
            "systemd-run",
            "--quiet",
            "--unit=squatter",
            "python3",
            "-m",
            "http.server",
            "7999",
            "--bind",
            "127.0.0.1",
        ],
    );
    crate::site::until("the squatter to listen", || {
        site.sh("h3", &["ss", "-ltn"]).contains("127.0.0.1:7999")
    });
    let words = ["-e", "tribunal_agent_metrics=127.0.0.1:7999"];
    refused(&site, &own, &words, "port 7999 of h3 is in use by ");
    site.sh("h3", &["systemctl", "stop", "squatter"]);
}

#[test]
fn certificates_that_cannot_be_used_change_nothing() {
    let Some(site) = site() else { return };
    let own = site.inventory();
    let given = |folder: &Path| format!("tribunal_certificates_dir={}", folder.display());
    let tribunal = |words: &[&str]| done(std::process::Command::new(&site.binary).args(words));

    // Of another CA.
    let folder = certificates(&site, "foreign-certs");
    let others = site.path("other-ca");
    let others = others.to_str().unwrap();
    tribunal(&["certs", "init", "--dir", others]);
    tribunal(&["certs", "issue", "h2", "--dir", others]);
    for file in ["h2.pem", "h2.key"] {
        std::fs::copy(Path::new(others).join(file), folder.join(file)).unwrap();
    }
    refused(&site, &own, &["-e", &given(&folder)], "h2.pem is foreign: ");

    // Signed by itself, and over.
    let write = |folder: &Path, certificate: &rcgen::Certificate, key: &rcgen::KeyPair| {
        std::fs::write(folder.join("h2.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("h2.key"), key.serialize_pem()).unwrap();
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["h2".to_owned()]).unwrap();
    let folder = certificates(&site, "self-signed-certs");
    write(&folder, &parameters.self_signed(&key).unwrap(), &key);
    refused(&site, &own, &["-e", &given(&folder)], "h2.pem is self-signed; ");

    let folder = certificates(&site, "expired-certs");
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let ca_key = rcgen::KeyPair::from_pem(&read("ca.key")).unwrap();
    let ca = rcgen::Issuer::from_ca_cert_pem(&read("ca.pem"), ca_key).unwrap();
    write(&folder, &parameters.signed_by(&key, &ca).unwrap(), &key);
    refused(
        &site,
        &own,
        &["-e", &given(&folder)],
        "h2.pem is expired: it ended on 2021-01-01",
    );
}
