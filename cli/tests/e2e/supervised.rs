//! Programs under a supervisor such as systemd: they say when they can be used, that they are alive, and that they end.

use std::os::unix::net::UnixDatagram;

use crate::support::{Bench, PATIENCE, Process, alone};

#[test]
fn a_supervised_program_says_when_it_is_ready_alive_and_ending() {
    let _turn = alone();
    let bench = Bench::new();
    let store = bench.store();
    let store = store.to_str().unwrap();
    let programs = [
        vec![
            "coordinator",
            "--listen",
            "127.0.0.1:0",
            "--http",
            "off",
            "--store",
            store,
        ],
        // Ready without a coordinator: it tries again and again, and a supervisor must not kill it for that.
        vec![
            "agent",
            "--coordinator",
            "http://127.0.0.1:1",
            "--metrics",
            "127.0.0.1:0",
        ],
    ];
    for (at, program) in programs.iter().enumerate() {
        let path = bench.path().join(format!("notify-{at}"));
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let told = || {
            let mut bytes = [0; 256];
            let length = socket.recv(&mut bytes).expect("the supervisor is told something");
            String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
        };
        let mut command = bench.command(program);
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
        let process = Process::start(command);
        assert_eq!(told(), "READY=1", "{program:?}");
        for _ in 0..3 {
            assert_eq!(told(), "WATCHDOG=1", "{program:?}");
        }
        process.terminate();
        let ending = std::iter::repeat_with(told).find(|word| word != "WATCHDOG=1");
        assert_eq!(ending.as_deref(), Some("STOPPING=1"), "{program:?}");
        let finished = process.finish();
        assert_eq!(finished.code, Some(0), "{:#?}", finished.err);
    }
}

#[test]
fn the_doctor_tells_programs_what_it_finds() {
    let _turn = alone();
    let finished = Bench::new().start(&["doctor", "--format", "json"]).finish();
    assert_eq!(finished.code, Some(0), "{:#?}", finished.err);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&finished.out.concat()).unwrap();
    let whats: Vec<&str> = findings.iter().filter_map(|finding| finding["what"].as_str()).collect();
    for what in ["processors", "governor", "clock source", "swap", "open files", "steal"] {
        assert!(whats.contains(&what), "{whats:?}");
    }
    for finding in &findings {
        let verdict = finding["verdict"].as_str().unwrap();
        assert!(["good", "unknown", "doubtful", "bad"].contains(&verdict), "{finding}");
        assert_eq!(finding["advice"].as_str() == Some(""), verdict == "good", "{finding}");
        assert!(!finding["found"].as_str().unwrap().is_empty(), "{finding}");
    }
}
