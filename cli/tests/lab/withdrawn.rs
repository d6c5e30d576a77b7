//! One host that is coordinator, agent and broker: installed, used, and taken off again.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

use tribunal_testkit::lab::Lab;
use tribunal_testkit::process::Process;

use crate::site::{ANY_CLOCK, LOOSE, done, site};

const SECRET: &str = "correct-horse";

/// Gives a host the Java of this machine; hosts of a lab have no network to install one from.
fn lend_java(lab: &Lab, host: &str) {
    let java = done(Command::new("java").args(["-XshowSettings:properties", "-version"]));
    let said = String::from_utf8_lossy(&java.stderr).into_owned();
    let home = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("java.home = "))
        .unwrap();
    let mut packed = Command::new("tar");
    // With what it links to.
    packed.args(["-ch", "--exclude=*.jmod", "--exclude=src.zip", "-C", home, "."]);
    let mut packing = packed.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let unpack = "mkdir -p /opt/java && tar -x -C /opt/java && ln -s /opt/java/bin/java /usr/bin/java && java -version";
    done(
        lab.command(&["sh", host, "sh", "-c", unpack])
            .stdin(packing.stdout.take().unwrap()),
    );
    assert!(packing.wait().unwrap().success());
}

#[test]
fn a_host_that_is_everything_works_and_nothing_is_left_when_it_is_removed() {
    // One story at a time.
    let Some(site) = site() else { return };
    let lab = Lab::start("all", 1).unwrap();
    lend_java(&lab, "h1");
    let state = lab.state();
    let inventory = state.join("inventory.yml");
    let all = format!(
        "all:\n  vars:\n    ansible_user: root\n    ansible_ssh_common_args: -F {}\n    kafka_lab_heap: 256m\n    \
         tribunal_agent_secrets: {{kafka-password: {SECRET}}}\n  children:\n    \
         coordinator: {{hosts: {{h1: {{}}}}}}\n    agents: {{hosts: {{h1: {{}}}}}}\n    brokers: {{hosts: {{h1: {{}}}}}}\n",
        state.join("ssh_config").display()
    );
    std::fs::write(&inventory, all).unwrap();
    // What was written to the host, apart from its journal, its temporary files, and what Python keeps for itself.
    let written = || -> BTreeSet<String> {
        let upper = state.join("h1/up");
        let found = done(Command::new("find").args([upper.as_os_str(), "-type".as_ref(), "f".as_ref()]));
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        let files = found
            .lines()
            .map(|file| file.strip_prefix(upper.to_str().unwrap()).unwrap().to_owned());
        let passing = [
            "/var/log/",
            "/var/tmp/",
            "/tmp/",
            "/root/.ansible/",
            "/opt/java/",
            "/var/lib/systemd/",
        ];
        files
            .filter(|file| !file.contains("/__pycache__/") && !passing.iter().any(|folder| file.starts_with(folder)))
            .collect()
    };
    let before = written();

    // What it would do, and nothing of it is done.
    let checked = site.play_in(&lab, &inventory, &["--check", "--diff"]);
    assert_eq!(checked.code, Some(0), "{:#?} {:#?}", checked.out, checked.err);
    assert_eq!(written(), before);
    assert!(!state.join("certs").exists());

    let played = site.play_in(&lab, &inventory, &[]);
    assert_eq!(played.code, Some(0), "{:#?} {:#?}", played.out, played.err);
    let stat = lab
        .run(&[
            "sh",
            "h1",
            "stat",
            "-c",
            "%a %U",
            "/etc/tribunal/secrets/kafka-password",
        ])
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&stat.stdout), "400 tribunal\n");
    let kept = lab
        .run(&["sh", "h1", "cat", "/etc/tribunal/secrets/kafka-password"])
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), SECRET);
    let said = [played.out, played.err, checked.out, checked.err].concat();
    assert!(
        !said.iter().any(|line| line.contains(SECRET)),
        "the plays told the secret"
    );

    // Another build: what follows from it is restarted, and nothing else is touched.
    let newer = site.path("newer");
    std::fs::copy(&site.binary, &newer).unwrap();
    std::fs::OpenOptions::new()
        .append(true)
        .open(&newer)
        .unwrap()
        .write_all(b"newer")
        .unwrap();
    let since = |unit: &str| {
        let shown = lab
            .run(&[
                "sh",
                "h1",
                "systemctl",
                "show",
                unit,
                "-p",
                "ActiveEnterTimestampMonotonic",
            ])
            .unwrap();
        String::from_utf8_lossy(&shown.stdout).into_owned()
    };
    let units = ["tribunal-coordinator", "tribunal-agent", "kafka-lab"];
    let first = units.map(since);
    let upgrade = format!("tribunal_binary={}", newer.display());
    let upgraded = site.play_in(&lab, &inventory, &["-e", &upgrade]);
    assert_eq!(upgraded.code, Some(0), "{:#?} {:#?}", upgraded.out, upgraded.err);
    let second = units.map(since);
    assert!(first[0] != second[0] && first[1] != second[1], "{first:?} {second:?}");
    assert_eq!(first[2], second[2], "the broker went on");

    let plan = format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"h1:9092\"\n[topic]\npartitions = 2\nreplication = 1\n\
         [workload]\nrate = \"100/s\"\nrecord = {{ size = \"100B\" }}\n[window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\n\
         {LOOSE}{ANY_CLOCK}"
    );
    let path = site.path("everything.toml");
    std::fs::write(&path, plan).unwrap();
    let (client, out) = (state.join("certs/client.toml"), site.path("everything"));
    let words = [
        "hub",
        site.binary.to_str().unwrap(),
        "run",
        path.to_str().unwrap(),
        "--out",
    ];
    let mut run = lab.command(&words);
    run.args([out.as_os_str(), "--config".as_ref(), client.as_os_str()]);
    let run = Process::start(run).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    assert_eq!(site.report("everything").results[0].audit.lost(), 0);

    let removed = site.play_in(&lab, &inventory, &["--tags", "remove"]);
    assert_eq!(removed.code, Some(0), "{:#?} {:#?}", removed.out, removed.err);
    // Debian's tools keep lists of users and groups, and copies of them.
    let lists = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"];
    let lists = |file: &String| {
        let name = file.strip_prefix("/etc/").unwrap_or_default().trim_end_matches('-');
        lists.contains(&name) || name == ".pwd.lock"
    };
    let left: Vec<String> = written()
        .difference(&before)
        .filter(|file| !lists(file))
        .cloned()
        .collect();
    assert_eq!(left, Vec::<String>::new());
    assert!(!state.join("certs").exists(), "certificates and the CA are gone");
    let running = lab.run(&["sh", "h1", "ps", "-e", "-o", "args"]).unwrap();
    let running = String::from_utf8_lossy(&running.stdout).into_owned();
    assert!(
        !running.contains("/usr/local/bin/tribunal") && !running.contains("java"),
        "{running}"
    );
    for gone in ["tribunal", "kafka-lab"] {
        assert!(
            lab.run(&["sh", "h1", "getent", "passwd", gone]).is_err(),
            "the user {gone}"
        );
    }
}
