//! `SASL_SSL` with SCRAM, the host name verified against a CA of our own, and a secret that must not show anywhere.

use tribunal_model::trial::Part;
use tribunal_testkit::kafka::{Options, RealKafka};

use crate::support::{Bench, LOOSE, alone, files};

#[test]
fn a_matrix_over_sasl_ssl_loses_nothing_and_never_shows_its_password() {
    let options = Options {
        secure: true,
        ..Options::default()
    };
    let _turn = alone();
    let Some(kafka) = RealKafka::start_if_required(&options).expect("real Kafka starts") else {
        return;
    };
    let bench = Bench::new();
    let password = std::fs::read_to_string(kafka.password_file().unwrap()).unwrap();
    let plan = format!(
        "[agents]\ncount = 2\n[cluster]\nbootstrap = \"{}\"\n[cluster.properties]\n\"security.protocol\" = \"SASL_SSL\"\n\
         \"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\"sasl.username\" = \"{}\"\n\
         \"sasl.password\" = {{ file = \"{}\" }}\n\"ssl.ca.location\" = \"{}\"\n\
         \"ssl.endpoint.identification.algorithm\" = \"https\"\n[topic]\npartitions = 6\nreplication = 3\n\
         [workload]\nrate = \"2000/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"3s\"\n{LOOSE}\
         [baseline]\n\"compression.type\" = \"zstd\"\n[factors]\n\"linger.ms\" = [10, 40]\nacks = [\"1\", \"all\"]\n",
        kafka.bootstrap(),
        kafka.user().unwrap(),
        kafka.password_file().unwrap().display(),
        kafka.ca_pem().unwrap().display(),
    );
    let run = bench.run_local(&plan, 2).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.results.len(), 4);
    for result in &report.results {
        let window = result.part(Part::Window).unwrap();
        assert!(result.verdict.valid(), "{:?}", result.verdict);
        assert_eq!((window.fates.scheduled, window.fates.acknowledged), (6000, 6000));
        assert_eq!((result.audit.lost(), result.audit.surplus()), (0, 0));
        let configuration = &result.agents[0].producers[0].configuration;
        let value = |name: &str| {
            configuration
                .iter()
                .find(|(known, _)| &**known == name)
                .map(|(_, value)| &**value)
        };
        assert_eq!(value("ssl.endpoint.identification.algorithm"), Some("https"));
        assert_eq!(value("sasl.password"), Some("[masked]"));
    }
    let needle = password.trim().as_bytes();
    assert!(needle.len() >= 8, "a password worth looking for");
    let mut searched = 0;
    for path in files(bench.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes.windows(needle.len()).any(|window| window == needle),
            "{} holds the password",
            path.display()
        );
        searched += 1;
    }
    assert!(searched >= 10, "store and output were searched: {searched} files");
    for line in run.out.iter().chain(&run.err) {
        assert!(!line.contains(password.trim()), "{line}");
    }
}
