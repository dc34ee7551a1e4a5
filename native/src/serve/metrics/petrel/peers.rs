//! Metrics of peers, bans, and this node's reachability.

use petrel_core::{Event, ban::BanTarget, event::Direction, node::Status};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};

use crate::serve::metrics::registry::{Registrar, gauge_value, raise_to};

/// See the module.
#[derive(Debug)]
pub(super) struct PeerMetrics {
    peers: IntGaugeVec,
    bans: IntGaugeVec,
    banned: IntCounterVec,
    reachable: IntGauge,
    dial_backs: IntCounterVec,
}

impl PeerMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            peers: register.gauges("peers", "Connected peers", &["transport", "direction"])?,
            bans: register.gauges("bans", "Bans in force by kind of subject", &["kind"])?,
            banned: register.counters("bans_total", "Bans by the rule that caused them", &["reason"])?,
            reachable: register
                .gauge("reachable", "1 if peers can dial this node, 0 if not, -1 while it is not known")?,
            dial_backs: register.counters(
                "dial_backs_total",
                "Requests of peers to test whether they can be dialled, by result",
                &["result"],
            )?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        if let Event::Banned(ban) = event {
            self.banned.with_label_values(&[ban.cause.as_str()]).inc();
        }
    }

    pub(super) fn update(&self, status: &Status) {
        self.reachable.set(status.peering.reachable.map_or(-1, i64::from));
        let backs = status.traffic.dial_backs;
        for (result, count) in [("reached", backs.reached), ("unreached", backs.unreached), ("refused", backs.refused)]
        {
            raise_to(&self.dial_backs.with_label_values(&[result]), count);
        }
        self.peers.reset();
        for peer in &status.peering.peers {
            let direction = match peer.connected.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            };
            self.peers.with_label_values(&[peer.connected.transport, direction]).inc();
        }
        for kind in ["peer", "ip", "net"] {
            let count = status.peering.bans.iter().filter(|ban| kind_of(&ban.who) == kind).count();
            self.bans.with_label_values(&[kind]).set(gauge_value(count as u64));
        }
    }
}

fn kind_of(subject: &BanTarget) -> &'static str {
    match subject {
        BanTarget::Peer(_) => "peer",
        BanTarget::Ip(_) => "ip",
        BanTarget::Net(_) => "net",
    }
}
