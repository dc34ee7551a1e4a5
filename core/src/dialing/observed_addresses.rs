//! This node's own addresses, as its peers see them (identify's observed address).
//!
//! The report of one peer is not enough: it could make others dial a victim in our name. An IP and TCP port count when peers of
//! [`ObservedAddresses::MIN_NETWORKS`] networks report the same, where a network is an IPv4 /16 or an IPv6 /32: the
//! groups by which Bitcoin Core prevents one operator from filling its address manager (`NetGroupManager`). Servers in
//! one /24 cost as much as one server; three /16 are three providers, or three sites of a large one. Reports of peers
//! at private or loopback addresses count only where such addresses belong to the network ([`AddressScope::Any`]), and
//! each such address is a network of its own. The same rule applies to the reported addresses.
//!
//! Each peer has one report, its latest, while it is connected: a change of address breaks connections, and the new
//! ones report the new address. An agreed address stays until another address has more networks, or until no report for
//! it is left while enough networks report other addresses: behind a NAT that maps each peer to another port, nothing
//! is agreed. A dial that begins before we listen uses an ephemeral port, which no other report matches. IPv4 and IPv6
//! are separate, and a mapped IPv4 address (`::ffff:A.B.C.D`) is the IPv4 address. Bound:
//! [`ObservedAddresses::MAX_REPORTERS`].

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    address::{group_of, is_public},
    config::AddressScope,
    peer::PeerId,
};

/// The reports of connected peers, and the agreed addresses. See the module.
#[derive(Debug, Default)]
pub struct ObservedAddresses {
    /// The address that each peer reports, and the network of that peer.
    reports: BTreeMap<PeerId, (SocketAddr, IpAddr)>,
    /// The agreed address of IPv4 and of IPv6.
    agreed: [Option<SocketAddr>; 2],
}

/// An agreed address has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressChange {
    /// The address before, no longer agreed.
    pub from: Option<SocketAddr>,
    /// The address from now on.
    pub to: Option<SocketAddr>,
}

impl ObservedAddresses {
    /// Networks that must report the same address.
    pub const MIN_NETWORKS: usize = 3;
    /// Peers whose reports count; reports of more peers are ignored.
    pub const MAX_REPORTERS: usize = 256;

    /// A connected peer at the IP `at` reports that it sees us at `seen`.
    pub fn reported(
        &mut self,
        scope: AddressScope,
        peer: PeerId,
        at: IpAddr,
        seen: SocketAddr,
    ) -> Option<AddressChange> {
        let (at, seen) = (at.to_canonical(), SocketAddr::new(seen.ip().to_canonical(), seen.port()));
        let counts = |ip: IpAddr| scope == AddressScope::Any || is_public(ip);
        if !counts(at) || !counts(seen.ip()) || seen.ip().is_multicast() || seen.port() == 0 {
            return None;
        }
        if self.reports.len() >= Self::MAX_REPORTERS && !self.reports.contains_key(&peer) {
            return None;
        }
        self.reports.insert(peer, (seen, group_of(at)));
        self.settle(seen)
    }

    /// A peer disconnected; its report is removed.
    pub fn left(&mut self, peer: PeerId) -> Option<AddressChange> {
        let (seen, _) = self.reports.remove(&peer)?;
        self.settle(seen)
    }

    /// The agreed addresses: at most one of IPv4 and one of IPv6.
    pub fn agreed(&self) -> impl Iterator<Item = SocketAddr> {
        self.agreed.into_iter().flatten()
    }

    /// How many networks the peers are in that report an address of IPv6, or of IPv4.
    pub fn networks(&self, is_ipv6: bool) -> usize {
        let reports = self.reports.values().filter(|(seen, _)| seen.is_ipv6() == is_ipv6);
        reports.map(|(_, network)| network).collect::<BTreeSet<_>>().len()
    }

    /// Counts the networks again, for all addresses of the same IP version as `like`.
    fn settle(&mut self, like: SocketAddr) -> Option<AddressChange> {
        let mut networks: BTreeMap<SocketAddr, BTreeSet<IpAddr>> = BTreeMap::new();
        for (seen, group) in self.reports.values().filter(|(seen, _)| seen.is_ipv4() == like.is_ipv4()) {
            networks.entry(*seen).or_default().insert(*group);
        }
        let agreed = self.agreed.get_mut(usize::from(like.is_ipv6()))?;
        let current = agreed.and_then(|address| networks.get(&address)).map_or(0, BTreeSet::len);
        let best = networks.iter().map(|(seen, behind)| (behind.len(), *seen)).max();
        let all: BTreeSet<&IpAddr> = networks.values().flatten().collect();
        let to = match best {
            Some((most, seen)) if most >= Self::MIN_NETWORKS && most > current => Some(seen),
            _ if current == 0 && all.len() >= Self::MIN_NETWORKS => None,
            _ => return None,
        };
        let from = core::mem::replace(agreed, to);
        (from != to).then_some(AddressChange { from, to })
    }
}
