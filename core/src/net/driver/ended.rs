//! Ended requests, for metrics.

use core::time::Duration;
use std::collections::VecDeque;

/// The side of this node in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSide {
    /// This node sent the request.
    Client,
    /// A peer sent the request.
    Server,
}

/// A request for a block by its number that was answered or has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRequest {
    /// The side of this node.
    pub role: RequestSide,
    /// The block's number; `None` if a peer's request is malformed.
    pub number: Option<u64>,
    /// The result byte of the response as received, not validated: 0 is a block. 3 if there was no response, as in
    /// op-node's metrics.
    pub code: u8,
    /// Time from the request until its response was received or sent.
    pub took: Duration,
}

/// The code of a request without a response (op-node's `ResultCodeUnknownErr`).
pub(super) const UNANSWERED: u8 = 3;

/// Ended requests that were not read yet. Bounded by [`LatestRequests::MAX`]; the oldest are removed.
#[derive(Debug, Default)]
pub(super) struct LatestRequests(VecDeque<EndedRequest>);

impl LatestRequests {
    /// Maximum requests.
    const MAX: usize = 1024;

    /// Removes and returns all.
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
