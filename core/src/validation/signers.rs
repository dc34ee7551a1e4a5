//! Who may sign: the current signer, and for a while the one before it.
//!
//! As op-node since 2026-04: a changed signer leaves the previous one accepted for
//! [`GRACE`], or until the first message validly signed by the current one, whatever else is wrong with that message. Only
//! the latest previous signer is kept. The first signer ever set starts no grace.

use core::time::Duration;

use alloy_primitives::Address;

/// How long the previous signer is accepted after a rotation was noticed.
pub const GRACE: Duration = Duration::from_secs(3 * 60 * 60);

/// What a host learns of the signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerNews {
    /// It was read.
    Read {
        /// `None` when there is none to believe.
        signer: Option<Address>,
        /// Whether the one before it is of the same source, so that a change is a rotation with its grace. What was only
        /// assumed (a preset's, a flag's) gets none.
        rotation: bool,
    },
    /// What an earlier run knew.
    Restored {
        /// Believed when that run ended.
        signer: Option<Address>,
        /// The one before it, and what is left of its grace.
        previous: Option<(Address, Duration)>,
    },
    /// It could not be read; the one that is known stays.
    Unread {
        /// Why, in words.
        error: String,
    },
}

/// Which of the accepted signers signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerRole {
    /// The one that is configured or was read last.
    Current,
    /// The one before it, within the grace.
    Previous,
}

/// The signers that are accepted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    current: Option<Address>,
    previous: Option<(Address, Duration)>,
}

impl Signers {
    /// Nobody but `current`; a zero address is nobody.
    pub fn new(current: Option<Address>) -> Self {
        Self { current: current.filter(|address| !address.is_zero()), previous: None }
    }

    /// The signer that is believed; `None` when there is none.
    pub const fn current(&self) -> Option<Address> {
        self.current
    }

    /// Which of them `signer` is.
    pub fn role(&self, signer: Address) -> Option<SignerRole> {
        if self.current == Some(signer) {
            return Some(SignerRole::Current);
        }
        let previous = self.previous.is_some_and(|(address, _)| address == signer);
        previous.then_some(SignerRole::Previous)
    }

    /// Takes a reading of the signer at `now` (monotonic). `true` when it differs from the one before.
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

    /// What an earlier run knew at `now` (monotonic): the signer, and the one before it with what is left of its grace.
    pub fn restored(now: Duration, current: Option<Address>, previous: Option<(Address, Duration)>) -> Self {
        let previous = previous.map(|(address, left)| (address, now.saturating_add(left.min(GRACE))));
        Self { previous, ..Self::new(current) }
    }

    /// Takes a signer that is authoritative where the one before was only assumed: that one gets no grace. `true` when it
    /// differs.
    pub fn replace(&mut self, signer: Option<Address>) -> bool {
        let next = Self::new(signer);
        let differs = next.current != self.current;
        if differs {
            *self = next;
        }
        differs
    }

    /// The signer that is still accepted beside the current one.
    pub fn previous(&self) -> Option<Address> {
        self.previous.map(|(address, _)| address)
    }

    /// A message was validly signed by this role: the current signer's ends the grace.
    pub fn confirm(&mut self, role: SignerRole) {
        if role == SignerRole::Current {
            self.previous = None;
        }
    }

    /// Ends the grace when its time is over at `now` (monotonic).
    pub fn expire(&mut self, now: Duration) {
        self.previous = self.previous.filter(|(_, until)| now < *until);
    }

    /// When the grace ends, if one runs (monotonic).
    pub fn expires(&self) -> Option<Duration> {
        self.previous.map(|(_, until)| until)
    }
}
