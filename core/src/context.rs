//! What the machines of a [`Node`](crate::Node) share ([`Context`]), and the methods that each of them has
//! ([`Machine`]).
//!
//! A machine owns its state and does not know the other machines: what it needs of them comes through the node, as an
//! input. Several machines read the tables of [`Context`]; the node lends it to a machine for one call. One machine, or
//! the node, writes each table.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::{
    peer::PeerId,
    peer_store::PeerStore,
    peers::Peers,
    time::{Deadline, Now},
};

/// The time and the tables that the node lends to a machine for one call.
#[derive(Debug)]
pub struct Context {
    /// The time of the input.
    pub now: Now,
    /// The block interval: the smaller of the configured and the observed one.
    pub interval: Duration,
    /// The connected peers. Written by the node.
    pub peers: Peers,
    /// The peer store: known peers, connected or not. Reputation writes scores, dialing writes addresses.
    pub store: PeerStore,
    /// The static peers. Written by dialing.
    pub static_peers: BTreeSet<PeerId>,
    /// Peers that may not connect, because they are banned or their score is too low. Written by reputation.
    pub blocked: BTreeSet<PeerId>,
}

/// A part of the node: takes inputs, gives outputs, and has no clock and no I/O.
pub trait Machine {
    /// What happened.
    type Input;
    /// What the host should do, or an input for another machine.
    type Output;

    /// Takes an input. What the input makes due is done in [`Machine::handle_timeout`], which the node calls after
    /// every input.
    fn handle(&mut self, context: &mut Context, input: Self::Input);

    /// Does what is due; has no effect when nothing is due.
    fn handle_timeout(&mut self, context: &mut Context);

    /// The next output; call until it returns `None`.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// When [`Machine::handle_timeout`] has something to do if nothing else happens, and why; computed at `now`.
    fn poll_timeout(&self, context: &Context, now: Now) -> Option<Deadline>;
}

/// When a machine has to look again at what is due. The node calls every machine after every input, of which most
/// concern another machine: looking through peers, queues and missing blocks each time would be work for nothing.
#[derive(Debug)]
pub(crate) struct Timer {
    /// Whether the machine took an input since it looked last.
    has_input: bool,
    deadline: Option<Deadline>,
    /// When it looks without an input and before the deadline (monotonic): what is due by the wall clock may change.
    latest: Duration,
}

impl Timer {
    /// How long it does not look at most, while inputs of other machines come.
    const LONGEST: Duration = Duration::from_millis(250);

    /// The machine looks at the next input of any machine, or at this deadline.
    pub(crate) const fn new(deadline: Option<Deadline>) -> Self {
        Self { has_input: true, deadline, latest: Duration::ZERO }
    }

    /// The machine took an input.
    pub(crate) const fn input(&mut self) {
        self.has_input = true;
    }

    /// Whether the machine should look at `now` (monotonic).
    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.has_input || now >= self.latest || self.deadline.is_some_and(|deadline| deadline.at <= now)
    }

    /// It has looked at `now` (monotonic), and something is due at this deadline.
    pub(crate) fn ran(&mut self, now: Duration, deadline: Option<Deadline>) {
        *self = Self { has_input: false, deadline, latest: now.saturating_add(Self::LONGEST) };
    }

    /// The deadline.
    pub(crate) const fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }
}

/// The earliest of several deadlines, each with its reason.
pub(crate) fn earliest<const N: usize>(deadlines: [(Option<Duration>, &'static str); N]) -> Option<Deadline> {
    deadlines.into_iter().filter_map(|(at, why)| Some(Deadline { at: at?, why })).min()
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Duration, Timer};

    #[test]
    fn a_machine_looks_after_its_own_input_at_its_deadline_and_now_and_then() {
        let at = Duration::from_millis;
        let mut timer = Timer::new(None);
        assert!(timer.is_due(at(0)), "it has not looked yet");
        timer.ran(at(0), Some(Deadline { at: at(100), why: "test" }));
        assert!(!timer.is_due(at(99)) && timer.is_due(at(100)));
        timer.input();
        assert!(timer.is_due(at(1)));
        timer.ran(at(1), None);
        let latest = at(1) + Timer::LONGEST;
        assert!(!timer.is_due(latest - at(1)) && timer.is_due(latest));
    }
}
