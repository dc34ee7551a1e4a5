//! Scores: this program's own record of a peer's offences and contributions, beside gossipsub's score, which is lost
//! when a peer disconnects.
//!
//! | what the peer did | counter | points | decay |
//! |---|---|---|---|
//! | answered a request with a block | `valid`, at most 10 | +0.5 each | to 1 % after 60 block intervals |
//! | failed to answer, other than "not found" | `errors`, at most 9 | −1 each | the same |
//! | sent an invalid response | `rejected`, at most 20 | −20 each | the same |
//! | gossiped a message that it must know to be invalid | `invalid`, at most 20 | −22 each | to 10 % after ten minutes
//! |
//! | delivered a valid block first | `delivered`, at most 1,000 | none; it counts for pruning | the same |
//!
//! The first three counters are op-node's, and make up its application score, which gossipsub adds to its own. The
//! fourth is ours: op-node does not penalise such messages itself. A total below −100 leads to a ban. That happens
//! - with the fifth invalid message when they come at once, −110, whatever the valid responses are worth (+5 at most);
//! - with the fifth when there is one every ten seconds, after 40 s: the counter is then at 4.64, −102; with the sixth,
//!   after 50 s, for a
//!   peer that has given ten valid responses;
//! - never with one every two minutes: the counter stays below 2.7, −60.
//!
//! These points must lead to a ban by themselves. gossipsub penalises the same messages (its P4), and it stops
//! listening to a peer with a low score: it prunes the peer at the first invalid message, so a malicious peer with a router
//! like go-libp2p's, which sends only to its mesh, can only offer the next ones (IHAVE). Below a score of −10 gossipsub
//! ignores the offers, below −40 everything. For the fifth message to be received and validated, four must cost less
//! than 10: the weight −0.5 on the square of their number (`Reputation::INVALID_MESSAGES`) makes −8 for four. With −2
//! gossipsub stopped listening after three (−18), and such a peer stayed connected for ever, ignored but not banned. A
//! peer that is protected from bans (static peers) is graylisted with the ninth: −40.5.
//!
//! An honest relay has no such points: what it can forward in good faith is never penalised (`Fault::acceptance`). Four
//! invalid messages are no ban, −88: a peer that forwards a new signer's first blocks, while those of the old signer
//! still come, is penalised for two or three.
//!
//! A response that contradicts itself (a block with another hash, or another number, than stated) counts six times in
//! `rejected`: no program sends one by mistake, and the peer is not asked again soon enough for a second one to matter.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::Offence;

/// What a peer did well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// It answered a request with a block.
    Response,
    /// It delivered a valid block first.
    FirstDelivery,
}

/// The counters of one peer. See the module. Each decays towards zero with time, in closed form.
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
    /// Counts an offence.
    pub fn penalize(&mut self, offence: Offence) {
        let (counter, amount, cap) = match offence {
            Offence::RequestFailed => (&mut self.errors, 1.0, 9.0),
            Offence::InvalidResponse | Offence::Flooding => (&mut self.rejected, 1.0, 20.0),
            Offence::ResponseMismatch => (&mut self.rejected, 6.0, 20.0),
            Offence::InvalidMessage => (&mut self.invalid, 1.0, 20.0),
        };
        *counter = (*counter + amount).min(cap);
    }

    /// Counts a contribution.
    pub fn credit(&mut self, contribution: Contribution) {
        let (counter, cap) = match contribution {
            Contribution::Response => (&mut self.valid, 10.0),
            Contribution::FirstDelivery => (&mut self.delivered, 1_000.0),
        };
        *counter = (*counter + 1.0).min(cap);
    }

    /// Applies the decay of `passed`, on a chain of this block interval.
    pub fn decay(&mut self, passed: Duration, block_time: Duration) {
        let slots = passed.as_secs_f64() / block_time.as_secs_f64().max(1.0);
        let fast = 0.01_f64.powf(slots / 60.0);
        let slow = 0.1_f64.powf(passed.as_secs_f64() / 600.0);
        let fast = [&mut self.valid, &mut self.errors, &mut self.rejected].map(|counter| (counter, fast));
        let slow = [&mut self.invalid, &mut self.delivered].map(|counter| (counter, slow));
        for (counter, factor) in fast.into_iter().chain(slow) {
            *counter *= factor;
            if !counter.is_finite() || *counter < 0.01 {
                *counter = 0.0;
            }
        }
    }

    /// op-node's application score, which gossipsub adds to its own.
    pub fn application(&self) -> f64 {
        0.5 * self.valid - self.errors - 20.0 * self.rejected
    }

    /// The penalty for invalid messages, in addition to gossipsub's own (P4); at most 0.
    pub fn invalid_messages(&self) -> f64 {
        0.0 - 22.0 * self.invalid
    }

    /// The whole score of this record: application score and penalty for invalid messages.
    pub fn own(&self) -> f64 {
        self.application() + self.invalid_messages()
    }

    /// Recent first deliveries and valid responses; used to rank peers for pruning.
    pub fn useful(&self) -> f64 {
        self.delivered + self.valid
    }

    /// The counter of requests answered with a block.
    pub fn valid(&self) -> f64 {
        self.valid
    }

    /// The counter of requests that it failed to answer.
    pub fn errors(&self) -> f64 {
        self.errors
    }

    /// The counter of invalid responses.
    pub fn rejected(&self) -> f64 {
        self.rejected
    }

    /// Whether every counter is zero.
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }

    /// The counters as text for the reason of a ban; counters of zero are left out.
    pub fn describe(&self) -> String {
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
