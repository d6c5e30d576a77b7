//! `tribunal certs`: the small CA of a lab.
//!
//! One key signs all; who holds it can make a certificate for everybody, so it stays where certificates are issued. There
//! is no list of revoked certificates: what was lost is forgotten when the CA is made anew, or when it expires.

use std::fs::{DirBuilder, Permissions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use tempfile::NamedTempFile;
use tribunal_tls::{AGENT_URI, Facts, day, is_dns_name, now};

use crate::arguments::{CertsInit, CertsIssue, CertsShow};
use crate::exit::{Exit, Usage};
use crate::terminal;

const CA: &str = "ca";
const CA_DAYS: u32 = 3650;
/// How far before its making a certificate begins: clocks differ.
const EARLIER: i64 = 5 * 60;
const DAY: i64 = 86_400;

/// `tribunal certs init`.
pub(crate) fn init(verb: &CertsInit) -> anyhow::Result<Exit> {
    let place = Place::of(&verb.dir, CA);
    if let Some(path) = place.taken() {
        return Err(Usage(format!("{} exists; a CA is not overwritten", path.display())).into());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&verb.dir)
        .map_err(|error| Usage(format!("{} cannot be made: {error}", verb.dir.display())))?;
    let key = KeyPair::generate().context("no key can be made")?;
    let mut params = params(CA_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Two CAs are told apart by their names.
    let id = params.key_identifier(&key);
    let mark = id
        .iter()
        .take(4)
        .fold(0, |mark: u32, byte| mark << 8 | u32::from(*byte));
    params
        .distinguished_name
        .push(DnType::CommonName, format!("tribunal CA {mark:08x}"));
    let certificate = params.self_signed(&key).context("no CA can be made")?;
    place.write(&certificate.pem(), &key.serialize_pem(), false)?;
    terminal::say(&format!("the CA: {}, for every host", place.certificate.display()));
    terminal::say(&format!(
        "its key: {}, to stay here; `tribunal certs issue NAME` uses it",
        place.key.display()
    ));
    Ok(Exit::Done)
}

/// `tribunal certs issue`.
pub(crate) fn issue(verb: &CertsIssue) -> anyhow::Result<Exit> {
    let name = verb.name.as_str();
    if name.eq_ignore_ascii_case(CA) {
        return Err(Usage(format!("{name} is the name of the CA's own files; take another")).into());
    }
    let place = Place::of(&verb.dir, name);
    if let Some(path) = place.taken().filter(|_| !verb.renew) {
        return Err(Usage(format!(
            "{} exists; --renew replaces certificate and key",
            path.display()
        ))
        .into());
    }
    let (issuer, ca) = issuer(&verb.dir)?;
    let key = KeyPair::generate().context("no key can be made")?;
    let mut params = params(verb.days);
    if ca.not_after < params.not_after.unix_timestamp() {
        let left = (ca.not_after - now()) / DAY;
        return Err(Usage(format!(
            "the CA ends on {}, so a certificate is valid for {} days at most; use --days",
            day(ca.not_after),
            left.max(0)
        ))
        .into());
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = names(name, &verb.hosts)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let ends = day(params.not_after.unix_timestamp());
    let certificate = params.signed_by(&key, &issuer).context("no certificate can be made")?;
    place.write(&certificate.pem(), &key.serialize_pem(), verb.renew)?;
    terminal::say(&format!(
        "the certificate, valid until {ends}: {}",
        place.certificate.display()
    ));
    terminal::say(&format!("its key: {}", place.key.display()));
    Ok(Exit::Done)
}

/// `tribunal certs show`.
pub(crate) fn show(verb: &CertsShow) -> anyhow::Result<Exit> {
    let pem = read(&verb.file)?;
    let facts = Facts::of_pem(pem.as_bytes())
        .ok_or_else(|| Usage(format!("{} holds no certificate in PEM form", verb.file.display())))?;
    terminal::out(&told(&facts, now()));
    Ok(Exit::Done)
}

fn told(facts: &Facts, now: i64) -> String {
    let or_none = |names: &[String]| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let left = match facts.not_after - now {
        left if left < 0 => "expired".to_owned(),
        left => format!("{} days left", left / DAY),
    };
    let kind = if facts.is_ca { ", a CA" } else { "" };
    format!(
        "name       {}{kind}\nsigned by  {}\nagent      {}\nhosts      {}\nvalid      {} to {}, {left}\n",
        facts.subject,
        facts.issuer,
        or_none(&facts.agents),
        or_none(&facts.hosts),
        day(facts.not_before),
        day(facts.not_after),
    )
}

/// What all certificates have in common.
fn params(days: u32) -> CertificateParams {
    let at = |second: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs(second.max(0) as u64);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = at(now() - EARLIER);
    params.not_after = at(now() + i64::from(days) * DAY);
    params
}

fn issuer(dir: &Path) -> anyhow::Result<(Issuer<'static, KeyPair>, Facts)> {
    let place = Place::of(dir, CA);
    if !place.certificate.exists() {
        let dir = dir.display();
        return Err(Usage(format!(
            "no CA is in {dir}; `tribunal certs init --dir {dir}` makes one"
        ))
        .into());
    }
    let unusable = |path: &Path| Usage(format!("{} cannot be understood", path.display()));
    let (certificate, key) = (read(&place.certificate)?, read(&place.key)?);
    let facts = Facts::of_pem(certificate.as_bytes()).ok_or_else(|| unusable(&place.certificate))?;
    let key = KeyPair::from_pem(&key).map_err(|_| unusable(&place.key))?;
    if facts.public_key != key.public_key_raw() {
        let (key, certificate) = (place.key.display(), place.certificate.display());
        return Err(Usage(format!("the key in {key} does not belong to the CA in {certificate}")).into());
    }
    let issuer = Issuer::from_ca_cert_pem(&certificate, key).map_err(|_| unusable(&place.certificate))?;
    Ok((issuer, facts))
}

/// What a certificate is for: the agent of its name, and hosts.
fn names(name: &str, hosts: &[String]) -> anyhow::Result<Vec<SanType>> {
    let text = |text: &str| Ia5String::try_from(text).context("invariant: names are ASCII");
    let mut names = vec![SanType::URI(text(&format!("{AGENT_URI}{name}"))?)];
    for host in std::iter::once(name).chain(hosts.iter().map(String::as_str)) {
        let san = if let Ok(address) = host.parse::<IpAddr>() {
            SanType::IpAddress(address)
        } else if is_dns_name(host) {
            SanType::DnsName(text(host)?)
        } else if host == name {
            continue;
        } else {
            return Err(Usage(format!(
                "--host {host}: expected a DNS name or an IP address, without a port"
            ))
            .into());
        };
        if !names.contains(&san) {
            names.push(san);
        }
    }
    Ok(names)
}

fn read(path: &Path) -> Result<String, Usage> {
    std::fs::read_to_string(path).map_err(|error| Usage(format!("{} cannot be read: {error}", path.display())))
}

/// The two files of a name.
struct Place {
    certificate: PathBuf,
    key: PathBuf,
}

impl Place {
    fn of(dir: &Path, name: &str) -> Self {
        Self {
            certificate: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
        }
    }

    /// The file that is already there, if one is.
    fn taken(&self) -> Option<&Path> {
        let both = [&self.certificate, &self.key];
        both.into_iter().find(|path| path.exists()).map(PathBuf::as_path)
    }

    /// Writes both, each whole or not at all, the key for its owner only.
    fn write(&self, certificate: &str, key: &str, replace: bool) -> Result<(), Usage> {
        for (path, text, mode) in [(&self.key, key, 0o600), (&self.certificate, certificate, 0o644)] {
            write(path, text, mode, replace)
                .map_err(|error| Usage(format!("{} cannot be written: {error}", path.display())))?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str, mode: u32, replace: bool) -> std::io::Result<()> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    let kept = if replace {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    kept.map(|_| ()).map_err(|error| error.error)
}
