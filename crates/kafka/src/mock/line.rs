//! What a mock cluster in a process of its own and the one that started it say to each other, line by line.
//!
//! The child says `bootstrap=HOST:PORT,…` on its standard output, then answers `topic NAME PARTITIONS REPLICATION` on its
//! standard input with `ok NAME` or `error NAME TEXT`, and ends with its input: it cannot outlive who started it.

use std::time::Duration;

/// Brokers of a mock cluster, where nothing else is wanted.
pub const BROKERS: u32 = 3;

/// What to call this program with.
pub fn arguments(brokers: u32, round_trip: Duration) -> [String; 5] {
    let round_trip = round_trip.as_millis().to_string();
    let [verb, brokers_flag, flag] = ["mock", "--brokers", "--round-trip-ms"].map(str::to_owned);
    [verb, brokers_flag, brokers.to_string(), flag, round_trip]
}

/// The child's first line, its end included.
pub fn greeting(bootstrap: &str) -> String {
    format!("bootstrap={bootstrap}\n")
}

/// Where its brokers are, by its first line.
pub fn greeted(line: &str) -> Option<&str> {
    line.strip_prefix("bootstrap=")
}

/// Asks for a topic; the line's end included.
pub fn topic(name: &str, partitions: u32, replication: u32) -> String {
    format!("topic {name} {partitions} {replication}\n")
}

/// The child's answer to any line, its end included; `make` makes a topic of this many partitions and replicas.
pub fn answer(line: &str, make: impl FnOnce(&str, i32, i32) -> Result<(), String>) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, answer) = match words.as_slice() {
        ["topic", name, partitions, replication] => match (partitions.parse(), replication.parse()) {
            (Ok(partitions), Ok(replication)) => (*name, make(name, partitions, replication)),
            _ => (*name, Err("partitions and replication are whole numbers".to_owned())),
        },
        _ => ("-", Err("expected: topic NAME PARTITIONS REPLICATION".to_owned())),
    };
    match answer {
        Ok(()) => format!("ok {name}\n"),
        Err(text) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            format!("error {name} {}\n", words.join(" "))
        }
    }
}

/// Whether the answer is a good one; its words where not.
pub fn answered(line: &str) -> Result<(), String> {
    match line.strip_prefix("ok ") {
        Some(_) => Ok(()),
        None => Err(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_one_line_as_its_answer() {
        let make = |name: &str, partitions, replication| {
            assert_eq!((partitions, replication), (12, 3));
            if name == "taken" {
                Err("is\nthere".to_owned())
            } else {
                Ok(())
            }
        };
        let check = |line: &str, expected: &str| assert_eq!(answer(line, make), expected);
        check(&topic("a-b", 12, 3), "ok a-b\n");
        check("topic taken 12 3", "error taken is there\n");
        check("topic a x 3", "error a partitions and replication are whole numbers\n");
        check("whatever", "error - expected: topic NAME PARTITIONS REPLICATION\n");
        assert_eq!(answered("ok a-b"), Ok(()));
        assert_eq!(answered("error taken is there"), Err("error taken is there".to_owned()));
    }

    #[test]
    fn a_greeting_is_understood() {
        assert_eq!(greeted(greeting("h:1,h:2").trim_end()), Some("h:1,h:2"));
        assert_eq!(greeted("h:1"), None);
    }
}
