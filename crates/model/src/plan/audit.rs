//! `audit`: how finely records are compared with the brokers' logs.

use super::reader::Section;
use super::{Error, Factor, Setting};
use crate::client::Client;
use crate::design::AuditLevel;

const AUDITS: [(&str, AuditLevel); 3] = [
    ("offsets", AuditLevel::Offsets),
    ("count", AuditLevel::Count),
    ("read-back", AuditLevel::ReadBack),
];

/// The level. To read records back there have to be consumers, and clients whose records say which one each is.
pub(super) fn read(
    plan: &Section<'_>,
    consumers: bool,
    client: &Client,
    factors: &[Factor],
) -> Result<AuditLevel, Error> {
    let Some(item) = plan.get("audit") else {
        return Ok(AuditLevel::default());
    };
    let audit = item.choice(&AUDITS)?;
    if audit != AuditLevel::ReadBack {
        return Ok(audit);
    }
    if !consumers {
        return Err(
            item.error("\"read-back\" needs consumers, which read the records back; add the section [consumers]")
        );
    }
    let varied = factors.iter().flat_map(|factor| &factor.levels);
    let varied = varied.filter_map(|level| match &level.setting {
        Setting::Client(client) => Some(client),
        _ => None,
    });
    // Drivers are told what to send and do not say which record a delivery report is of.
    match varied.chain([client]).find(|client| !client.in_process()) {
        Some(other) => Err(item.error(format!(
            "\"read-back\" needs records that carry their number, which those of {other} do not; keep to client = \"{}\"",
            Client::Librdkafka
        ))),
        None => Ok(audit),
    }
}
