//! `[client.NAME]`: what one client library is given beside the baseline.

use super::factors::{self, Factor};
use super::reader::{Item, Section};
use super::tree::{Entry, Raw};
use super::{ClientPlan, Error, property};
use crate::client::{self, Client};
use crate::properties::Value;

/// What the options of drivers begin with.
pub(super) const OPTION: &str = "driver.";

/// The sections in written order.
pub(super) fn read(plan: &Section<'_>, factors: &[Factor]) -> Result<Vec<(Client, ClientPlan)>, Error> {
    let Some(sections) = plan.get("client") else {
        return Ok(Vec::new());
    };
    let mut clients = Vec::new();
    for Entry { key, node, origin } in &sections.table()?.entries {
        let item = Item::new(format!("client.{key}"), node);
        let Some(client) = Client::named(key) else {
            return Err(Error::at(origin.clone(), &item.key, client::expected(key)));
        };
        let Raw::Table(_) = &node.value else {
            return Err(item.error(format!(
                "expected a table such as [client.java], found {}",
                item.found()
            )));
        };
        clients.push((client.clone(), section(&client, &item, factors)?));
    }
    Ok(clients)
}

/// Plans' names go through the table, all others are the client's own.
fn section(client: &Client, section: &Item<'_>, factors: &[Factor]) -> Result<ClientPlan, Error> {
    let mut plan = ClientPlan::default();
    for Entry { key, node, .. } in &section.table()?.entries {
        let item = Item::new(format!("{}.{key}", section.key), node);
        if let Some(option) = key.strip_prefix(OPTION) {
            if client.in_process() {
                return Err(item.error("is an option of drivers; librdkafka-child is librdkafka as a driver"));
            }
            let value = item.scalar();
            let value = value.ok_or_else(|| item.error(format!("expected one value, found {}", item.found())))?;
            plan.options.push((option.to_owned(), value));
            continue;
        }
        let value = property::value(key, &item)?;
        factors::not_varied(property::canonical(key), &item, factors)?;
        if client.is_librdkafka() || client::knows(key) {
            if let (false, Value::Text(text)) = (client.is_librdkafka(), &value) {
                client::map(client, &[(key.clone(), text.clone())]).map_err(|error| item.error(error))?;
            }
            plan.properties.set(key.clone(), value);
        } else {
            plan.own.set(key.clone(), value);
        }
    }
    Ok(plan)
}
