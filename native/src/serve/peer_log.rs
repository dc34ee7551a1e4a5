//! Lines of the log about peers: at most [`PeerLog::LINES`] of a kind in a minute. Peers choose how often they connect, disconnect
//! and are banned; without a limit they would choose how much is written to the disk of the log too. When the minute is over, one
//! line says how many were left out. At the level DEBUG every line is written.
//!
//! Bound: one entry for each kind, of which there are eight.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use petrel_core::Event;

use super::event_log::log_event;

/// Logs events, and counts those of peers. See the module.
#[derive(Debug, Default)]
pub struct PeerLog {
    kinds: BTreeMap<&'static str, Minute>,
}

/// The lines of one kind in the current minute.
#[derive(Debug)]
struct Minute {
    began: Instant,
    lines: usize,
    omitted: u64,
}

impl PeerLog {
    /// Maximum lines of one kind in a [`PeerLog::PERIOD`]: more than thirty peers, the default high watermark, cause when all of them
    /// reconnect.
    pub const LINES: usize = 60;
    /// The time for which lines are counted.
    pub const PERIOD: Duration = Duration::from_secs(60);

    /// Logs an event, unless there were too many of its kind.
    pub fn on_event(&mut self, event: &Event) {
        let now = Instant::now();
        for (kind, count) in self.omitted(now) {
            tracing::info!(
                kind,
                count,
                "lines of the last minute were left out; they are in the log at the level debug"
            );
        }
        if self.admits(event, now) || tracing::enabled!(tracing::Level::DEBUG) {
            log_event(event);
        }
    }

    /// Whether the lines of this event are written at `now`. Events of other kinds than peers' are always written.
    pub fn admits(&mut self, event: &Event, now: Instant) -> bool {
        let Some((kind, lines)) = kind(event) else { return true };
        let minute = self.kinds.entry(kind).or_insert(Minute { began: now, lines: 0, omitted: 0 });
        if now.saturating_duration_since(minute.began) >= Self::PERIOD {
            *minute = Minute { began: now, lines: 0, omitted: minute.omitted };
        }
        // One event may have more lines: it is written whole, and the only one of its minute.
        let is_admitted = minute.lines == 0 || minute.lines + lines <= Self::LINES;
        if is_admitted {
            minute.lines += lines;
        } else {
            minute.omitted += lines as u64;
        }
        is_admitted
    }

    /// The kinds whose minute is over at `now`, and how many lines were left out; each is returned once.
    pub fn omitted(&mut self, now: Instant) -> Vec<(&'static str, u64)> {
        let over = self
            .kinds
            .iter_mut()
            .filter(|(_, minute)| minute.omitted > 0 && now.saturating_duration_since(minute.began) >= Self::PERIOD);
        over.map(|(kind, minute)| (*kind, std::mem::take(&mut minute.omitted))).collect()
    }
}

/// The kind of an event that peers cause, and the number of its lines.
fn kind(event: &Event) -> Option<(&'static str, usize)> {
    let kind = match event {
        Event::Connected(_) => "connected",
        Event::Disconnected(_) => "disconnected",
        Event::DialFailed(_) => "dial failed",
        Event::Graylisted(_) => "graylisted",
        Event::Banned(_) => "banned",
        Event::Unbanned(_) => "ban ended",
        Event::FetchFailed(_) => "response not usable",
        Event::Pruned(pruned) => return Some(("pruned", 1 + pruned.stay.len() + pruned.gone.len())),
        _ => return None,
    };
    Some((kind, 1))
}
