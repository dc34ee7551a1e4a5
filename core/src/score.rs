//! What a peer has earned: this program's own account of it, beside gossipsub's, which forgets whoever leaves.
//!
//! | what it did | counter | its points | forgotten |
//! |---|---|---|---|
//! | answered a request with a block | `valid`, at most 10 | +0.5 each | a hundredth left after 60 block times |
//! | failed to answer, other than "not found" | `errors`, at most 9 | −1 each | the same |
//! | answered with what cannot be right | `rejected`, at most 20 | −20 each | the same |
//! | gossiped what it must know to be false | `invalid`, at most 20 | −22 each | a tenth left after ten minutes |
//! | gossiped a valid block first | `delivered`, at most 1,000 | none; it counts when there are too many peers | the same |
//!
//! The first three are op-node's, and are its application score, which gossipsub adds to its own. The fourth is ours:
//! op-node charges such messages no more. A ban, below −100, comes
//! - with the fifth false message when they come at once, −110, whatever good answers are worth (5 at most);
//! - with the fifth when there is one in ten seconds, after 40 s: 4.64 are left of them, −102; with the sixth, after 50 s,
//!   from a peer that has given ten good answers;
//! - never with one in two minutes: 2.7 are left of all of them, −60.
//!
//! These points must reach a ban by themselves. gossipsub charges the same messages (its P4), and whoever has lost its
//! favour is not heard: it is pruned at the first of them, so that a liar with a router like go-libp2p's, which sends to
//! its mesh alone, can only offer the next ones; below −10 its offers are not taken up, below −40 nothing is. If the fifth is
//! to be heard and judged, four must not cost 10: −0.5 on the square of their number (`Reputation::FALSE_MESSAGES`) makes −8 of
//! four. With −2 it was over after three, −18, and such a liar stayed connected for ever, unheard and not banned. What is spared
//! (static peers) or not banned is graylisted with the ninth: −40.5.
//!
//! An honest relay has none: what it can pass on in good faith is charged to nobody (`Fault::acceptance`). Four are no ban, −88:
//! whoever passes on a new signer's first blocks, while those of the old one still come, is charged for two or three.
//!
//! A *lie*, an answer that proves itself false (a block under another's hash, or of another number), is six times
//! `rejected`: no program sends one by mistake, and the next would come only after a minute's rest.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::Offence;

/// What a peer did for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// It answered a request with a block.
    Response,
    /// It was the first to gossip a valid block.
    FirstDelivery,
}

/// See the module. Points fall towards zero with time, in closed form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Score {
    valid: f64,
    errors: f64,
    rejected: f64,
    invalid: f64,
    delivered: f64,
}

impl Score {
    /// The peer did wrong.
    pub fn penalize(&mut self, offence: Offence) {
        let (counter, by, cap) = match offence {
            Offence::RequestFailed => (&mut self.errors, 1.0, 9.0),
            Offence::InvalidResponse | Offence::Flooding => (&mut self.rejected, 1.0, 20.0),
            Offence::FalseResponse => (&mut self.rejected, 6.0, 20.0),
            Offence::InvalidMessage => (&mut self.invalid, 1.0, 20.0),
        };
        *counter = (*counter + by).min(cap);
    }

    /// The peer was of use.
    pub fn credit(&mut self, contribution: Contribution) {
        let (counter, cap) = match contribution {
            Contribution::Response => (&mut self.valid, 10.0),
            Contribution::FirstDelivery => (&mut self.delivered, 1_000.0),
        };
        *counter = (*counter + 1.0).min(cap);
    }

    /// Lets `passed` go by, on a chain of this block time.
    pub fn decay(&mut self, passed: Duration, block_time: Duration) {
        let slots = passed.as_secs_f64() / block_time.as_secs_f64().max(1.0);
        let fast = 0.01_f64.powf(slots / 60.0);
        let slow = 0.1_f64.powf(passed.as_secs_f64() / 600.0);
        let fast = [&mut self.valid, &mut self.errors, &mut self.rejected].map(|counter| (counter, fast));
        let slow = [&mut self.invalid, &mut self.delivered].map(|counter| (counter, slow));
        for (counter, left) in fast.into_iter().chain(slow) {
            *counter *= left;
            if !counter.is_finite() || *counter < 0.01 {
                *counter = 0.0;
            }
        }
    }

    /// op-node's application score, which gossipsub adds to its own.
    pub fn application(&self) -> f64 {
        0.5 * self.valid - self.errors - 20.0 * self.rejected
    }

    /// What false messages cost, beside gossipsub's own charge.
    pub fn false_messages(&self) -> f64 {
        0.0 - 22.0 * self.invalid
    }

    /// All that is ours.
    pub fn own(&self) -> f64 {
        self.application() + self.false_messages()
    }

    /// How many new blocks and answers it brought of late.
    pub fn useful(&self) -> f64 {
        self.delivered + self.valid
    }

    /// Requests that it answered with a block.
    pub fn valid(&self) -> f64 {
        self.valid
    }

    /// Requests that it failed to answer.
    pub fn errors(&self) -> f64 {
        self.errors
    }

    /// Answers that could not be right.
    pub fn rejected(&self) -> f64 {
        self.rejected
    }

    /// Whether nothing is held for or against the peer.
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    /// In words, as a ban's reason tells it; nothing of what is zero.
    pub fn in_words(&self) -> String {
        let parts = [
            (self.invalid, "invalid messages"),
            (self.rejected, "invalid responses"),
            (self.errors, "failed requests"),
            (self.valid, "valid responses"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0.0);
        parts.map(|(count, what)| format!("{count:.1} {what}")).collect::<Vec<_>>().join(", ")
    }
}
