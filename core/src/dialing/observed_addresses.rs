//! Where we are, as our peers see it (identify's observed address).
//!
//! One peer's word is nothing: whoever is believed could have others dial a victim in our name. So an IP and TCP port count
//! when peers of [`ObservedAddresses::AGREE`] networks say the same, a network being an IPv4 /16 or an IPv6 /32: the groups by which
//! Bitcoin Core keeps one hand from filling its address book (`NetGroupManager`). Servers of one /24 cost what one server
//! does; three /16 are three providers, or three places of a large one. Peers at private or loopback addresses are heard only where
//! such addresses belong to the network ([`AddressScope::Any`]), each as a network of its own; the same rule holds for what
//! they say.
//!
//! Each peer has one voice, its latest, for as long as it is connected: a change of address breaks connections, and the new
//! ones speak of the new one. What was agreed stays until another address has more networks behind it, or until none is
//! left that says so while enough say otherwise: with a NAT that gives us another port for each peer nothing is agreed. A
//! dial that begins before we listen leaves from a port of its own, and agrees with nobody.
//! IPv4 and IPv6 are apart. Bound: [`ObservedAddresses::VOICES`].

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};

use crate::{address::is_public, config::AddressScope, peer::PeerId};

/// See the module.
#[derive(Debug, Default)]
pub struct ObservedAddresses {
    /// What each peer sees, and the network that it is in.
    voices: BTreeMap<PeerId, (SocketAddr, IpAddr)>,
    /// What is agreed, of IPv4 and of IPv6.
    agreed: [Option<SocketAddr>; 2],
}

/// What is agreed has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressChange {
    /// Where we no longer are.
    pub from: Option<SocketAddr>,
    /// Where we are.
    pub to: Option<SocketAddr>,
}

impl ObservedAddresses {
    /// Networks that must agree.
    pub const AGREE: usize = 3;
    /// Peers that are heard at most; the others are not.
    pub const VOICES: usize = 256;

    /// A connected peer at `at` says that it sees us at `seen`.
    pub fn heard(&mut self, reach: AddressScope, peer: PeerId, at: IpAddr, seen: SocketAddr) -> Option<AddressChange> {
        let counts = |ip: IpAddr| reach == AddressScope::Any || is_public(ip);
        if !counts(at) || !counts(seen.ip()) || seen.ip().is_multicast() || seen.port() == 0 {
            return None;
        }
        if self.voices.len() >= Self::VOICES && !self.voices.contains_key(&peer) {
            return None;
        }
        self.voices.insert(peer, (seen, group(at)));
        self.settle(seen)
    }

    /// A peer is gone, and its voice with it.
    pub fn left(&mut self, peer: PeerId) -> Option<AddressChange> {
        let (seen, _) = self.voices.remove(&peer)?;
        self.settle(seen)
    }

    /// What is agreed: one address of each kind at most.
    pub fn agreed(&self) -> impl Iterator<Item = SocketAddr> {
        self.agreed.into_iter().flatten()
    }

    /// Counts the networks anew, of all addresses of the same kind as this one.
    fn settle(&mut self, like: SocketAddr) -> Option<AddressChange> {
        let mut networks: BTreeMap<SocketAddr, BTreeSet<IpAddr>> = BTreeMap::new();
        for (seen, group) in self.voices.values().filter(|(seen, _)| seen.is_ipv4() == like.is_ipv4()) {
            networks.entry(*seen).or_default().insert(*group);
        }
        let agreed = self.agreed.get_mut(usize::from(like.is_ipv6()))?;
        let known = agreed.and_then(|known| networks.get(&known)).map_or(0, BTreeSet::len);
        let best = networks.iter().map(|(seen, behind)| (behind.len(), *seen)).max();
        let all: BTreeSet<&IpAddr> = networks.values().flatten().collect();
        let to = match best {
            Some((most, seen)) if most >= Self::AGREE && most > known => Some(seen),
            _ if known == 0 && all.len() >= Self::AGREE => None,
            _ => return None,
        };
        let from = core::mem::replace(agreed, to);
        (from != to).then_some(AddressChange { from, to })
    }
}

/// The network that a peer speaks for.
fn group(ip: IpAddr) -> IpAddr {
    match ip {
        _ if !is_public(ip) => ip,
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() >> 16 << 16).into()),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => group(v4.into()),
            None => IpAddr::V6((v6.to_bits() >> 96 << 96).into()),
        },
    }
}
