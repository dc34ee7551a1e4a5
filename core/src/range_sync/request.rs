//! A request for one block, and what comes of it.

use core::time::Duration;

use super::peer::HEDGE_AFTER;
use crate::{block::ValidPayload, event::FetchFailed, fault::Blame, peer::PeerId};

/// The id of one of our requests; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// A request for one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// The answer repeats this id.
    pub id: FetchId,
    /// The peer to ask.
    pub peer: PeerId,
    /// The block number.
    pub number: u64,
}

/// A block in quarantine.
#[derive(Clone, Debug)]
pub struct QuarantinedBlock {
    /// The payload. It is consistent with its own hash; whether it is part of the chain is not known yet.
    pub payload: ValidPayload,
    /// The peer that sent it.
    pub peer: PeerId,
}

/// A request that gave no usable block, and what that says about its peer.
#[derive(Clone, Debug)]
pub struct RequestFailure {
    /// The event to emit.
    pub event: FetchFailed,
    /// What the failure says about the peer.
    pub blame: Blame,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) peer: PeerId,
    pub(super) number: u64,
    /// When it was made (monotonic).
    pub(super) at: Duration,
    /// Whether the response was received and is being validated.
    pub(super) received: bool,
}

impl InFlight {
    /// Whether it is overdue, so that another peer may be asked. The response may still come.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        !self.received && now.saturating_sub(self.at) >= HEDGE_AFTER
    }
}
