//! `petrel peers`: lists the connected peers of a running node with the parts of their scores.
//!
//! As text a peer is one line: id, transport (`leaf` for one that connects as browsers do), direction, age of the connection, the
//! total score, which is compared with the ban threshold, and in brackets its parts: gossipsub's own, the application score in it
//! (op-node's, and the shared address), and the penalty for invalid messages; then address and agent.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{
    cli::flags::PeerListFlags,
    serve::control::{self, ControlClientError, FILE, SocketRequest},
};

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// The node does not answer.
    #[error(transparent)]
    Control(#[from] ControlClientError),
    /// No node runs.
    #[error("{}: no node runs with this --datadir", .0.display())]
    NotRunning(PathBuf),
}

/// Runs the subcommand.
///
/// # Errors
/// See [`PeersError`].
pub fn run(flags: &PeerListFlags) -> Result<(), PeersError> {
    let response = control::request(&flags.datadir, &SocketRequest::Peers {})?;
    let response = response.ok_or_else(|| PeersError::NotRunning(flags.datadir.join(FILE)))?;
    for peer in response.get("peers").and_then(Value::as_array).into_iter().flatten() {
        println!("{}", if flags.json { peer.to_string() } else { to_text(peer) });
    }
    Ok(())
}

fn to_text(peer: &Value) -> String {
    let text = |name: &str| peer.get(name).and_then(Value::as_str).unwrap_or("-");
    let number = |name: &str| peer.get(name).and_then(Value::as_f64).unwrap_or_default();
    let is = |name: &str| peer.get(name).and_then(Value::as_bool).unwrap_or_default();
    let age = peer.get("age_secs").and_then(Value::as_u64).unwrap_or_default();
    let transport = format!("{}{}", text("transport"), if is("leaf") { " leaf" } else { "" });
    let direction = format!("{}{}", text("direction"), if is("static") { " static" } else { "" });
    let mut line = format!(
        "{} {transport} {direction} {} {:.1} (gossip {:.1}, ours {:.1}, invalid messages {:.1})",
        text("peer"),
        format_age(Duration::from_secs(age)),
        number("total"),
        number("gossip"),
        number("application"),
        number("invalid_messages"),
    );
    let _written = write!(line, " {} {}", text("address"), text("agent"));
    line
}

/// Formats as `1h02m`, `3m04s` or `5s`.
fn format_age(age: Duration) -> String {
    let secs = age.as_secs();
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{secs}s"),
        (0, minutes) => format!("{minutes}m{secs:02}s"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}
