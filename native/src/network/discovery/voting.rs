//! Asks nodes for our UDP socket, by PING, and counts their [`votes`](super::votes).
//!
//! A round asks up to [`ASKED`] nodes of the table, in turn: every [`INTERVAL_UNKNOWN`] until a socket is agreed, then every
//! [`INTERVAL_KNOWN`]. Nodes that the table holds for disconnected are asked too: it does so of boot nodes that have answered.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use discv5::{Discv5, Enr};
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
}

impl Voting {
    pub(super) fn new(discv5: Arc<Discv5>, scope: AddressScope) -> Self {
        let start = Instant::now();
        Self { discv5, votes: UdpVotes::new(scope), start, next_round: start + INTERVAL_UNKNOWN, asked: 0 }
    }

    /// When the next round is due.
    pub(super) fn next_round(&self) -> Instant {
        self.next_round
    }

    /// Begins a round: the answers of the asked nodes.
    pub(super) fn ask(&mut self) -> Vec<BoxFuture<'static, Option<Vote>>> {
        let interval = if self.votes.has_agreed() { INTERVAL_KNOWN } else { INTERVAL_UNKNOWN };
        self.next_round = Instant::now() + interval;
        let records: Vec<Enr> = self.discv5.table_entries_enr();
        let skipped = if records.is_empty() { 0 } else { self.asked % records.len() };
        let count = records.len().min(ASKED);
        self.asked = self.asked.wrapping_add(count);
        records.into_iter().cycle().skip(skipped).take(count).map(|record| self.vote_of(record)).collect()
    }

    fn vote_of(&self, record: Enr) -> BoxFuture<'static, Option<Vote>> {
        // The address that discv5 contacts: the answer comes from it, whatever else the record says.
        let at = self.discv5.ip_mode().get_contactable_addr(&record).map(|socket| socket.ip());
        let peer = peer_id(&record).and_then(|peer| PeerId::from_bytes(&peer.to_bytes()).ok());
        let pong = self.discv5.send_ping(record);
        Box::pin(async move {
            let (at, peer, pong) = (at?, peer?, pong.await.ok()?);
            is_same_version(at, pong.ip).then_some(Vote { peer, at, seen: SocketAddr::new(pong.ip, pong.port) })
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
