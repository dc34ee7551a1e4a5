//! Bounds of handshakes: how many a listener has at once, how many of them one address may have, and how long each may take.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use petrel_core::{
    address::{is_public, network_of},
    ban::BanTarget,
};

/// Sessions of one listener that are not authenticated yet, at most.
pub(super) const MAX_PENDING: usize = 128;
/// From this number of pending sessions on, an address must prove itself before state is kept for it.
pub(super) const PENDING_UNPROVED: usize = 16;
/// From the first packet to the end of Noise at most; go-libp2p's 10 s.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pending sessions of one public address (an IPv4 address, an IPv6 /64) at most: the tabs of one household that open at once.
const PER_ADDRESS: usize = 8;
/// Pending sessions of one public network (IPv4 /24, IPv6 /48) at most.
const PER_NETWORK: usize = 32;

/// The pending sessions of one listener.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingSessions(Arc<Mutex<PendingCounts>>);

#[derive(Debug, Default)]
struct PendingCounts {
    all: usize,
    addresses: BTreeMap<BanTarget, usize>,
    networks: BTreeMap<IpAddr, usize>,
}

/// What happens to a new session.
#[derive(Debug)]
pub(super) enum Admission {
    /// Its handshake begins.
    Begin(PendingSession),
    /// The address must prove itself first.
    Prove,
    /// It is dropped: it may be tried again later.
    Drop,
}

/// One pending session; it ends with the value.
#[derive(Debug)]
pub(super) struct PendingSession {
    sessions: PendingSessions,
    ip: IpAddr,
}

impl PendingSessions {
    /// Decides on a session from `ip`. `is_proved` says that packets to this address are known to arrive there: a share is held
    /// against nobody whose address may be forged.
    pub(super) fn admit(&self, ip: IpAddr, is_proved: bool) -> Admission {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= MAX_PENDING {
            return Admission::Drop;
        }
        let is_crowded = counts.is_crowded(ip);
        if !is_proved && (is_crowded || counts.all >= PENDING_UNPROVED) {
            return Admission::Prove;
        }
        if is_crowded {
            return Admission::Drop;
        }
        counts.add(ip);
        Admission::Begin(PendingSession { sessions: self.clone(), ip })
    }
}

impl Drop for PendingSession {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(self.ip);
    }
}

impl PendingCounts {
    /// Whether the share of an address or of its network is used up. Private addresses have none: many may use one.
    fn is_crowded(&self, ip: IpAddr) -> bool {
        let address = self.addresses.get(&BanTarget::address(ip)).copied().unwrap_or_default();
        let network = self.networks.get(&network_of(ip)).copied().unwrap_or_default();
        is_public(ip) && (address >= PER_ADDRESS || network >= PER_NETWORK)
    }

    fn add(&mut self, ip: IpAddr) {
        self.all += 1;
        *self.addresses.entry(BanTarget::address(ip)).or_default() += 1;
        *self.networks.entry(network_of(ip)).or_default() += 1;
    }

    fn remove(&mut self, ip: IpAddr) {
        self.all = self.all.saturating_sub(1);
        reduce(&mut self.addresses, BanTarget::address(ip));
        reduce(&mut self.networks, network_of(ip));
    }
}

fn reduce<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let left = counts.get(&key).copied().unwrap_or_default().saturating_sub(1);
    if left == 0 {
        counts.remove(&key);
    } else {
        counts.insert(key, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn begin(sessions: &PendingSessions, ip: IpAddr, is_proved: bool) -> Option<PendingSession> {
        match sessions.admit(ip, is_proved) {
            Admission::Begin(session) => Some(session),
            Admission::Prove | Admission::Drop => None,
        }
    }

    #[test]
    fn two_addresses_leave_room_for_others() {
        let sessions = PendingSessions::default();
        let half_open: Vec<_> =
            (0..600).filter_map(|index| begin(&sessions, at(&format!("8.8.{}.8", index % 2)), true)).collect();
        assert_eq!(half_open.len(), 2 * PER_ADDRESS);
        assert!(matches!(sessions.admit(at("8.8.0.8"), true), Admission::Drop));
        assert!(begin(&sessions, at("9.9.9.9"), true).is_some());
        drop(half_open);
        assert!(begin(&sessions, at("8.8.0.8"), true).is_some());
    }

    #[test]
    fn a_network_has_a_share() {
        let sessions = PendingSessions::default();
        let half_open: Vec<_> =
            (0..250).filter_map(|index| begin(&sessions, at(&format!("8.8.8.{index}")), true)).collect();
        assert_eq!(half_open.len(), PER_NETWORK);
        let v6: Vec<_> =
            (0..250).filter_map(|index| begin(&sessions, at(&format!("2606:4700:1:{index}::1")), true)).collect();
        assert_eq!(v6.len(), PER_NETWORK);
    }

    #[test]
    fn a_forged_address_takes_no_share() {
        let sessions = PendingSessions::default();
        let forged: Vec<_> = (0..100).filter_map(|_| begin(&sessions, at("8.8.8.8"), false)).collect();
        assert_eq!(forged.len(), PER_ADDRESS);
        assert!(matches!(sessions.admit(at("8.8.8.8"), false), Admission::Prove), "it may be asked to prove itself");
    }

    #[test]
    fn private_addresses_have_only_the_limit_of_all() {
        let sessions = PendingSessions::default();
        let all: Vec<_> = (0..1000).filter_map(|_| begin(&sessions, at("127.0.0.1"), true)).collect();
        assert_eq!(all.len(), MAX_PENDING);
        assert!(matches!(sessions.admit(at("8.8.8.8"), true), Admission::Drop));
    }
}
