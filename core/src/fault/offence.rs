//! Offences: what a peer does wrong. Each is counted in its score.

/// What a peer did wrong. See [`Score`](crate::score::Score) for the penalty of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It did not answer a request, or answered with an internal failure.
    RequestFailed,
    /// Its response is invalid by this version of the protocol; a later version may allow it.
    InvalidResponse,
    /// Its response contradicts itself: the block has another hash, or another number, than stated.
    ResponseMismatch,
    /// It gossiped a message that it must know to be invalid.
    InvalidMessage,
    /// It sends more messages than may be queued, or sends them faster than allowed.
    Flooding,
}
