//! Tracing set-up, metric names in one place, the /metrics endpoint.

pub mod http;
pub mod logs;
pub mod metrics;
