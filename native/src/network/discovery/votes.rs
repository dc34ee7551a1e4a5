//! Votes of discovery's nodes for our UDP socket: what they report in the PONG that answers our PING.
//!
//! They count as what peers report by identify does: an address is agreed when nodes of three networks report it
//! ([`ObservedAddresses`]). discv5 has votes of its own, which count nodes and not networks, and which erase the address for six hours
//! when nobody connects for five minutes; they are switched off. Only answers to our own PINGs count. A node has one vote, its latest,
//! for [`VOTE_LIFETIME`].
//!
//! Nodes that this node has chosen (boot nodes, and nodes that it contacted before they contacted it) decide alone as soon as they are
//! of three networks. An attacker can make any number of nodes contact this one. Until then those count too: a boot node may have no
//! others. discv5's own votes and this node's witnesses have the same rule. No I/O, no clock.

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
    /// Whether this node has chosen it.
    pub(super) is_chosen: bool,
}

/// See the module. Bound: twice [`ObservedAddresses::MAX_REPORTERS`] votes.
#[derive(Debug)]
pub(super) struct UdpVotes {
    scope: AddressScope,
    /// Votes of the nodes that this node has chosen.
    chosen: Ballot,
    /// Votes of all nodes.
    all: Ballot,
    /// What was agreed last, of IPv4 and of IPv6.
    last: [Option<SocketAddr>; 2],
}

impl UdpVotes {
    /// `scope` says whether private addresses belong to the network.
    pub(super) fn new(scope: AddressScope) -> Self {
        Self { scope, chosen: Ballot::default(), all: Ballot::default(), last: [None; 2] }
    }

    /// A node has voted at `now`; the socket that is agreed by it, if that is another one than before.
    pub(super) fn voted(&mut self, now: Duration, vote: Vote) -> Option<SocketAddr> {
        self.all.voted(self.scope, now, vote);
        if vote.is_chosen {
            self.chosen.voted(self.scope, now, vote);
        } else {
            self.chosen.expire(now);
            self.chosen.remove(vote.peer);
        }
        let is_ipv6 = vote.seen.ip().to_canonical().is_ipv6();
        let agreed = self.agreed(is_ipv6)?;
        let last = self.last.get_mut(usize::from(is_ipv6))?;
        (last.replace(agreed) != Some(agreed)).then_some(agreed)
    }

    /// Whether nodes agree on a socket.
    pub(super) fn has_agreed(&self) -> bool {
        [false, true].into_iter().any(|is_ipv6| self.agreed(is_ipv6).is_some())
    }

    fn agreed(&self, is_ipv6: bool) -> Option<SocketAddr> {
        let decides = self.chosen.observed.networks(is_ipv6) >= ObservedAddresses::MIN_NETWORKS;
        let ballot = if decides { &self.chosen } else { &self.all };
        ballot.observed.agreed().find(|socket| socket.is_ipv6() == is_ipv6)
    }
}

/// Votes that have not expired. Bound: [`ObservedAddresses::MAX_REPORTERS`].
#[derive(Debug, Default)]
struct Ballot {
    observed: ObservedAddresses,
    /// When each node has voted.
    at: BTreeMap<PeerId, Duration>,
}

impl Ballot {
    fn voted(&mut self, scope: AddressScope, now: Duration, vote: Vote) {
        self.expire(now);
        if self.at.len() < ObservedAddresses::MAX_REPORTERS || self.at.contains_key(&vote.peer) {
            self.at.insert(vote.peer, now);
        }
        // What is agreed now is asked for later.
        let _change = self.observed.reported(scope, vote.peer, vote.at, vote.seen);
    }

    fn expire(&mut self, now: Duration) {
        let old = self.at.iter().filter(|(_, at)| now >= **at + VOTE_LIFETIME);
        for peer in old.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.remove(peer);
        }
    }

    fn remove(&mut self, peer: PeerId) {
        if self.at.remove(&peer).is_some() {
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
        Vote { peer, at: at.parse().unwrap(), seen: seen.parse().unwrap(), is_chosen: false }
    }

    /// The sockets on which nodes at these addresses agree one after the other.
    fn agreed_by(votes: &mut UdpVotes, nodes: &[&str], seen: &str, is_chosen: bool) -> Vec<String> {
        let vote = |at: &&str| Vote { is_chosen, ..vote(at, seen) };
        let agreed = nodes.iter().filter_map(|at| votes.voted(Duration::ZERO, vote(at)));
        agreed.map(|socket| socket.to_string()).collect()
    }

    /// The same of nodes that this node has not chosen.
    fn agreed(votes: &mut UdpVotes, nodes: &[&str], seen: &str) -> Vec<String> {
        agreed_by(votes, nodes, seen, false)
    }

    #[test]
    fn chosen_nodes_of_three_networks_cannot_be_outvoted_by_others() {
        let crowd: Vec<String> = (20..120).map(|network| format!("{network}.8.0.1")).collect();
        let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
        let (wrong, right) = ("6.6.6.6:1", "1.2.3.4:9222");
        let mut votes = UdpVotes::new(AddressScope::Public);
        assert_eq!(agreed_by(&mut votes, &["8.8.0.1", "9.9.0.1"], right, true), Vec::<String>::new());
        // While this node has chosen nodes of two networks, the others count.
        assert_eq!(agreed(&mut votes, &crowd, wrong), [wrong]);
        assert_eq!(agreed_by(&mut votes, &["11.9.0.1"], right, true), [right]);
        assert_eq!(agreed(&mut votes, &crowd, "6.6.6.7:1"), Vec::<String>::new());
        assert!(votes.has_agreed());
        // Chosen ones that agree on nothing leave it as it is, whatever the others say.
        let mut votes = UdpVotes::new(AddressScope::Public);
        for (node, seen) in [("8.8.0.1", "1.2.3.4:1"), ("9.9.0.1", "1.2.3.4:2"), ("11.9.0.1", "1.2.3.4:3")] {
            assert_eq!(agreed_by(&mut votes, &[node], seen, true), Vec::<String>::new());
        }
        assert_eq!(agreed(&mut votes, &crowd, wrong), Vec::<String>::new());
        assert!(!votes.has_agreed());
        // They decide on their own version of IP alone.
        assert_eq!(agreed(&mut votes, &crowd, "[2001:db9::1]:1").len(), 1);
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
        assert_eq!(votes.all.at.len(), 1);
        // Nor of those that this node has chosen.
        let mut votes = UdpVotes::new(AddressScope::Public);
        assert_eq!(agreed_by(&mut votes, &["8.8.0.1", "9.9.0.1", "11.9.0.1"], "1.2.3.4:9222", true).len(), 1);
        votes.voted(VOTE_LIFETIME, vote("12.9.0.1", "1.2.3.4:9222"));
        assert!(votes.chosen.at.is_empty());
    }
}
