//! A mock cluster in a child process, with the child played by a script.

use std::path::Path;
use std::time::Duration;

use tribunal_kafka::mock::child::{Error, MockChild};
use tribunal_kafka::mock::line::BROKERS;

fn start(program: &Path) -> Result<MockChild, Error> {
    MockChild::start(program, BROKERS, Duration::from_millis(7))
}

fn script() -> MockChild {
    start(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mock/child.sh")).unwrap()
}

#[test]
fn a_child_says_where_it_is_and_makes_topics() {
    let mut mock = script();
    assert_eq!(mock.bootstrap(), "127.0.0.1:1,127.0.0.1:2");
    mock.create_topic("a", 12, 3).unwrap();
    let refused = mock.create_topic("taken", 12, 3).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(text) if text == "error taken is there"),
        "{refused}"
    );
    mock.create_topic("b", 1, 1).unwrap();
}

#[test]
fn a_child_that_ends_or_is_none_is_an_error() {
    let mut mock = script();
    assert!(matches!(mock.create_topic("silent", 1, 1), Err(Error::Silent)));
    assert!(matches!(mock.create_topic("a", 1, 1), Err(Error::Silent)));
    assert!(matches!(start(Path::new("/no/such/program")), Err(Error::Start { .. })));
    // It ends at once and says nothing.
    assert!(matches!(start(Path::new("/bin/false")), Err(Error::Silent)));
}
