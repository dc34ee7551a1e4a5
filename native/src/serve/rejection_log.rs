//! Rejected messages as warnings: the first of a kind at once, later ones once a minute with their count. A node whose signer or
//! chain is wrong rejects everything, and its log has to show it without a line for each message.
//!
//! Messages that are ignored are no warning (duplicates are ignored), except those that nobody's signature can make valid because
//! no signer is known.
//!
//! Bound: one entry for each kind of fault, of which there are some thirty.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use petrel_core::{Event, event::InvalidMessage};

/// Counts rejections by kind. See the module.
#[derive(Debug, Default)]
pub struct RejectionLog {
    kinds: BTreeMap<&'static str, Kind>,
}

/// Rejections of one kind.
#[derive(Debug)]
struct Kind {
    total: u64,
    /// Those that no line has counted.
    unlogged: u64,
    logged_at: Instant,
    /// The last one, as text.
    detail: String,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionLine {
    /// The name of the fault.
    pub fault: &'static str,
    /// How many messages were rejected for it since the last line.
    pub count: u64,
    /// How many since the start.
    pub total: u64,
    /// The last one's fault with its values, as text.
    pub detail: String,
}

impl RejectionLog {
    /// The least time between two lines of one kind.
    pub const PERIOD: Duration = Duration::from_secs(60);

    /// Takes an event of any kind, and logs the lines that are due.
    pub fn on_event(&mut self, event: &Event) {
        for RejectionLine { fault, count, total, detail } in self.lines(event, Instant::now()) {
            tracing::warn!(fault, count, total, %detail, "messages are rejected");
        }
    }

    /// The lines that are due at `now`, after this event.
    pub fn lines(&mut self, event: &Event, now: Instant) -> Vec<RejectionLine> {
        let first = match event {
            Event::Rejected(message) => self.count(message, now),
            Event::Ignored(message) if message.fault == "no_signer" => self.count(message, now),
            _ => None,
        };
        let due = self.kinds.iter_mut().filter(|(_, kind)| kind.unlogged > 0);
        let due = due.filter(|(_, kind)| now.saturating_duration_since(kind.logged_at) >= Self::PERIOD);
        first.into_iter().chain(due.map(|(fault, kind)| kind.line(fault, now))).collect()
    }

    /// Counts a message; its line, when it is the first of its kind.
    fn count(&mut self, message: &InvalidMessage, now: Instant) -> Option<RejectionLine> {
        let new = || Kind { total: 0, unlogged: 0, logged_at: now, detail: String::new() };
        let kind = self.kinds.entry(message.fault).or_insert_with(new);
        kind.total += 1;
        kind.unlogged += 1;
        kind.detail.clone_from(&message.detail);
        (kind.total == 1).then(|| kind.line(message.fault, now))
    }
}

impl Kind {
    /// The line that counts what no line has counted.
    fn line(&mut self, fault: &'static str, now: Instant) -> RejectionLine {
        self.logged_at = now;
        let count = std::mem::take(&mut self.unlogged);
        RejectionLine { fault, count, total: self.total, detail: self.detail.clone() }
    }
}
