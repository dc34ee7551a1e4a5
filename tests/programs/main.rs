//! The program `petrel` as its users run it: processes on loopback, their events, their exit status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bans;
mod catch_up;
mod chains;
mod check;
mod connection_manager;
mod control;
mod devnet;
mod discovery;
mod evidence;
mod fake_l1;
mod hangup;
mod health;
mod key;
mod metrics;
mod node;
mod operators;
mod page;
mod private_files;
mod prometheus;
mod proxy;
mod relay_discovery;
mod signer;
mod stderr;
mod store;
#[cfg(target_os = "linux")]
mod terminal;
mod trusted_proxies;
mod wrong_flags;
mod wss_client;
