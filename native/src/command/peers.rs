//! `petrel peers`: who is connected to a running node, and what each peer's score is made of.
//!
//! As text a peer is one line: id, transport (`leaf` for one that came in as a browser does), direction, how long it is
//! here, the sum that is compared with the threshold of bans, and in brackets its parts: gossipsub's own, ours in it
//! (op-node's application score and the address it shares), and what false messages cost; its agent at the end.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{
    cli::flags::ListFlags,
    serve::control::{self, AskError, FILE, Request},
};

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// The node does not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// There is none.
    #[error("{}: no node runs with this --datadir", .0.display())]
    NotRunning(PathBuf),
}

/// Runs the subcommand.
///
/// # Errors
/// See [`PeersError`].
pub fn run(flags: &ListFlags) -> Result<(), PeersError> {
    let answer = control::ask(&flags.datadir, &Request::Peers {})?;
    let answer = answer.ok_or_else(|| PeersError::NotRunning(flags.datadir.join(FILE)))?;
    for peer in answer.get("peers").and_then(Value::as_array).into_iter().flatten() {
        println!("{}", if flags.json { peer.to_string() } else { in_words(peer) });
    }
    Ok(())
}

fn in_words(peer: &Value) -> String {
    let text = |name: &str| peer.get(name).and_then(Value::as_str).unwrap_or("-");
    let number = |name: &str| peer.get(name).and_then(Value::as_f64).unwrap_or_default();
    let is = |name: &str| peer.get(name).and_then(Value::as_bool).unwrap_or_default();
    let age = peer.get("age_secs").and_then(Value::as_u64).unwrap_or_default();
    let transport = format!("{}{}", text("transport"), if is("leaf") { " leaf" } else { "" });
    let direction = format!("{}{}", text("direction"), if is("static") { " static" } else { "" });
    let mut line = format!(
        "{} {transport} {direction} {} {:.1} (gossip {:.1}, ours {:.1}, false messages {:.1})",
        text("peer"),
        age_of(Duration::from_secs(age)),
        number("total"),
        number("gossip"),
        number("application"),
        number("false_messages"),
    );
    let _written = write!(line, " {} {}", text("address"), text("agent"));
    line
}

/// As `1h02m`, `3m04s` or `5s`.
fn age_of(age: Duration) -> String {
    let secs = age.as_secs();
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    match (hours, minutes) {
        (0, 0) => format!("{secs}s"),
        (0, minutes) => format!("{minutes}m{secs:02}s"),
        (hours, minutes) => format!("{hours}h{minutes:02}m"),
    }
}
