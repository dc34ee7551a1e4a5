//! Counters of messages and their validation.

use std::collections::BTreeMap;

use crate::{fault::Fault, message::Message};

/// Counters of messages since the start.
#[derive(Clone, Debug, Default)]
pub struct ValidationCounts {
    /// Accepted blocks.
    pub accepted: u64,
    /// Messages that were not accepted, by fault name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Messages received for the first time.
    pub messages: u64,
    /// Bytes of these messages on the wire (compressed).
    pub wire_bytes: u64,
    /// Arrival minus timestamp of the last validly signed block, milliseconds, also when the block was out of time.
    pub offset_ms: Option<i64>,
}

impl ValidationCounts {
    pub(super) fn received(&mut self, message: &Message) {
        self.messages += 1;
        self.wire_bytes = self.wire_bytes.saturating_add(message.wire as u64);
    }

    pub(super) fn reported(&mut self, result: &Result<(), Fault>) {
        match result {
            Ok(()) => self.accepted += 1,
            Err(fault) => *self.faults.entry(fault.name()).or_default() += 1,
        }
    }
}
