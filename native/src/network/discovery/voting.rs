//! Asks nodes for our UDP socket, by PING, and counts their [`votes`](super::votes).
//!
//! A round asks up to [`ASKED`] nodes of the table, in turn: every [`INTERVAL_UNKNOWN`] until a socket is agreed, then every
//! [`INTERVAL_KNOWN`]. Nodes that the table holds for disconnected are asked too: it does so of boot nodes that have answered.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use discv5::{Discv5, Enr};
use enr::NodeId;
use futures::future::BoxFuture;
use petrel_core::{config::AddressScope, peer::PeerId};
use tokio::time::Instant;

use super::{
    node_record::peer_id,
    votes::{UdpVotes, Vote},
};

/// Nodes that are asked in one round at most.
const ASKED: usize = 16;
/// Time between two rounds while no socket is agreed.
const INTERVAL_UNKNOWN: Duration = Duration::from_secs(10);
/// Time between two rounds otherwise: discv5's own interval of pings.
const INTERVAL_KNOWN: Duration = Duration::from_secs(300);

/// See the module.
pub(super) struct Voting {
    discv5: Arc<Discv5>,
    votes: UdpVotes,
    start: Instant,
    next_round: Instant,
    /// Nodes that were asked so far.
    asked: usize,
    /// The operator's boot nodes: discv5 does not say whether it has contacted them first.
    bootnodes: HashSet<NodeId>,
}

impl Voting {
    pub(super) fn new(discv5: Arc<Discv5>, scope: AddressScope) -> Self {
        let start = Instant::now();
        Self {
            discv5,
            votes: UdpVotes::new(scope),
            start,
            next_round: start + INTERVAL_UNKNOWN,
            asked: 0,
            bootnodes: HashSet::new(),
        }
    }

    /// This node is one of the boot nodes.
    pub(super) fn add_bootnode(&mut self, id: NodeId) {
        self.bootnodes.insert(id);
    }

    /// When the next round is due.
    pub(super) fn next_round(&self) -> Instant {
        self.next_round
    }

    /// Begins a round: the answers of the asked nodes.
    pub(super) fn ask(&mut self) -> Vec<BoxFuture<'static, Option<Vote>>> {
        let interval = if self.votes.has_agreed() { INTERVAL_KNOWN } else { INTERVAL_UNKNOWN };
        self.next_round = Instant::now() + interval;
        let nodes: Vec<(Enr, bool)> = self
            .discv5
            .table_entries()
            .into_iter()
            .map(|(id, record, status)| (record, !status.is_incoming() || self.bootnodes.contains(&id)))
            .collect();
        let skipped = if nodes.is_empty() { 0 } else { self.asked % nodes.len() };
        let count = nodes.len().min(ASKED);
        self.asked = self.asked.wrapping_add(count);
        let asked = nodes.into_iter().cycle().skip(skipped).take(count);
        asked.map(|(record, is_chosen)| self.vote_of(record, is_chosen)).collect()
    }

    fn vote_of(&self, record: Enr, is_chosen: bool) -> BoxFuture<'static, Option<Vote>> {
        // The address that discv5 contacts: the answer comes from it, whatever else the record says.
        let at = self.discv5.ip_mode().get_contactable_addr(&record).map(|socket| socket.ip());
        let peer = peer_id(&record).and_then(|peer| PeerId::from_bytes(&peer.to_bytes()).ok());
        let pong = self.discv5.send_ping(record);
        Box::pin(async move {
            let (at, peer, pong) = (at?, peer?, pong.await.ok()?);
            let seen = SocketAddr::new(pong.ip, pong.port);
            is_same_version(at, pong.ip).then_some(Vote { peer, at, seen, is_chosen })
        })
    }

    /// A node has voted; the socket that is agreed by it, if that is another one than before.
    pub(super) fn voted(&mut self, vote: Vote) -> Option<SocketAddr> {
        self.votes.voted(self.start.elapsed(), vote)
    }
}

/// A node that we contact over IPv4 sees our IPv4 address.
fn is_same_version(at: IpAddr, seen: IpAddr) -> bool {
    at.to_canonical().is_ipv4() == seen.to_canonical().is_ipv4()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use enr::CombinedKey;
    use futures::future::join_all;
    use tokio::net::UdpSocket;

    use super::*;

    /// A node on loopback.
    async fn node() -> Discv5 {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let key = CombinedKey::generate_secp256k1();
        let port = socket.local_addr().unwrap().port();
        let record = Enr::builder().ip4(Ipv4Addr::LOCALHOST).udp4(port).build(&key).unwrap();
        let mut node = Discv5::new(record, key, super::super::discv5_config(vec![socket], true)).unwrap();
        node.start().await.unwrap();
        node
    }

    /// By node id: whether its vote is one of a chosen node.
    async fn votes(voting: &mut Voting) -> Vec<(PeerId, bool)> {
        let votes = join_all(voting.ask()).await;
        votes.into_iter().flatten().map(|vote| (vote.peer, vote.is_chosen)).collect()
    }

    fn peer(node: &Discv5) -> PeerId {
        PeerId::from_bytes(&peer_id(&node.local_enr()).unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn nodes_that_this_one_contacted_and_boot_nodes_are_chosen_and_others_are_not() {
        let (ours, asked, caller) = (node().await, node().await, node().await);
        caller.send_ping(ours.local_enr()).await.unwrap();
        ours.send_ping(asked.local_enr()).await.unwrap();
        let mut voting = Voting::new(Arc::new(ours), AddressScope::Any);
        let mut found = votes(&mut voting).await;
        let mut expected = [(peer(&asked), true), (peer(&caller), false)];
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        voting.add_bootnode(caller.local_enr().node_id());
        assert!(votes(&mut voting).await.iter().all(|(_, is_chosen)| *is_chosen));
    }
}
