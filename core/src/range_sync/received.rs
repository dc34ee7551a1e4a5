//! Responses that were received and wait for validation, which decompresses them. Bounds: [`Received::BYTES`] of
//! responses on the wire (one response of any size is always taken), [`Received::TASKS`] validations at once.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::FetchId;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Received {
    waiting: VecDeque<(FetchId, Bytes)>,
    /// Bytes of `waiting`.
    bytes: usize,
    /// Validations that run; at most [`Received::TASKS`].
    running: BTreeSet<FetchId>,
}

impl Received {
    /// Bytes that may wait.
    pub(super) const BYTES: usize = 64 << 20;
    /// Validations that run at once (as many as of gossip messages of one topic).
    pub(super) const TASKS: usize = 4;

    /// Takes a response; `false` when there is no room.
    pub(super) fn put(&mut self, id: FetchId, bytes: Bytes) -> bool {
        if !self.waiting.is_empty() && self.bytes.saturating_add(bytes.len()) > Self::BYTES {
            return false;
        }
        self.bytes += bytes.len();
        self.waiting.push_back((id, bytes));
        true
    }

    /// The next response to validate, if another validation may run.
    pub(super) fn begin(&mut self) -> Option<(FetchId, Bytes)> {
        let (id, bytes) = (self.running.len() < Self::TASKS).then(|| self.waiting.pop_front())??;
        self.bytes -= bytes.len();
        self.running.insert(id);
        Some((id, bytes))
    }

    /// A validation has ended, if this is one.
    pub(super) fn ended(&mut self, id: FetchId) {
        self.running.remove(&id);
    }
}
