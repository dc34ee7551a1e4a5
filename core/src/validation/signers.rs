//! The accepted signers: the current one, and for a while the previous one.
//!
//! As op-node since 2026-04: after a rotation the previous signer is accepted for [`GRACE`], or until the first message
//! validly signed by the current one, whatever else is wrong with that message. Only the latest previous signer is
//! kept. The first signer ever set starts no grace period.

use core::time::Duration;

use alloy_primitives::Address;

/// How long the previous signer is accepted after a rotation was noticed (grace period).
pub const GRACE: Duration = Duration::from_secs(3 * 60 * 60);

/// What the host learnt about the signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerNews {
    /// It was read.
    Read {
        /// The signer; `None` when there is none.
        signer: Option<Address>,
        /// Whether the previous signer comes from the same source, so that a change is a rotation with a grace period.
        /// A previous signer that was only assumed (of a preset or a flag) gets none.
        rotation: bool,
    },
    /// The state that an earlier run persisted.
    Restored {
        /// The signer when that run ended.
        signer: Option<Address>,
        /// The previous signer, and the rest of its grace period.
        previous: Option<(Address, Duration)>,
    },
    /// It could not be read; the current one stays.
    Unread {
        /// The error, as text.
        error: String,
    },
}

/// Which of the accepted signers signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerRole {
    /// The signer that is configured or was read last.
    Current,
    /// The previous signer, within its grace period.
    Previous,
}

/// The signers that are accepted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    current: Option<Address>,
    previous: Option<(Address, Duration)>,
}

impl Signers {
    /// Only `current`, without a previous signer; a zero address is no signer.
    pub fn new(current: Option<Address>) -> Self {
        Self { current: current.filter(|address| !address.is_zero()), previous: None }
    }

    /// The current signer; `None` when there is none.
    pub const fn current(&self) -> Option<Address> {
        self.current
    }

    /// The role of `signer`; `None` when it is not accepted.
    pub fn role(&self, signer: Address) -> Option<SignerRole> {
        if self.current == Some(signer) {
            return Some(SignerRole::Current);
        }
        let previous = self.previous.is_some_and(|(address, _)| address == signer);
        previous.then_some(SignerRole::Previous)
    }

    /// Sets the signer that was read at `now` (monotonic), and starts the grace period of the previous one. `true` when
    /// it differs.
    pub fn read(&mut self, now: Duration, signer: Option<Address>) -> bool {
        let next = Self::new(signer).current;
        if next == self.current {
            return false;
        }
        if let Some(current) = self.current {
            self.previous = Some((current, now.saturating_add(GRACE)));
        }
        self.current = next;
        true
    }

    /// The state that an earlier run persisted, at `now` (monotonic): the signer, and the previous one with the rest of
    /// its grace period.
    pub fn restored(now: Duration, current: Option<Address>, previous: Option<(Address, Duration)>) -> Self {
        let previous = previous.map(|(address, rest)| (address, now.saturating_add(rest.min(GRACE))));
        Self { previous, ..Self::new(current) }
    }

    /// Sets an authoritative signer where the previous one was only assumed and gets no grace period. `true` when it
    /// differs.
    pub fn replace(&mut self, signer: Option<Address>) -> bool {
        let next = Self::new(signer);
        let differs = next.current != self.current;
        if differs {
            *self = next;
        }
        differs
    }

    /// The previous signer, while it is still accepted.
    pub fn previous(&self) -> Option<Address> {
        self.previous.map(|(address, _)| address)
    }

    /// A message was validly signed in this role: one of the current signer ends the grace period.
    pub fn confirm(&mut self, role: SignerRole) {
        if role == SignerRole::Current {
            self.previous = None;
        }
    }

    /// Ends the grace period when it is over at `now` (monotonic).
    pub fn expire(&mut self, now: Duration) {
        self.previous = self.previous.filter(|(_, until)| now < *until);
    }

    /// When the grace period ends, if one runs (monotonic).
    pub fn expires(&self) -> Option<Duration> {
        self.previous.map(|(_, until)| until)
    }
}
