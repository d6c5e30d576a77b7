//! Cells by client: what one cannot run, and what one is given beside.

use super::*;
use crate::client::Client;

const ALL: &str = "[factors]\nclient = [\"librdkafka\", \"java\", \"franz-go\"]\n";

#[test]
fn a_cell_that_its_client_cannot_run_is_dropped_and_listed() {
    let fragment = format!("{PLAIN}{ALL}acks = [1, \"all\"]\n[baseline]\nenable.idempotence = true");
    let matrix = matrix(&fragment);
    assert_eq!(matrix.cells.len(), 3);
    assert_eq!(matrix.trials.len(), 3);
    assert!(matrix.cells.iter().zip(1..).all(|(cell, number)| cell.id.0 == number));
    let dropped: Vec<_> = (matrix.dropped.iter())
        .map(|dropped| (dropped.levels[0].value.as_str(), dropped.reason.as_str()))
        .collect();
    let reason = "acks=1 rules out enable.idempotence=true";
    assert_eq!(
        dropped,
        [("librdkafka", reason), ("java", reason), ("franz-go", reason)]
    );
}

#[test]
fn only_the_client_that_cannot_loses_its_cell() {
    let fragment = format!("{PLAIN}{ALL}max.in.flight.requests.per.connection = [1, 5]");
    let matrix = matrix(&fragment);
    assert_eq!(matrix.cells.len(), 4);
    assert!(
        matrix
            .dropped
            .iter()
            .all(|dropped| dropped.levels[0].value == "franz-go")
    );
}

#[test]
fn a_property_that_a_client_does_not_have_is_the_plans_mistake() {
    let fragment = format!("{PLAIN}{ALL}[baseline]\nbatch.num.messages = 100");
    check_error(
        &fragment,
        false,
        "plan.toml:8: baseline.batch.num.messages: java has no batch.num.messages: batches are bounded by bytes only; \
         write it under [client.NAME] of the clients that have it",
    );
    let given = format!("{PLAIN}{ALL}[client.librdkafka]\nbatch.num.messages = 100");
    let cells = matrix(&given).cells;
    let has = |cell: &Cell| cell.properties.get("batch.num.messages").is_some();
    assert_eq!(cells.iter().map(has).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn without_a_factor_the_plan_asks_for_what_there_is_not() {
    let fragment = "[baseline]\nclient = \"java\"\nacks = 1\nenable.idempotence = true";
    check_error(
        fragment,
        false,
        "plan.toml:4: baseline.client: acks=1 rules out enable.idempotence=true",
    );
    let value = "[baseline]\nclient = \"java\"\nlinger.ms = 0.5";
    check_error(
        value,
        false,
        "plan.toml:5: baseline.linger.ms: java takes whole numbers for linger.ms, found 0.5",
    );
    let none = format!("{ALL}[baseline]\nacks = 1\nenable.idempotence = true");
    check_error(
        &none,
        false,
        "plan.toml:4: factors.client: no client can run any cell: acks=1 rules out enable.idempotence=true",
    );
}

#[test]
fn an_option_of_a_driver_can_be_varied() {
    let fragment = format!("{PLAIN}[baseline]\nclient = \"java\"\n[factors]\ndriver.pause.ms = [0, 5]\n");
    let cells = matrix(&fragment).cells;
    let options: Vec<&str> = cells.iter().map(|cell| cell.client.options[0].1.as_str()).collect();
    assert_eq!(options, ["0", "5"]);
    check_error(
        &fragment.replace("java", "librdkafka"),
        false,
        "plan.toml:8: factors.driver.pause.ms: is an option of drivers, and librdkafka in process has none; \
         librdkafka-child is a driver",
    );
}

#[test]
fn a_clients_own_go_to_its_cells() {
    let fragment =
        format!("workload.clients_per_process = 2\n{PLAIN}{ALL}[client.java]\nmax.block.ms = 5\nlinger.ms = 3");
    let cells = matrix(&fragment).cells;
    let java = cells.iter().find(|cell| cell.client.client == Client::Java).unwrap();
    assert!(java.client.own.get("max.block.ms").is_some() && java.properties.get("linger.ms").is_some());
    assert_eq!(java.client.per_process, 2);
    let others = cells.iter().filter(|cell| cell.client.client != Client::Java);
    assert!(
        others
            .into_iter()
            .all(|cell| cell.properties.is_empty() && cell.client.own.is_empty())
    );
}
