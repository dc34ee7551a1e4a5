//! Changes of our node record: at most one in [`PERIOD`], so that addresses which alternate do not make nodes fetch one record after
//! the other. What comes meanwhile waits; of two addresses of one kind the later one is written. No clock, no I/O.

use std::{net::SocketAddr, time::Duration};

use crate::network::address::RecordUpdate;

/// Time between two changes at least.
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// See the module. Bound: one socket for each protocol and IP version.
#[derive(Debug, Default)]
pub(super) struct RecordChanges {
    /// TCP of IPv4 and IPv6, UDP of IPv4 and IPv6.
    waiting: [Option<SocketAddr>; 4],
    /// The version whose sockets are to be removed.
    removed: Option<IpVersion>,
    /// Why the last of them waits.
    reason: &'static str,
    /// When the record changed last.
    last: Option<Duration>,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IpVersion {
    V4,
    V6,
}

impl IpVersion {
    /// The record's entries of this version: address, TCP port and UDP port.
    pub(super) const fn entries(self) -> [&'static str; 3] {
        match self {
            Self::V4 => ["ip", "tcp", "udp"],
            Self::V6 => ["ip6", "tcp6", "udp6"],
        }
    }
}

/// What to write into the record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DueChange {
    pub(super) tcp: Vec<SocketAddr>,
    pub(super) udp: Vec<SocketAddr>,
    /// The version whose sockets are removed; none of them is in `tcp` and `udp`.
    pub(super) removed: Option<IpVersion>,
    pub(super) reason: &'static str,
}

impl RecordChanges {
    /// Something to write as soon as it may be.
    pub(super) fn add(&mut self, update: &RecordUpdate) {
        let sockets = update.tcp.map(|tcp| (tcp, 0)).into_iter().chain(update.udp.map(|udp| (udp, 2)));
        for (socket, kind) in sockets {
            if let Some(slot) = self.waiting.get_mut(kind + usize::from(socket.is_ipv6())) {
                *slot = Some(socket);
            }
        }
        if let Some(kept) = update.tcp.or(update.udp).filter(|_| update.is_only) {
            self.remove(if kept.is_ipv6() { IpVersion::V4 } else { IpVersion::V6 });
        }
        self.reason = update.reason;
    }

    /// Removes what the record has of this version, and what was to be written into it.
    fn remove(&mut self, version: IpVersion) {
        let [tcp4, tcp6, udp4, udp6] = &mut self.waiting;
        let (tcp, udp) = if version == IpVersion::V4 { (tcp4, udp4) } else { (tcp6, udp6) };
        (*tcp, *udp) = (None, None);
        self.removed = Some(version);
    }

    /// When what waits may be written; `None` if nothing waits.
    pub(super) fn due(&self) -> Option<Duration> {
        let waits = self.removed.is_some() || self.waiting.iter().any(Option::is_some);
        waits.then(|| self.last.map_or(Duration::ZERO, |last| last + PERIOD))
    }

    /// What may be written at `now`; the caller reports by [`RecordChanges::changed`] whether the record has changed by it.
    pub(super) fn take(&mut self, now: Duration) -> Option<DueChange> {
        self.due().filter(|due| *due <= now)?;
        let [tcp4, tcp6, udp4, udp6] = std::mem::take(&mut self.waiting);
        let both = |v4: Option<SocketAddr>, v6: Option<SocketAddr>| v4.into_iter().chain(v6).collect();
        let (tcp, udp, removed) = (both(tcp4, tcp6), both(udp4, udp6), self.removed.take());
        Some(DueChange { tcp, udp, removed, reason: self.reason })
    }

    /// The record has changed at `now`.
    pub(super) fn changed(&mut self, now: Duration) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> RecordUpdate {
        RecordUpdate { tcp: Some(text.parse().unwrap()), udp: None, is_only: false, reason: "test" }
    }

    /// An hour in which another address is reported each second.
    #[test]
    fn the_record_changes_at_most_once_a_minute_and_has_the_latest_address() {
        let mut changes = RecordChanges::default();
        let mut written: Vec<(u64, SocketAddr)> = Vec::new();
        for second in 0..3600 {
            changes.add(&tcp(&format!("192.0.2.{}:9222", second % 7 + 1)));
            if let Some(change) = changes.take(Duration::from_secs(second)) {
                assert_eq!(change.tcp[0].to_string(), format!("192.0.2.{}:9222", second % 7 + 1), "the latest");
                changes.changed(Duration::from_secs(second));
                written.push((second, change.tcp[0]));
            }
        }
        let times: Vec<u64> = written.iter().map(|(second, _)| *second).collect();
        assert_eq!(times, (0..60).map(|minute| minute * 60).collect::<Vec<_>>());
    }

    #[test]
    fn an_only_address_removes_those_of_the_other_version_and_the_latest_one_counts() {
        let mut changes = RecordChanges::default();
        let only = |text: &str| RecordUpdate { is_only: true, ..tcp(text) };
        for (text, removed) in [("[2001:db8::1]:1", IpVersion::V4), ("192.0.2.1:1", IpVersion::V6)] {
            changes.add(&only("192.0.2.9:1"));
            changes.add(&only("[2001:db8::9]:1"));
            changes.add(&only(text));
            let change = changes.take(Duration::ZERO).unwrap();
            assert_eq!((change.tcp, change.removed), (vec![text.parse().unwrap()], Some(removed)));
        }
        assert_eq!(changes.due(), None);
    }

    #[test]
    fn an_address_that_the_record_has_already_delays_no_other() {
        let mut changes = RecordChanges::default();
        assert_eq!(changes.due(), None);
        changes.add(&tcp("192.0.2.1:1"));
        assert!(changes.take(Duration::from_secs(1)).is_some());
        changes.add(&RecordUpdate { udp: Some("192.0.2.1:2".parse().unwrap()), ..tcp("[2001:db8::1]:3") });
        let change = changes.take(Duration::from_secs(2)).unwrap();
        assert_eq!((change.tcp.len(), change.udp.len()), (1, 1));
        changes.changed(Duration::from_secs(2));
        changes.add(&tcp("192.0.2.2:1"));
        assert_eq!(changes.due(), Some(Duration::from_secs(62)));
        assert_eq!(changes.take(Duration::from_secs(61)), None);
        assert!(changes.take(Duration::from_secs(62)).is_some());
    }
}
