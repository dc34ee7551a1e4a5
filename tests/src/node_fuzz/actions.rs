//! The random actions of a run.

use core::time::Duration;

use petrel_core::{
    Input,
    ban::{Ban, BanTarget},
    event::Direction,
    peer::PeerId,
    serving::RequestId,
};

use super::{
    chain::{SignedBlock, version},
    host::Host,
    peers,
};

/// How many of the newest blocks an honest peer may still deliver.
const RECENT: u64 = 6;
/// The largest error of this machine's clock, seconds.
const SKEW: u64 = 600;

impl Host {
    /// One random action, and a little time.
    pub(super) fn act(&mut self, step: usize) {
        match self.random.below(1000) {
            0..300 => self.deliver_recent(),
            300..440 => self.gossip_hostile(),
            440..560 => self.advance_up_to(500),
            560..600 => self.advance_up_to(8_000),
            600..604 => self.advance_up_to(150_000),
            604..680 => self.connect_any(),
            680..710 => self.disconnect_any(),
            710..790 => self.ask(step),
            790..820 => self.flap_topic(),
            820..850 => self.identify(),
            850..890 => self.score_all(),
            890..930 => self.discover(),
            930..950 => self.annoy(),
            950..975 => self.operate(),
            975..980 => self.toggle_clock(),
            980..985 => self.toggle_disk(),
            985..992 => self.reorg(),
            992..994 => self.restart(),
            _ => self.report_host(),
        }
        self.advance_up_to(40);
    }

    fn advance_up_to(&mut self, millis: u64) {
        let millis = self.random.below(millis);
        self.advance(Duration::from_millis(millis));
    }

    /// Any connected peer that `wanted` holds for.
    fn connected(&mut self, wanted: impl Fn(PeerId) -> bool) -> Option<PeerId> {
        let peers: Vec<PeerId> = self.connections.open.iter().copied().filter(|peer| wanted(*peer)).collect();
        let index = self.random.below(peers.len().max(1) as u64);
        peers.get(index as usize).copied()
    }

    fn any_hostile(&mut self) -> PeerId {
        peers::hostile(self.random.below(u64::from(peers::HOSTILE)) as u16)
    }

    fn deliver(&mut self, peer: PeerId, block: SignedBlock) {
        if self.is_new(block.id) {
            self.give(Input::Gossiped { peer, id: block.id, version: version(), message: block.message });
        }
    }

    /// An honest peer delivers one of the newest blocks: sometimes late, sometimes out of order. The others are lost.
    fn deliver_recent(&mut self) {
        let Some(peer) = self.connected(peers::is_honest) else { return };
        let number = self.chain.tip().saturating_sub(self.random.below(RECENT));
        if let Some(block) = self.chain.at(number).cloned() {
            self.deliver(peer, block);
        }
    }

    /// An honest peer delivers the newest block.
    pub(super) fn deliver_newest(&mut self) {
        let (peer, block) = (self.connected(peers::is_honest), self.chain.at(self.chain.tip()).cloned());
        if let (Some(peer), Some(block)) = (peer, block) {
            self.deliver(peer, block);
        }
    }

    /// A hostile peer sends a few invalid messages, or an old valid one.
    fn gossip_hostile(&mut self) {
        for _ in 0..=self.random.below(12) {
            let Some(peer) = self.connected(|peer| !peers::is_honest(peer)) else { return };
            let old = self.chain.tip().saturating_sub(self.random.below(200));
            let message = match self.chain.at(old).filter(|_| self.random.percent(10)) {
                Some(block) => block.message.clone(),
                None => self.hostile_message(),
            };
            let id = message.id(&self.chain.chain().topic(version()));
            if self.is_new(id) {
                self.give(Input::Gossiped { peer, id, version: version(), message });
            }
        }
    }

    fn connect_any(&mut self) {
        let direction = if self.random.percent(70) { Direction::Inbound } else { Direction::Outbound };
        let peer = if self.random.percent(30) {
            peers::honest(self.random.below(u64::from(peers::HONEST)) as u8)
        } else {
            self.any_hostile()
        };
        self.connect(peer, direction);
    }

    fn disconnect_any(&mut self) {
        if let Some(peer) = self.connected(|_| true) {
            self.disconnect(peer, "it left");
        }
    }

    /// Peers ask for blocks; hostile ones also for what cannot be, and many at once.
    fn ask(&mut self, step: usize) {
        let Some(peer) = self.connected(|_| true) else { return };
        let requests = if peers::is_honest(peer) { 1 } else { self.random.below(30) };
        for index in 0..requests {
            let number = match self.random.below(10) {
                0 => None,
                1 => Some(u64::MAX - index),
                _ => Some(self.chain.tip().saturating_sub(self.random.below(100))),
            };
            let id = RequestId(step as u64 * 1000 + index);
            self.give(Input::Asked { id, peer, number });
        }
    }

    fn flap_topic(&mut self) {
        let Some(peer) = self.connected(|peer| !peers::is_honest(peer)) else { return };
        for _ in 0..self.random.below(6) {
            let joined = self.random.percent(50);
            if self.connections.open.contains(&peer) {
                self.give(Input::Topic { peer, version: version(), joined });
            }
        }
    }

    fn identify(&mut self) {
        let Some(peer) = self.connected(|_| true) else { return };
        let is_honest = peers::is_honest(peer);
        let own = peers::multiaddr(peers::ip(peer));
        let (agent, addresses) = match self.random.below(3) {
            _ if is_honest => ("petrel/0.2".to_owned(), vec![own]),
            0 => ("petrel\u{1b}[2J".repeat(40), vec!["/ip4/20.0.3.4/tcp/9222".to_owned(); 60]),
            1 => (String::new(), vec!["no multiaddr".to_owned(), "/dns4/a.example/tcp/1".to_owned()]),
            _ => ("op-node".to_owned(), vec![own]),
        };
        let seen = self.random.percent(50).then(|| "/ip4/77.1.2.3/tcp/9222".to_owned());
        self.give(Input::Identified { peer, agent, addresses, seen });
    }

    /// gossipsub's scores: good ones of honest peers, anything of the others.
    fn score_all(&mut self) {
        let peers: Vec<PeerId> = self.connections.open.iter().copied().collect();
        let scores = peers.into_iter().map(|peer| {
            let low = !peers::is_honest(peer) && self.random.percent(20);
            (peer, if low { -(self.random.below(200) as f64) } else { self.random.below(20) as f64 })
        });
        let scores = scores.collect();
        self.give(Input::Scored(scores));
    }

    pub(super) fn score_honest(&mut self) {
        let scores = self.connections.open.iter().map(|peer| (*peer, 5.0)).collect();
        self.give(Input::Scored(scores));
    }

    fn discover(&mut self) {
        let peer = if self.random.percent(20) {
            peers::honest(self.random.below(u64::from(peers::HONEST)) as u8)
        } else {
            self.any_hostile()
        };
        self.give(Input::Discovered { peer, addresses: vec![peers::multiaddr(peers::ip(peer))] });
    }

    /// A hostile peer reads slowly.
    fn annoy(&mut self) {
        let Some(peer) = self.connected(|peer| !peers::is_honest(peer)) else { return };
        let input = if self.random.percent(50) { Input::Slow { peer } } else { Input::SendStalled { peer } };
        self.give(input);
    }

    /// An operator bans a hostile peer or its address, or lifts such a ban.
    fn operate(&mut self) {
        let peer = self.any_hostile();
        let at = BanTarget::address(peers::ip(peer));
        let who = if self.random.percent(70) { BanTarget::Peer(peer) } else { at };
        if self.random.percent(60) {
            return self.give(Input::Unban { who });
        }
        let secs = 1 + self.random.below(600);
        let until = Some(self.now.secs() + secs);
        self.give(Input::Ban {
            who,
            ban: Ban { until, secs, reason: "by hand".to_owned(), ip: None, by_operator: true },
        });
    }

    fn toggle_clock(&mut self) {
        let far = self.random.below(2 * SKEW) as i64 - SKEW as i64;
        self.skew = if self.skew == 0 { far } else { 0 };
    }

    fn toggle_disk(&mut self) {
        self.disk.fails = !self.disk.fails;
    }

    fn reorg(&mut self) {
        let depth = self.random.below(5);
        self.outcome.replaced += self.chain.reorg(depth);
    }

    fn report_host(&mut self) {
        let input = match self.random.below(5) {
            0 => Input::Stalled(Duration::from_millis(self.random.below(5_000))),
            1 => Input::ClockAgrees,
            2 => Input::Reachable(self.random.percent(50)),
            3 => Input::StopRequested,
            _ => Input::SharedKey { address: peers::multiaddr(peers::honest_ip(1)) },
        };
        self.give(input);
    }
}
