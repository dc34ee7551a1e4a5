//! What the machines of a [`Node`](crate::Node) share, and the verbs that each of them has.
//!
//! A machine owns its state. It does not know the others: what they need of each other goes through the node, as an input.
//! Three tables are read by several machines and are lent to each of them here.

use core::time::Duration;
use std::collections::BTreeSet;

use crate::{
    peer::PeerId,
    peer_store::PeerStore,
    peers::Peers,
    time::{Deadline, Now},
};

/// Lent to a machine for one call.
#[derive(Debug)]
pub struct Context {
    /// The time of the input.
    pub now: Now,
    /// The time between blocks: the smaller of the configured and the observed one.
    pub interval: Duration,
    /// The connected peers. Written by the node.
    pub peers: Peers,
    /// The peers that are remembered. Reputation writes scores, dialing writes addresses.
    pub store: PeerStore,
    /// The static peers. Written by dialing.
    pub static_peers: BTreeSet<PeerId>,
    /// Peers that may not connect: banned, or with too low a score. Written by reputation.
    pub blocked: BTreeSet<PeerId>,
}

/// A part of the node: facts in, wishes out, no clock, no I/O.
pub trait Machine {
    /// A fact.
    type Input;
    /// A wish, or a fact for another machine.
    type Output;

    /// Takes a fact. What it makes due is done by the [`Machine::handle_timeout`] that the node calls after every input.
    fn handle(&mut self, context: &mut Context, input: Self::Input);

    /// Does what is due; harmless when nothing is.
    fn handle_timeout(&mut self, context: &mut Context);

    /// The next output; drain to `None`.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// When [`Machine::handle_timeout`] has something to do if nothing else happens, and what; as of `now`.
    fn poll_timeout(&self, context: &Context, now: Now) -> Option<Deadline>;
}

/// The earliest of several deadlines, each with its reason.
pub(crate) fn earliest<const N: usize>(deadlines: [(Option<Duration>, &'static str); N]) -> Option<Deadline> {
    deadlines.into_iter().filter_map(|(at, why)| Some(Deadline { at: at?, why })).min()
}
