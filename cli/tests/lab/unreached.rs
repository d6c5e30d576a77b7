//! Names that mean nothing, and brokers that advertise what a host cannot reach.

use crate::site::{ANY_CLOCK, plan, site, until};

#[test]
fn a_coordinator_whose_name_means_nothing_is_tried_again_and_told_once() {
    let Some(site) = site() else { return };
    let agent = "systemd-run --quiet --unit=nowhere /usr/local/bin/tribunal agent --config /etc/tribunal/agent.toml \
                 --metrics off --coordinator https://nowhere:7651";
    site.sh("h2", &["sh", "-c", agent]);
    let log = || site.sh("h2", &["journalctl", "-u", "nowhere"]);
    until("the agent to try again", || log().contains("no session; trying again"));
    let log = log();
    assert!(
        log.contains("https://nowhere:7651") && log.contains("failed to lookup address"),
        "{log}"
    );
    site.sh("h2", &["systemctl", "stop", "nowhere"]);

    let run = site
        .operator(&["agents", "--coordinator", "https://nowhere:7651"])
        .finish();
    assert_eq!(run.code, Some(4), "{:#?}", run.err);
    assert!(run.error().contains("https://nowhere:7651"), "{}", run.error());
}

#[test]
fn a_broker_whose_advertised_address_one_host_cannot_reach_is_told_before_any_load() {
    let Some(site) = site() else { return };
    // The second broker, of which metadata tells; the first, which is asked for it, can be reached.
    let (_, kafka) = site.walked.iter().find(|(line, _)| line.contains("kafka up")).unwrap();
    let second = kafka.out[0]
        .split(',')
        .nth(1)
        .and_then(|address| address.rsplit(':').next())
        .unwrap();
    let reject = format!("tcp dport {second} reject with tcp reset");
    let table = format!("table inet listener {{ chain out {{ type filter hook output priority 0; {reject}; }}; }}");
    let nft = |words: &[&str]| site.lab.run(&[&["net", "h3", "nft"], words].concat()).unwrap();
    nft(&[&table]);
    let window = "warm_up = \"1s\"\nmeasure = \"2s\"";
    let run = site
        .run(
            "unreached",
            &plan(2, "rate = \"100/s\"\nproducers = 2", window, ANY_CLOCK),
        )
        .finish();
    nft(&["delete table inet listener"]);
    assert_eq!(run.code, Some(5), "{:#?}", run.err);
    let error = run.error();
    assert!(
        error.contains("agent h3") && error.contains(&format!(":{second}")),
        "{error}"
    );
}
