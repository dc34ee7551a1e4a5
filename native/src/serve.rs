//! What the node offers to its operator and to browsers: HTTP (page, signed relay record, metrics), the control socket, JSON
//! events and health lines.

pub mod control;
pub mod events;
pub mod health;
mod http;
pub mod metrics;
pub mod page;
mod relay_record;
mod relays;
