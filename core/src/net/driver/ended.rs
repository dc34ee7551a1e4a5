//! Requests that have ended, for whoever counts them.

use core::time::Duration;
use std::collections::VecDeque;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSide {
    /// We did.
    Client,
    /// A peer did.
    Server,
}

/// A request for a block by its number, that was answered or has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRequest {
    /// Who asked.
    pub role: RequestSide,
    /// For which block; `None` when a peer's request is malformed.
    pub number: Option<u64>,
    /// The answer's result byte, as it came, not judged: 0 is a block. 3 when there was no answer (op-node counts so too).
    pub code: u8,
    /// From the request until its answer was there, or was sent.
    pub took: Duration,
}

/// What code a request has that was not answered (op-node's `ResultCodeUnknownErr`).
pub(super) const UNANSWERED: u8 = 3;

/// Those that nobody has taken yet; the oldest make room.
#[derive(Debug, Default)]
pub(super) struct LatestRequests(VecDeque<EndedRequest>);

impl LatestRequests {
    /// Requests at most.
    const MAX: usize = 1024;

    /// Takes them all.
    pub(super) fn take(&mut self) -> VecDeque<EndedRequest> {
        core::mem::take(&mut self.0)
    }

    pub(super) fn add(&mut self, ended: EndedRequest) {
        if self.0.len() >= Self::MAX {
            self.0.pop_front();
        }
        self.0.push_back(ended);
    }
}
