//! What the node offers to its operator and to browsers: the page with the signed relay record ([`page`], `relay_record`), metrics
//! ([`metrics`]), the control socket ([`control`]), JSON events on stdout ([`events`]) with the same as log lines ([`event_log`]),
//! and health ([`health`]): probes, log lines and reports. `http` is the listener below both HTTP servers, `http1` serves it, and
//! `host_check` refuses requests of hostile web pages.

pub mod control;
pub mod event_log;
pub mod events;
pub mod health;
mod host_check;
mod http;
mod http1;
pub mod metrics;
pub mod page;
pub mod peer_log;
pub mod rejection_log;
pub mod relay_info;
mod relay_record;
mod relays;
