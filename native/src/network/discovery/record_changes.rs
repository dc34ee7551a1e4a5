//! Changes of our node record: at most one in [`PERIOD`], so that addresses which alternate do not make nodes fetch one record after
//! the other. What comes meanwhile waits; of two addresses of one kind the later one is written. No clock.

use std::{net::SocketAddr, time::Duration};

use crate::network::address::RecordUpdate;

/// Time between two changes at least.
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// See the module. Bound: one socket for each protocol and IP version.
#[derive(Debug, Default)]
pub(super) struct RecordChanges {
    /// TCP of IPv4 and IPv6, UDP of IPv4 and IPv6.
    waiting: [Option<SocketAddr>; 4],
    /// Why the last of them waits.
    reason: &'static str,
    /// When the record changed last.
    last: Option<Duration>,
}

/// What to write into the record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DueChange {
    pub(super) tcp: Vec<SocketAddr>,
    pub(super) udp: Vec<SocketAddr>,
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
        self.reason = update.reason;
    }

    /// When what waits may be written; `None` if nothing waits.
    pub(super) fn due(&self) -> Option<Duration> {
        let waits = self.waiting.iter().any(Option::is_some);
        waits.then(|| self.last.map_or(Duration::ZERO, |last| last + PERIOD))
    }

    /// What may be written at `now`; the caller reports by [`RecordChanges::changed`] whether the record has changed by it.
    pub(super) fn take(&mut self, now: Duration) -> Option<DueChange> {
        self.due().filter(|due| *due <= now)?;
        let [tcp4, tcp6, udp4, udp6] = std::mem::take(&mut self.waiting);
        let both = |v4: Option<SocketAddr>, v6: Option<SocketAddr>| v4.into_iter().chain(v6).collect();
        Some(DueChange { tcp: both(tcp4, tcp6), udp: both(udp4, udp6), reason: self.reason })
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
        RecordUpdate { tcp: Some(text.parse().unwrap()), udp: None, reason: "test" }
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
