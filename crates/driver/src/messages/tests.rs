use std::path::Path;

use super::*;

/// The lines of drivers/PROTOCOL.md that begin so and are whole messages.
fn written(start: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../drivers/PROTOCOL.md");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(start));
    lines
        .filter(|line| line.starts_with("{\""))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_worked_exchanges_of_the_document_are_messages() {
    let (told, said) = (written("→ "), written("← "));
    assert!(told.len() >= 4 && said.len() >= 8, "{told:#?}\n{said:#?}");
    for line in told {
        serde_json::from_str::<Order>(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    for line in said {
        serde_json::from_str::<Said>(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn what_the_document_says_of_a_clients_statistics_is_all_there_is() {
    let clients = written("← ")
        .into_iter()
        .filter_map(|line| match serde_json::from_str(&line) {
            Ok(Said::Sample(second)) => Some((second.client, line)),
            Ok(Said::Report(report)) => Some((report.client, line)),
            Ok(_) | Err(_) => None,
        });
    let whole: Vec<_> = clients.filter(|(client, _)| !client.brokers.is_empty()).collect();
    assert!(!whole.is_empty());
    for (client, line) in whole {
        assert_eq!(
            client.told().counts.len(),
            tribunal_stats::ClientCount::ALL.len(),
            "{line}"
        );
        // Nothing of it is passed over.
        let again = serde_json::to_string(&client).unwrap();
        let raw: serde_json::Value = serde_json::from_str(&line).unwrap();
        let message = raw.as_object().unwrap().values().next().unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&again).unwrap(),
            message["client"]
        );
    }
}
