//! op-node's metrics under its own names (`op-node/metrics/metrics.go`, `op-service/metrics/{event,ref_metrics}.go`), with its
//! types and labels: a gauge may end in `_total` there, and a counter need not.
//!
//! Differences: `p2p_peer_count` counts peers and not connections; a client's `result_code` is the received byte, before the
//! response is validated; only those gossip events are counted that the event loop receives (`DELIVER_MESSAGE`,
//! `REJECT_MESSAGE` with those that are ignored, `PUBLISH_MESSAGE`, `ADD_PEER`, `REMOVE_PEER`).
//!
//! Left out, because it is not available or does not exist here: `p2p_stream_count`; of `peer_scores` the parts that libp2p does
//! not report (`ipColocation`, `behavioralPenalty`, `blocks…`); the other gossip events (`GRAFT`, `PRUNE`, `RECV_RPC`, …);
//! `refs_seqnr`, which is of the derivation; `unsafe_payloads_buffer_*` and the reference `l2_buffer_unsafe`, because no payload waits
//! for an engine here; all of derivation, sequencing, RPC and L1.

use alloy_primitives::B256;
use petrel_core::{
    Event,
    ban::BanTarget,
    event::Via,
    net::{Bandwidth, EndedRequest, RequestSide},
    node::PeerReport,
};
use prometheus::{Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::registry::{Registrar, gauge_value, raise_to};
use crate::{network::transport::TrafficCounters, serve::control::NodeSnapshot, system::clock::since_epoch};

/// op-node's namespace of a process without a name.
const NAMESPACE: &str = "op_node_default";
/// The only method.
const METHOD: &str = "payload_by_number";
/// Higher result codes of a client are counted as this one (op-node).
const HIGHEST_CODE: u8 = 5;
/// op-node's bounds of scores.
const SCORES: [f64; 17] =
    [-100.0, -40.0, -20.0, -10.0, -5.0, -2.0, -1.0, -0.5, -0.05, 0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
/// The last bound.
const HIGHEST_SCORE: f64 = 40.0;

/// See the module.
#[derive(Debug)]
pub(super) struct OpNodeMetrics {
    peer_count: IntGauge,
    peer_scores: HistogramVec,
    gossip_events: IntCounterVec,
    bandwidth: IntGaugeVec,
    peer_unbans: IntCounter,
    ip_unbans: IntCounter,
    dials: IntCounterVec,
    accepts: IntCounterVec,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    payload_by_number: IntGaugeVec,
    quarantine: IntGauge,
    unsafe_payloads: EventMetric,
    publishing_errors: EventMetric,
    refs: RefMetrics,
}

impl OpNodeMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let register = Registrar { registry, namespace: NAMESPACE };
        let request = ["p2p_role", "p2p_method", "result_code"];
        let up = register.gauge("up", "1 if the op node has finished starting up")?;
        up.set(1);
        let bounds: Vec<f64> = SCORES.into_iter().chain([HIGHEST_SCORE]).collect();
        Ok(Self {
            peer_count: register.gauge("p2p_peer_count", "Count of currently connected p2p peers")?,
            peer_scores: register.histograms(
                "peer_scores",
                "Histogram of currently connected peer scores",
                &["type"],
                Some(&bounds),
            )?,
            gossip_events: register.counters("p2p_gossip_events_total", "Count of gossip events by type", &["type"])?,
            bandwidth: register.gauges("p2p_bandwidth_bytes_total", "P2P bandwidth by direction", &["direction"])?,
            peer_unbans: register.counter("p2p_peer_unbans", "Count of peer unbans")?,
            ip_unbans: register.counter("p2p_ip_unbans", "Count of IP unbans")?,
            dials: register.counters(
                "p2p_dials",
                "Count of outgoing dial attempts, with label to filter to allowed attempts",
                &["allow"],
            )?,
            accepts: register.counters(
                "p2p_accepts",
                "Count of incoming dial attempts to accept, with label to filter to allowed attempts",
                &["allow"],
            )?,
            requests: register.counters("p2p_req_total", "Number of P2P requests", &request)?,
            request_seconds: register.histograms(
                "p2p_req_duration_seconds",
                "Duration of P2P requests",
                &request,
                None,
            )?,
            payload_by_number: register.gauges("p2p_payload_by_number", "Payload by number requests", &["p2p_role"])?,
            quarantine: register.gauge(
                "p2p_payloads_quarantine_total",
                "number of unverified execution payloads buffered in quarantine",
            )?,
            unsafe_payloads: EventMetric::new(register, "unsafe_payloads", "unsafe payloads")?,
            publishing_errors: EventMetric::new(register, "publishing_errors", "p2p publishing errors")?,
            refs: RefMetrics::new(register)?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        match event {
            Event::Block(new) => {
                self.count_gossip(&[
                    (new.via != Via::Sync, "DELIVER_MESSAGE"),
                    (new.via == Via::Local, "PUBLISH_MESSAGE"),
                ]);
                let payload = &new.block.payload;
                if new.via != Via::Local {
                    self.unsafe_payloads.record();
                    self.refs.set("received_payload", payload.number(), new.timestamp_ms, new.block.hash);
                }
            }
            Event::Head(head) => self.refs.set("l2_unsafe", head.number, head.timestamp_ms, head.hash),
            Event::Rejected(_) | Event::Ignored(_) => self.count_gossip(&[(true, "REJECT_MESSAGE")]),
            Event::Connected(_) => self.count_gossip(&[(true, "ADD_PEER")]),
            Event::Disconnected(_) => self.count_gossip(&[(true, "REMOVE_PEER")]),
            Event::PublishFailed(_) => self.publishing_errors.record(),
            Event::Unbanned(ban) => match ban.who {
                BanTarget::Peer(_) => self.peer_unbans.inc(),
                BanTarget::Ip(_) | BanTarget::Net(_) => self.ip_unbans.inc(),
            },
            _ => {}
        }
    }

    fn count_gossip(&self, events: &[(bool, &str)]) {
        for (_, name) in events.iter().filter(|(occurred, _)| *occurred) {
            self.gossip_events.with_label_values(&[*name]).inc();
        }
    }

    pub(super) fn on_request_ended(&self, ended: &EndedRequest) {
        let (role, code) = match ended.role {
            RequestSide::Client => ("client", if ended.code < HIGHEST_CODE { ended.code } else { HIGHEST_CODE }),
            RequestSide::Server => ("server", ended.code),
        };
        let code = code.to_string();
        let labels = [role, METHOD, code.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.request_seconds.with_label_values(&labels).observe(ended.took.as_secs_f64());
        if let Some(number) = ended.number {
            self.payload_by_number.with_label_values(&[role]).set(gauge_value(number));
        }
    }

    pub(super) fn on_peer_scores(&self, peers: &[PeerReport]) {
        for peer in peers {
            let score = |kind: &str, value| self.peer_scores.with_label_values(&[kind]).observe(value);
            score("total", peer.status.score);
            score("reqRespValidResponses", peer.earned.valid());
            score("reqRespErrorResponses", peer.earned.errors());
            score("reqRespRejectedPayloads", peer.earned.rejected());
        }
    }

    pub(super) fn update(&self, now: &NodeSnapshot, traffic: &TrafficCounters) {
        let (status, gated) = (&now.status, &now.status.traffic.gated);
        let size = |count: usize| gauge_value(count as u64);
        self.peer_count.set(size(status.peering.peers.len()));
        self.quarantine.set(size(status.quarantine));
        let allow = |counters: &IntCounterVec, yes, no| {
            raise_to(&counters.with_label_values(&["true"]), yes);
            raise_to(&counters.with_label_values(&["false"]), no);
        };
        allow(&self.dials, gated.dials, gated.dials_refused);
        allow(&self.accepts, gated.accepts, gated.accepts_refused);
        let bytes = |direction: &str, bytes: u64| {
            self.bandwidth.with_label_values(&[direction]).set(gauge_value(bytes));
        };
        let sum = |of: fn(&Bandwidth) -> u64| traffic.flows().into_iter().map(|(_, flow)| of(flow)).sum();
        bytes("in", sum(Bandwidth::read));
        bytes("out", sum(Bandwidth::written));
    }
}

/// Seconds since 1970, with their fraction.
fn unix() -> f64 {
    since_epoch().as_secs_f64()
}

/// How often something happened, and when it happened last (op-service's `Event`).
#[derive(Debug)]
struct EventMetric {
    total: IntCounter,
    last: Gauge,
}

impl EventMetric {
    fn new(register: Registrar<'_>, name: &str, words: &str) -> Result<Self, prometheus::Error> {
        let total = register.counter(&format!("{name}_total"), &format!("Count of {words} events"))?;
        let last = register.float_gauge(&format!("last_{name}_unix"), &format!("Timestamp of last {words} event"))?;
        Ok(Self { total, last })
    }

    fn record(&self) {
        self.total.inc();
        // op-node's has whole seconds.
        self.last.set(unix().floor());
    }
}

/// Blocks by their role for the node (op-service's `RefMetrics`); only L2.
#[derive(Debug)]
struct RefMetrics {
    number: GaugeVec,
    time: GaugeVec,
    hash: GaugeVec,
    latency: GaugeVec,
}

impl RefMetrics {
    fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        let gauges = |name, what: &str| {
            let help = format!("Gauge representing the different L1/L2 reference block {what}");
            register.float_gauges(name, &help, &["layer", "type"])
        };
        Ok(Self {
            number: gauges("refs_number", "numbers")?,
            time: gauges("refs_time", "timestamps")?,
            hash: gauges("refs_hash", "hashes truncated to float values")?,
            latency: gauges("refs_latency", "timestamps minus current time, in seconds")?,
        })
    }

    /// Sets the block of the given `kind`. Its time is in whole seconds, as op-node has it; its latency has milliseconds, as the
    /// block's time has them on a chain with more than one block a second.
    fn set(&self, kind: &str, number: u64, timestamp_ms: u64, hash: B256) {
        let set = |gauges: &GaugeVec, value| gauges.with_label_values(&["l2", kind]).set(value);
        set(&self.number, number as f64);
        set(&self.time, (timestamp_ms / 1000) as f64);
        set(&self.latency, timestamp_ms as f64 / 1e3 - unix());
        let head = hash.0.first_chunk().copied().unwrap_or_default();
        set(&self.hash, u64::from_le_bytes(head) as f64);
    }
}
