//! Dialing discovered peers until there are enough: see [`PeerDialer`].

use core::time::Duration;

use super::{DialCandidates, Dialing, DialingOutput, PeerDialer};
use crate::{
    address::{self, is_public, network_of},
    config::AddressScope,
    context::Context,
    event::{Discovered, Event},
    peer::PeerId,
    peer_store::PeerStore,
};

/// Connected or dialled peers of one public network above which no further one is dialled: the owner of a network gets
/// no more of our dials.
pub const MAX_PER_NETWORK: usize = 4;

impl Dialing {
    /// Discovery found a peer of this chain at these multiaddrs.
    pub(super) fn discovered(&mut self, context: &mut Context, peer: PeerId, addresses: &[String]) {
        let Some(scope) = self.config.dial_scope else { return };
        let addresses: Vec<String> = addresses.iter().filter(|text| may_dial(scope, text)).cloned().collect();
        if let Some(address) = addresses.first().cloned()
            && context.store.discovered(context.now, peer, addresses)
        {
            self.emit(Event::Discovered(Discovered { peer, address }));
        }
    }

    /// Dials peers of the peer store, when there are too few peers and the next round is due.
    pub(super) fn dial_discovered(&mut self, context: &Context) {
        let now = context.now.mono;
        if self.next_discovered(context).is_none_or(|at| at > now) {
            return;
        }
        self.dialer.begin(now);
        let may_connect = |peer: &PeerId| {
            !context.peers.contains(*peer) && !context.static_peers.contains(peer) && !context.blocked.contains(peer)
        };
        let buckets = context.store.known().buckets();
        let mut candidates = DialCandidates::new(buckets.map(|(tried, peers)| {
            let peers = peers.iter().copied().filter(may_connect);
            (tried, peers.collect())
        }));
        for _ in 0..PeerDialer::CANDIDATES_PER_ROUND {
            if self.missing(context) == 0 || self.dialer.dialled().count() >= PeerDialer::MAX_DIALS {
                return;
            }
            let Some(peer) = self.dialer.draw(now, &mut candidates) else { return };
            let addresses = self.addresses_of(context, peer);
            if !addresses.is_empty() {
                self.dialer.dial(now, peer);
                self.outputs.push_back(DialingOutput::Dial(peer, addresses));
            }
        }
    }

    /// When [`Dialing::dial_discovered`] has something to do (monotonic).
    pub(super) fn next_discovered(&self, context: &Context) -> Option<Duration> {
        if self.config.dial_scope.is_none() || self.missing(context) == 0 {
            return None;
        }
        self.dialer.due()
    }

    /// How many peers are missing to the low watermark, apart from those being dialled.
    fn missing(&self, context: &Context) -> usize {
        self.config.connections.low.saturating_sub(context.peers.node_count() + self.dialer.dialled().count())
    }

    /// The addresses of a peer of the peer store that may be dialled.
    fn addresses_of(&self, context: &Context, peer: PeerId) -> Vec<String> {
        let known = context.store.known().get(peer);
        let (Some(known), Some(scope)) = (known, self.config.dial_scope) else { return Vec::new() };
        let may_dial = |text: &&String| may_dial(scope, text) && !self.is_network_full(context, text);
        known.addresses.iter().filter(may_dial).cloned().collect()
    }

    /// Whether as many peers of an address' network are connected or being dialled as allowed.
    fn is_network_full(&self, context: &Context, text: &str) -> bool {
        let Some((ip, _)) = address::tcp(text).filter(|(ip, _)| is_public(*ip)) else { return false };
        let dialled = |peer| context.store.known().get(peer).and_then(|known| address::tcp(known.addresses.first()?));
        let dialled = self.dialer.dialled().filter_map(dialled).map(|(ip, _)| ip);
        let connected = context.peers.nodes().filter_map(|peer| peer.connected.ip).chain(dialled);
        connected.filter(|other| network_of(*other) == network_of(ip)).count() >= MAX_PER_NETWORK
    }
}

/// Whether an address that other peers advertise may be dialled.
fn may_dial(scope: AddressScope, text: &str) -> bool {
    let short = text.len() <= PeerStore::ADDRESS;
    short && address::tcp(text).is_some_and(|(ip, _)| scope == AddressScope::Any || is_public(ip))
}
