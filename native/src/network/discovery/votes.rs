//! Votes of discovery's nodes for our UDP socket: what they report in the PONG that answers our PING.
//!
//! They count as what peers report by identify does: an address is agreed when nodes of three networks report it
//! ([`ObservedAddresses`]). discv5 has votes of its own, which count nodes and not networks, and which erase the address for six hours
//! when nobody connects for five minutes; they are switched off. Only answers to our own PINGs count. A node has one vote, its latest,
//! for [`VOTE_LIFETIME`]. No I/O, no clock.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use petrel_core::{config::AddressScope, dialing::ObservedAddresses, peer::PeerId};

/// How long a vote counts: three rounds while an address is agreed.
const VOTE_LIFETIME: Duration = Duration::from_secs(900);

/// The vote of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vote {
    /// The node's key as a peer id.
    pub(super) peer: PeerId,
    /// The node's address, from which it has answered.
    pub(super) at: IpAddr,
    /// Where it sees us.
    pub(super) seen: SocketAddr,
}

/// See the module. Bound: [`ObservedAddresses::MAX_REPORTERS`] votes.
#[derive(Debug)]
pub(super) struct UdpVotes {
    scope: AddressScope,
    observed: ObservedAddresses,
    /// When each node has voted.
    at: BTreeMap<PeerId, Duration>,
}

impl UdpVotes {
    /// `scope` says whether private addresses belong to the network.
    pub(super) fn new(scope: AddressScope) -> Self {
        Self { scope, observed: ObservedAddresses::default(), at: BTreeMap::new() }
    }

    /// A node has voted at `now`; the socket that is agreed by it, if that is another one than before.
    pub(super) fn voted(&mut self, now: Duration, vote: Vote) -> Option<SocketAddr> {
        self.expire(now);
        if self.at.len() < ObservedAddresses::MAX_REPORTERS || self.at.contains_key(&vote.peer) {
            self.at.insert(vote.peer, now);
        }
        self.observed.reported(self.scope, vote.peer, vote.at, vote.seen)?.to
    }

    /// Whether nodes agree on a socket.
    pub(super) fn has_agreed(&self) -> bool {
        self.observed.agreed().next().is_some()
    }

    fn expire(&mut self, now: Duration) {
        let old = self.at.iter().filter(|(_, at)| now >= **at + VOTE_LIFETIME);
        for peer in old.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.at.remove(&peer);
            // Without its votes an address stays in the record until another one is agreed.
            let _no_longer_agreed = self.observed.left(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(at: &str, seen: &str) -> Vote {
        let peer = libp2p::identity::Keypair::generate_ed25519().public().to_peer_id();
        let peer = PeerId::from_bytes(&peer.to_bytes()).unwrap();
        Vote { peer, at: at.parse().unwrap(), seen: seen.parse().unwrap() }
    }

    /// The sockets on which nodes at these addresses agree one after the other.
    fn agreed(votes: &mut UdpVotes, nodes: &[&str], seen: &str) -> Vec<String> {
        let agreed = nodes.iter().filter_map(|at| votes.voted(Duration::ZERO, vote(at, seen)));
        agreed.map(|socket| socket.to_string()).collect()
    }

    #[test]
    fn nodes_of_three_networks_have_to_agree() {
        let mut votes = UdpVotes::new(AddressScope::Public);
        let one_network: Vec<String> = (0..200).map(|last| format!("8.8.{last}.1")).collect();
        let one_network: Vec<&str> = one_network.iter().map(String::as_str).collect();
        assert_eq!(agreed(&mut votes, &one_network, "1.2.3.4:9222"), Vec::<String>::new());
        assert_eq!(agreed(&mut votes, &["9.9.0.1"], "1.2.3.4:9222"), Vec::<String>::new());
        assert!(!votes.has_agreed());
        assert_eq!(agreed(&mut votes, &["11.9.0.1", "12.9.0.1"], "1.2.3.4:9222"), ["1.2.3.4:9222"]);
        assert!(votes.has_agreed());
    }

    #[test]
    fn a_mapped_ipv4_address_counts_as_the_ipv4_address_that_it_is() {
        // Of the node: all mapped ones would be of one IPv6 network.
        let mut votes = UdpVotes::new(AddressScope::Public);
        let one_network = ["::ffff:8.8.1.1", "::ffff:8.8.2.1", "8.8.3.1", "::ffff:8.8.4.1"];
        assert_eq!(agreed(&mut votes, &one_network, "1.2.3.4:9222"), Vec::<String>::new());
        assert_eq!(agreed(&mut votes, &["::ffff:9.9.0.1", "10.0.0.1", "11.9.0.1"], "1.2.3.4:9222"), ["1.2.3.4:9222"]);
        // And of ours: it is never written into the record as IPv6.
        let mut votes = UdpVotes::new(AddressScope::Public);
        assert_eq!(agreed(&mut votes, &["8.8.0.1", "9.9.0.1"], "[::ffff:1.2.3.4]:9222"), Vec::<String>::new());
        assert_eq!(agreed(&mut votes, &["11.9.0.1"], "1.2.3.4:9222"), ["1.2.3.4:9222"]);
        assert_eq!(agreed(&mut votes, &["12.9.0.1"], "[::ffff:10.0.0.1]:9222"), Vec::<String>::new());
    }

    #[test]
    fn old_votes_do_not_count() {
        let mut votes = UdpVotes::new(AddressScope::Public);
        assert_eq!(agreed(&mut votes, &["8.8.0.1", "9.9.0.1"], "1.2.3.4:9222"), Vec::<String>::new());
        assert_eq!(votes.voted(VOTE_LIFETIME, vote("11.9.0.1", "1.2.3.4:9222")), None);
        assert_eq!(votes.at.len(), 1);
    }
}
