use super::sources::legal_name;
use super::*;

struct Sources {
    file: Option<tempfile::NamedTempFile>,
    environment: Vec<(OsString, OsString)>,
    flags: Flags,
}

fn sources() -> Sources {
    Sources {
        file: None,
        environment: vec![("HOME".into(), "/home/kim".into())],
        flags: Flags::default(),
    }
}

impl Sources {
    fn file(mut self, text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        self.file = Some(file);
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    fn listen(mut self, value: &str) -> Self {
        self.flags.coordinator.listen = Some(value.to_owned());
        self
    }

    fn read(self) -> Result<Settings, Error> {
        Settings::read(
            self.file.as_ref().map(tempfile::NamedTempFile::path),
            self.environment,
            self.flags,
        )
    }

    #[track_caller]
    fn refused(self, expected: &str) {
        let path = self.file.as_ref().map(|file| file.path().display().to_string());
        let error = self.read().unwrap_err().to_string();
        assert_eq!(
            path.map_or(error.clone(), |path| error.replace(&path, "FILE")),
            expected
        );
    }
}

#[test]
fn everything_has_a_default() {
    let settings = sources().read().unwrap();
    assert_eq!(settings.coordinator.listen, SocketAddr::from(([127, 0, 0, 1], 7651)));
    assert_eq!(
        settings.coordinator.http,
        Some(SocketAddr::from(([127, 0, 0, 1], 7652)))
    );
    assert_eq!(settings.coordinator.store, Path::new("/home/kim/.local/state/tribunal"));
    assert_eq!(settings.agent.coordinator, "http://127.0.0.1:7651");
    assert_eq!(settings.agent.metrics, Some(SocketAddr::from(([127, 0, 0, 1], 7653))));
    assert_eq!(settings.client.coordinator, None);
    assert_eq!(settings.dial(), "http://127.0.0.1:7651");
    let state = sources().env("XDG_STATE_HOME", "/state").read().unwrap();
    assert_eq!(state.coordinator.store, Path::new("/state/tribunal"));
}

#[test]
fn file_environment_and_flag_go_over_each_other_in_this_order() {
    let file = "[coordinator]\nlisten = \"127.0.0.1:1\"\n";
    let listen = |sources: Sources| sources.read().unwrap().coordinator.listen.port();
    assert_eq!(listen(sources().file(file)), 1);
    let variable = || sources().file(file).env("TRIBUNAL_COORDINATOR__LISTEN", "127.0.0.1:2");
    assert_eq!(listen(variable()), 2);
    assert_eq!(listen(variable().listen("127.0.0.1:3")), 3);
}

#[test]
fn the_listeners_for_people_can_be_off() {
    let settings = sources()
        .env("TRIBUNAL_AGENT__METRICS", "off")
        .file("[coordinator]\nhttp = \"off\"")
        .read()
        .unwrap();
    assert_eq!((settings.agent.metrics, settings.coordinator.http), (None, None));
}

#[test]
fn a_value_that_looks_like_a_number_is_text_in_the_environment() {
    let settings = sources().env("TRIBUNAL_AGENT__NAME", "42").read().unwrap();
    assert_eq!(settings.agent.name.as_str(), "42");
}

#[test]
fn unknown_keys_are_errors_that_guess_what_was_meant() {
    sources()
        .file("[coordinator]\nlistn = \"x\"")
        .refused("file FILE: coordinator.listn is unknown; did you mean \"listen\"?");
    sources()
        .file("[agnet]\nname = \"x\"")
        .refused("file FILE: agnet is unknown; did you mean \"agent\"?");
    sources()
        .file("[client]\nzzzzzzz = \"x\"")
        .refused("file FILE: client.zzzzzzz is unknown; expected one of coordinator");
    sources()
        .env("TRIBUNAL_AGENT__NAEM", "x")
        .refused("environment TRIBUNAL_AGENT__NAEM: agent.naem is unknown; did you mean TRIBUNAL_AGENT__NAME?");
    sources()
        .env("TRIBUNAL_AGENT_NAME", "x")
        .refused("environment TRIBUNAL_AGENT_NAME: agent_name is unknown; did you mean TRIBUNAL_AGENT__NAME?");
}

#[test]
fn what_kubernetes_puts_into_the_environment_is_nobodys() {
    let settings = sources()
        .env("TRIBUNAL_PORT", "tcp://10.0.0.1:7651")
        .env("TRIBUNAL_COORDINATOR_SERVICE_HOST", "10.0.0.1")
        .read();
    assert!(settings.is_ok());
}

#[test]
fn an_error_says_where_the_wrong_value_came_from() {
    let address = "coordinator.listen: expected an address such as \"127.0.0.1:7651\", found \"here\"";
    sources().listen("here").refused(&format!("flag --listen: {address}"));
    sources()
        .env("TRIBUNAL_COORDINATOR__LISTEN", "here")
        .refused(&format!("environment TRIBUNAL_COORDINATOR__LISTEN: {address}"));
    sources()
        .file("[coordinator]\nlisten = \"here\"")
        .refused(&format!("file FILE: {address}"));
    sources()
        .file("[coordinator]\nlisten = 7651")
        .refused("file FILE: coordinator.listen: expected text in quotes, found 7651");
    sources()
        .file("agent = 1")
        .refused("file FILE: agent: expected a section, found 1");
    sources()
        .env("TRIBUNAL_LOG__FORMAT", "xml")
        .refused("environment TRIBUNAL_LOG__FORMAT: log.format: expected text or json, found \"xml\"");
    sources().env("TRIBUNAL_CLIENT__COORDINATOR", "10.0.0.5").refused(
        "environment TRIBUNAL_CLIENT__COORDINATOR: client.coordinator: expected a coordinator's address such as \
         \"http://127.0.0.1:7651\", found \"10.0.0.5\"",
    );
}

#[test]
fn the_files_of_tls_are_set_together_or_not_at_all() {
    let some = || {
        sources()
            .env("TRIBUNAL_TLS__CA", "ca.pem")
            .file("[tls]\ncertificate = \"a.pem\"\n")
    };
    some().refused("environment TRIBUNAL_TLS__CA: tls.ca needs tls.key as well");
    let all = some().env("TRIBUNAL_TLS__KEY", "a.key").read().unwrap();
    let files = Files {
        ca: "ca.pem".into(),
        certificate: "a.pem".into(),
        key: "a.key".into(),
    };
    assert_eq!(all.tls.files, Some(files));
    assert_eq!(sources().read().unwrap().tls.files, None);
}

#[test]
fn plaintext_is_refused_on_networks_unless_it_is_allowed() {
    let plaintext = |sources: Sources| sources.read().unwrap().tls.plaintext;
    assert_eq!(plaintext(sources()), Plaintext::Loopback);
    let allowed = sources().env("TRIBUNAL_TLS__PLAINTEXT_NETWORK", "allow");
    assert_eq!(plaintext(allowed), Plaintext::Network);
    sources()
        .file("[tls]\nplaintext_network = \"yes\"")
        .refused("file FILE: tls.plaintext_network: expected refuse or allow, found \"yes\"");
}

#[test]
fn a_coordinator_is_dialled_with_tls_or_without() {
    let dialled = |text: &str| {
        sources()
            .env("TRIBUNAL_CLIENT__COORDINATOR", text)
            .read()
            .map(|s| s.dial().to_owned())
    };
    assert_eq!(dialled("https://lab:7651/").unwrap(), "https://lab:7651");
    assert_eq!(dialled("http://lab:7651").unwrap(), "http://lab:7651");
    assert!(dialled("ftp://lab:7651").is_err());
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let missing = Settings::read(Some(Path::new("/no/such.toml")), [], Flags::default()).unwrap_err();
    assert_eq!(missing.to_string(), "configuration file /no/such.toml cannot be read");
    let error = sources().file("[coordinator\nlisten = 1").read().unwrap_err();
    assert!(matches!(error, Error::Syntax { .. }), "{error}");
}

#[test]
fn the_configuration_is_shown_with_origins_and_reads_back() {
    let shown = sources()
        .env("TRIBUNAL_AGENT__NAME", "a-1")
        .listen("127.0.0.1:9")
        .read()
        .unwrap()
        .explained();
    let line = |start: &str| {
        shown
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(line("listen").ends_with("# flag --listen"), "{shown}");
    assert!(line("name").ends_with("# environment TRIBUNAL_AGENT__NAME"), "{shown}");
    assert!(line("http").ends_with("# default"), "{shown}");
    assert!(shown.contains("# coordinator is not set"), "{shown}");
    let again = sources().file(&shown).read().unwrap();
    assert_eq!(again.agent.name.as_str(), "a-1");
    assert_eq!(again.coordinator.listen.port(), 9);
}

#[test]
fn a_host_name_becomes_an_agent_name() {
    for (host, name) in [
        ("rack1-a\n", "rack1-a"),
        ("--x", "x"),
        ("ä b", "b"),
        ("", "agent"),
        ("a b", "a-b"),
    ] {
        assert_eq!(legal_name(host), name);
        assert!(AgentName::new(name).is_ok());
    }
}
