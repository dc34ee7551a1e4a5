//! Relays among the nodes that discovery has a session with. A node record is signed by its node, but may name any IP: a relay counts
//! when its record has the IP at which the session was established, so that nobody can name the address of another machine. A record
//! may get its IP, or the entry, after the session: so the sessions are remembered.
//!
//! Bound: [`Sessions::MAX`] sessions.

use std::{collections::BTreeMap, net::IpAddr};

use discv5::Enr;
use libp2p::PeerId;

use super::{node_record::peer_from_record, relay_entry::RelayEntry};

/// A peer of this chain that says in its node record that it serves browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredRelay {
    /// Its peer id.
    pub peer: PeerId,
    /// Its IP: it is in its record, and discovery had a session with it there.
    pub ip: IpAddr,
    /// Where its relay record is.
    pub entry: RelayEntry,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Sessions {
    chain: u64,
    /// The IP of each node, by its node id.
    ips: BTreeMap<[u8; 32], IpAddr>,
}

impl Sessions {
    /// Maximum number; a further one takes the place of any other.
    const MAX: usize = 4096;

    pub(super) const fn new(chain: u64) -> Self {
        Self { chain, ips: BTreeMap::new() }
    }

    /// A session with this node was established at this IP.
    pub(super) fn established(&mut self, record: &Enr, ip: IpAddr) {
        let node = record.node_id().raw();
        if self.ips.len() >= Self::MAX && !self.ips.contains_key(&node) {
            self.ips.pop_first();
        }
        self.ips.insert(node, ip.to_canonical());
    }

    /// The relay of this record, if it is one.
    pub(super) fn relay(&self, record: &Enr) -> Option<DiscoveredRelay> {
        let entry = RelayEntry::of_record(record)?;
        let ip = *self.ips.get(&record.node_id().raw())?;
        let is_own = record.ip4().is_some_and(|own| ip == own) || record.ip6().is_some_and(|own| ip == own);
        let (peer, _) = peer_from_record(record, self.chain).ok().filter(|_| is_own)?;
        Some(DiscoveredRelay { peer, ip, entry })
    }
}

#[cfg(test)]
mod tests {
    use libp2p::identity::{Keypair, secp256k1};

    use super::*;
    use crate::network::discovery::{RecordEndpoint, build_record, signing_key};

    #[test]
    fn a_relay_counts_whose_record_has_the_ip_of_its_session_then_or_later() {
        let identity: Keypair = secp256k1::Keypair::generate().into();
        let key = signing_key(&identity).unwrap();
        let entry = RelayEntry { port: 8080, host: None };
        let record = |chain: u64, ip: Option<&str>, entry: Option<&RelayEntry>| {
            let endpoint = RecordEndpoint { ip: ip.map(|ip| ip.parse().unwrap()), tcp: 9222, udp: 9222 };
            build_record(&key, chain, endpoint, entry, None).unwrap()
        };
        let mut sessions = Sessions::new(10);
        let good = record(10, Some("8.8.4.4"), Some(&entry));
        assert_eq!(sessions.relay(&good), None, "there was no session");
        sessions.established(&record(10, None, Some(&entry)), "::ffff:8.8.4.4".parse().unwrap());
        let relay = DiscoveredRelay {
            peer: identity.public().to_peer_id(),
            ip: "8.8.4.4".parse().unwrap(),
            entry: entry.clone(),
        };
        assert_eq!(sessions.relay(&good), Some(relay));
        for other in [
            record(10, Some("8.8.4.5"), Some(&entry)),
            record(10, None, Some(&entry)),
            record(10, Some("8.8.4.4"), None),
            record(11, Some("8.8.4.4"), Some(&entry)),
        ] {
            assert_eq!(sessions.relay(&other), None, "{other}");
        }
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let mut sessions = Sessions::new(10);
        sessions.ips = (0..Sessions::MAX as u64)
            .map(|seed| {
                (std::array::from_fn(|at| seed.to_be_bytes().get(at).copied().unwrap_or(0)), IpAddr::from([8, 8, 4, 4]))
            })
            .collect();
        assert_eq!(sessions.ips.len(), Sessions::MAX);
        let key = signing_key(&secp256k1::Keypair::generate().into()).unwrap();
        let record = build_record(&key, 10, RecordEndpoint::default(), None, None).unwrap();
        sessions.established(&record, IpAddr::from([8, 8, 4, 4]));
        assert_eq!(sessions.ips.len(), Sessions::MAX);
        assert!(sessions.ips.contains_key(&record.node_id().raw()));
    }
}
