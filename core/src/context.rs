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

/// The earliest of several deadlines, each with its reason.
pub(crate) fn earliest<const N: usize>(deadlines: [(Option<Duration>, &'static str); N]) -> Option<Deadline> {
    deadlines.into_iter().filter_map(|(at, why)| Some(Deadline { at: at?, why })).min()
}
