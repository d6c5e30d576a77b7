//! Hosts with systemd, sshd and clocks of their own, installed by Ansible, and a real Apache Kafka that they reach.
//!
//! These stories run when `REAL_LAB=required` is set; without it they are left out, and say so past the test harness's
//! capture. They need root on Linux with network namespaces. All hosts share one machine's processors, so stories assert
//! facts and bounds, never speed.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod barrier;
mod capture;
mod cut;
mod fleet;
mod installed;
mod killed;
mod refused;
mod site;
mod stepped;
mod truth;
mod unreached;
mod withdrawn;
