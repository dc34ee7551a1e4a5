//! Who is a witness: a peer whose word may show that this node's own signer or clock is wrong.
//!
//! - A leaf is none: browsers connect as they like, many from one address.
//! - Peers that this node has chosen, by dialling them or as static peers, are witnesses first: when they are at
//!   [`PLACES`] places, nobody who has connected to us is one.
//! - A place has one vote, however many peers are there ([`Place`]).

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    address::group_of,
    context::Context,
    event::{Connected, Direction},
    peer::PeerId,
    peers::Peer,
};

/// Places that must agree.
pub(super) const PLACES: usize = 3;

/// Where a witness is, as far as one operator cannot be at many places cheaply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A network: IPv4 /16 or IPv6 /32; a private address is one of its own.
    Network(IpAddr),
    /// The last two labels of the name by which a relay was dialled, where its IP is not known, as in a browser.
    Domain(String),
}

impl Place {
    fn of(connected: &Connected) -> Option<Self> {
        match connected.ip {
            Some(ip) => Some(Self::Network(group_of(ip))),
            None => domain(&connected.address).map(Self::Domain),
        }
    }
}

/// The last two labels of a multiaddr's DNS name, in lower case.
fn domain(address: &str) -> Option<String> {
    let mut parts = address.strip_prefix('/')?.split('/');
    if !matches!(parts.next()?, "dns" | "dns4" | "dns6" | "dnsaddr") {
        return None;
    }
    let labels: Vec<&str> = parts.next()?.rsplit('.').filter(|label| !label.is_empty()).take(2).collect();
    (!labels.is_empty()).then(|| labels.into_iter().rev().collect::<Vec<_>>().join(".").to_ascii_lowercase())
}

/// The place of a peer, if it is a witness.
pub(super) fn place_of_witness(context: &Context, peer: PeerId) -> Option<Place> {
    let peer = context.peers.get(peer).filter(|peer| !peer.connected.leaf)?;
    let place = Place::of(&peer.connected)?;
    (is_chosen(context, peer) || chosen_places(context).len() < PLACES).then_some(place)
}

/// The number of places at which witnesses are connected.
pub(super) fn witness_places(context: &Context) -> usize {
    let chosen = chosen_places(context).len();
    if chosen >= PLACES { chosen } else { places(context.peers.nodes()).len() }
}

fn chosen_places(context: &Context) -> BTreeSet<Place> {
    places(context.peers.nodes().filter(|peer| is_chosen(context, peer)))
}

fn places<'a>(peers: impl Iterator<Item = &'a Peer>) -> BTreeSet<Place> {
    peers.filter_map(|peer| Place::of(&peer.connected)).collect()
}

fn is_chosen(context: &Context, peer: &Peer) -> bool {
    peer.connected.direction == Direction::Outbound || context.static_peers.contains(&peer.connected.peer)
}
