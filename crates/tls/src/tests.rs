use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tower_service::Service;
use tribunal_model::ids::AgentName;

use super::security::is_local;
use super::*;

const DAY: i64 = 86_400;

/// A folder with a CA and what it signs.
struct Lab {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str, days: std::ops::Range<i64>) -> CertificateParams {
    let at = |days: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs((now() + days * DAY) as u64);
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = at(days.start);
    params.not_after = at(days.end);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![
        SanType::URI(format!("{AGENT_URI}{name}").try_into().unwrap()),
        SanType::IpAddress([127, 0, 0, 1].into()),
    ];
    params
}

impl Lab {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = params("the CA", -1..365);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
        params.subject_alt_names.clear();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { folder, issuer }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn files(&self, name: &str) -> Files {
        Files {
            ca: self.path("ca.pem"),
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }

    fn write(&self, name: &str, certificate: &str, key: &KeyPair) -> Files {
        let files = self.files(name);
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    fn issue_with(&self, name: &str, params: &CertificateParams) -> Files {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write(name, &certificate.pem(), &key)
    }

    fn issue(&self, name: &str) -> Files {
        self.issue_with(name, &params(name, -1..365))
    }

    fn identity(&self, name: &str) -> Identity {
        Identity::load(self.issue(name)).unwrap()
    }

    #[track_caller]
    fn refused(&self, files: Files, said: &str) {
        let folder = format!("{}/", self.folder.path().display());
        let error = Identity::load(files).unwrap_err().to_string().replace(&folder, "");
        assert_eq!(error, said);
    }
}

#[test]
fn a_certificate_of_the_ca_with_its_own_key_is_taken() {
    let lab = Lab::new();
    assert!(Identity::load(lab.issue("a")).is_ok());
}

#[test]
fn files_that_are_missing_or_something_else_are_named() {
    let lab = Lab::new();
    lab.refused(lab.files("a"), "a.pem cannot be read");
    let mut files = lab.issue("a");
    files.ca = files.key.clone();
    lab.refused(files, "a.key holds no certificate in PEM form");
    let mut files = lab.issue("a");
    files.key = files.certificate.clone();
    lab.refused(files, "a.pem holds no private key in PEM form");
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_the_day() {
    let lab = Lab::new();
    let day = |days: i64| day(now() + days * DAY);
    let expired = lab.issue_with("a", &params("a", -10..-2));
    let said = format!(
        "the certificate in a.pem expired on {}; `tribunal certs` makes new ones",
        day(-2)
    );
    lab.refused(expired, &said);
    let early = lab.issue_with("b", &params("b", 2..10));
    let said = format!(
        "the certificate in b.pem is not valid before {}; is the clock right?",
        day(2)
    );
    lab.refused(early, &said);
}

#[test]
fn a_certificate_of_another_ca_is_refused_even_when_that_has_the_same_name() {
    let (lab, other) = (Lab::new(), Lab::new());
    let mut files = other.issue("a");
    files.ca = lab.path("ca.pem");
    let folder = format!("{}/", other.folder.path().display());
    let error = Identity::load(files).unwrap_err().to_string().replace(&folder, "");
    assert!(
        error.starts_with("the certificate in a.pem is not signed by the CA in "),
        "{error}"
    );
}

#[test]
fn a_self_signed_certificate_is_called_so() {
    let lab = Lab::new();
    let key = KeyPair::generate().unwrap();
    let certificate = params("a", -1..365).self_signed(&key).unwrap();
    let files = lab.write("a", &certificate.pem(), &key);
    lab.refused(
        files,
        "the certificate in a.pem is self-signed; it has to be signed by the CA in ca.pem",
    );
}

#[test]
fn a_certificate_for_one_end_only_is_refused() {
    let lab = Lab::new();
    for usage in [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth] {
        let mut params = params("a", -1..365);
        params.extended_key_usages = vec![usage];
        let error = Identity::load(lab.issue_with("a", &params)).unwrap_err();
        assert!(matches!(error, InvalidIdentity::Purpose { .. }), "{error}");
    }
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    let lab = Lab::new();
    let mut files = lab.issue("a");
    files.key = lab.issue("b").key;
    lab.refused(files, "the key in b.key does not belong to the certificate in a.pem");
}

#[test]
fn a_certificate_is_for_the_agent_of_its_name_exactly() {
    let lab = Lab::new();
    let der = |files: &Files| {
        use rustls::pki_types::pem::PemObject;
        rustls::pki_types::CertificateDer::from_pem_file(&files.certificate).unwrap()
    };
    let certificate = der(&lab.issue("Rack_1.a"));
    let belongs = |name: &str| belongs_to(&certificate, &AgentName::new(name).unwrap());
    assert_eq!(belongs("Rack_1.a"), Ok(()));
    for other in ["rack_1.a", "Rack_1", "Rack_1.a.b", "127.0.0.1"] {
        let error = belongs(other).unwrap_err().to_string();
        let said = format!("agent {other} came with the certificate of Rack_1.a; issue its own with");
        assert!(error.starts_with(&said), "{error}");
    }
    let mut nameless = params("kim", -1..365);
    nameless.subject_alt_names.clear();
    let certificate = der(&lab.issue_with("kim", &nameless));
    let error = belongs_to(&certificate, &AgentName::new("kim").unwrap()).unwrap_err();
    assert!(error.to_string().contains("CN=kim, which names no agent"), "{error}");
}

#[test]
fn what_is_local_is_known_without_asking_anybody() {
    for local in [
        "127.0.0.1:1",
        "127.9.9.9:1/",
        "localhost:1",
        "LOCALHOST:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(is_local(local), "{local}");
    }
    for other in [
        "10.0.0.5:1",
        "0.0.0.0:1",
        "localhost.lab:1",
        "[::]:1",
        "tribunal:1",
        "127.0.0.1.lab:1",
    ] {
        assert!(!is_local(other), "{other}");
    }
}

#[test]
fn without_certificates_only_loopback_is_used_unless_the_network_is_allowed() {
    let (here, everywhere): (SocketAddr, SocketAddr) = (([127, 0, 0, 1], 0).into(), ([0, 0, 0, 0], 0).into());
    let closed = Security::default();
    assert!(matches!(closed.grpc(here), Ok(None)) && matches!(closed.http(here), Ok(None)));
    assert!(matches!(closed.grpc(everywhere), Err(Insecure::Listen { .. })));
    assert!(matches!(closed.http(everywhere), Err(Insecure::Listen { .. })));
    assert!(matches!(closed.dial("http://localhost:1"), Ok(None)));
    assert!(matches!(closed.dial("http://10.0.0.5:1"), Err(Insecure::Dial { .. })));
    assert!(matches!(
        closed.dial("https://10.0.0.5:1"),
        Err(Insecure::NoCertificates { .. })
    ));
    let open = Security::new(None, Plaintext::Network);
    assert!(matches!(open.grpc(everywhere), Ok(None)) && matches!(open.http(everywhere), Ok(None)));
    assert!(matches!(open.dial("http://10.0.0.5:1"), Ok(None)));
    assert!(matches!(
        open.dial("https://10.0.0.5:1"),
        Err(Insecure::NoCertificates { .. })
    ));
    let secured = Security::new(Some(Lab::new().identity("a")), Plaintext::Network);
    assert!(matches!(secured.grpc(here), Ok(Some(_))) && matches!(secured.grpc(everywhere), Ok(Some(_))));
    assert!(matches!(secured.http(here), Ok(None)) && matches!(secured.http(everywhere), Ok(Some(_))));
    assert!(matches!(secured.dial("https://127.0.0.1:1"), Ok(Some(_))));
}

/// Lets in who the identity trusts and greets them, and gives the address.
async fn greeter(identity: Identity) -> (SocketAddr, tokio::task::JoinSet<()>) {
    let tcp = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = tcp.local_addr().unwrap();
    let acceptor = Security::new(Some(identity), Plaintext::Loopback)
        .grpc(address)
        .unwrap()
        .unwrap();
    let mut listener = acceptor.listen(tcp);
    let mut task = tokio::task::JoinSet::new();
    task.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await;
            stream.write_all(b"hello").await.unwrap();
        }
    });
    (address, task)
}

async fn dial(identity: Identity, url: String) -> Result<(), Option<Refusal>> {
    let connected = Connector::new(identity).call(url.parse().unwrap()).await;
    connected.map(|_| ()).map_err(|error| refusal(&error))
}

#[tokio::test]
async fn two_ends_of_one_ca_meet() {
    let lab = Lab::new();
    let (address, _task) = greeter(lab.identity("coordinator")).await;
    assert_eq!(dial(lab.identity("a"), format!("https://{address}")).await, Ok(()));
    let wrong = dial(lab.identity("a"), format!("https://localhost:{}", address.port())).await;
    assert_eq!(
        wrong,
        Err(Some(Refusal::WrongName {
            host: "localhost".to_owned()
        }))
    );
}

#[tokio::test]
async fn the_end_that_dials_is_told_by_whom_it_is_not_trusted_and_why() {
    let (lab, other) = (Lab::new(), Lab::new());
    let (address, _task) = greeter(lab.identity("coordinator")).await;
    let url = || format!("https://{address}");
    let foreign = dial(other.identity("a"), url()).await;
    assert_eq!(
        foreign,
        Err(Some(Refusal::Foreign {
            ca: other.path("ca.pem")
        }))
    );
    // One that trusts the coordinator's CA, and shows a certificate of its own.
    let mut mixed = other.identity("a");
    let trusting = lab.identity("a");
    let provider = trusting.client.crypto_provider().clone();
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots(&lab.path("ca.pem")))
        .with_client_auth_cert(
            certificates(&other.path("a.pem")),
            rustls::pki_types::pem::PemObject::from_pem_file(other.path("a.key")).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    mixed.client = std::sync::Arc::new(config);
    let Err(Some(Refusal::Ours { certificate, because })) = dial(mixed, url()).await else {
        panic!("it was let in");
    };
    assert_eq!((certificate, because), (other.path("a.pem"), "another CA signed it"));
}

fn certificates(path: &Path) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    vec![rustls::pki_types::pem::PemObject::from_pem_file(path).unwrap()]
}

fn roots(path: &Path) -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificates(path).remove(0)).unwrap();
    roots
}

#[tokio::test]
async fn a_coordinator_without_tls_is_told_from_one_with() {
    let tcp = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}", tcp.local_addr().unwrap());
    let plain = async {
        let (mut stream, _) = tcp.accept().await.unwrap();
        // The settings of HTTP/2, which a server sends first.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        stream
    };
    let (dialled, _stream) = tokio::join!(dial(Lab::new().identity("a"), url), plain);
    assert_eq!(dialled, Err(Some(Refusal::Plaintext)));
}

#[tokio::test]
async fn one_who_says_nothing_or_nonsense_keeps_nobody_else_waiting() {
    let lab = Lab::new();
    let (address, _task) = greeter(lab.identity("coordinator")).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    assert!(wants_tls(&format!("http://{address}")).await);
    assert_eq!(dial(lab.identity("a"), format!("https://{address}")).await, Ok(()));
}
