//! Tracing set-up, metric names in one place, the /metrics endpoint.

pub mod agent;
pub mod catalogue;
pub mod coordinator;
mod families;
pub mod http;
pub mod logs;

#[cfg(test)]
pub(crate) fn text(registry: &prometheus::Registry) -> String {
    use prometheus::{Encoder, TextEncoder};

    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}
