//! What a peer does wrong: what its score counts.

/// See [`Score`](crate::score::Score) for what each costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It did not answer a request, or with an error that is its own.
    RequestFailed,
    /// It answered with what cannot be right; a later version of the protocol may think otherwise.
    InvalidResponse,
    /// It answered with what proves itself false: a block under another's hash, or of another number.
    FalseResponse,
    /// It gossiped what it must know to be false.
    InvalidMessage,
    /// It sends more messages than may wait, or faster than it may.
    Flooding,
}
