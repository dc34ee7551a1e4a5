//! op-node's metrics under its own names (`op-node/metrics/metrics.go`, `op-service/metrics/{event,ref_metrics}.go`), with its
//! types and labels: a gauge may end in `_total` there, and a counter need not.
//!
//! What differs: `p2p_peer_count` counts peers and not connections; a client's `result_code` is the byte that came, before
//! the answer is judged; of gossip events those alone are counted that the loop hears of (`DELIVER_MESSAGE`,
//! `REJECT_MESSAGE` with those that are ignored, `PUBLISH_MESSAGE`, `ADD_PEER`, `REMOVE_PEER`).
//!
//! Left out, because it cannot be had or does not exist here: `p2p_stream_count`; of `peer_scores` the parts that libp2p does
//! not tell (`ipColocation`, `behavioralPenalty`, `blocks…`); the other gossip events (`GRAFT`, `PRUNE`, `RECV_RPC`, …);
//! `refs_seqnr`, which is of the derivation; `unsafe_payloads_buffer_*` and the reference `l2_buffer_unsafe`, for nothing waits
//! for an engine here; all of derivation, sequencing, RPC and L1.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::B256;
use petrel_core::{
    Event,
    ban::BanTarget,
    event::Via,
    net::{Bandwidth, EndedRequest, RequestSide},
    node::PeerReport,
};
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::{add, advance};
use crate::{network::transport::Traffic, serve::control::service::Snapshot};

/// op-node's namespace of a process without a name.
const NAMESPACE: &str = "op_node_default";
/// The only method there is.
const METHOD: &str = "payload_by_number";
/// Higher result codes of a client count as this (op-node).
const HIGHEST_CODE: u8 = 5;
/// op-node's bounds of scores.
const SCORES: [f64; 17] =
    [-100.0, -40.0, -20.0, -10.0, -5.0, -2.0, -1.0, -0.5, -0.05, 0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0];
/// The last one.
const HIGHEST_SCORE: f64 = 40.0;

/// See the module.
#[derive(Debug)]
pub(super) struct OpNode {
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
    unsafe_payloads: Happened,
    publishing_errors: Happened,
    refs: Refs,
}

impl OpNode {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| add(registry, IntCounterVec::new(opts(name, help), labels));
        let counter = |name, help| add(registry, IntCounter::with_opts(opts(name, help)));
        let gauge = |name, help| add(registry, IntGauge::with_opts(opts(name, help)));
        let gauges = |name, help, labels: &[&str]| add(registry, IntGaugeVec::new(opts(name, help), labels));
        let request = ["p2p_role", "p2p_method", "result_code"];
        let up = gauge("up", "1 if the op node has finished starting up")?;
        up.set(1);
        let bounds = SCORES.into_iter().chain([HIGHEST_SCORE]).collect();
        let scores = HistogramOpts::from(opts("peer_scores", "Histogram of currently connected peer scores"));
        let scores = HistogramVec::new(scores.buckets(bounds), &["type"]);
        let seconds = HistogramOpts::from(opts("p2p_req_duration_seconds", "Duration of P2P requests"));
        Ok(Self {
            peer_count: gauge("p2p_peer_count", "Count of currently connected p2p peers")?,
            peer_scores: add(registry, scores)?,
            gossip_events: counters("p2p_gossip_events_total", "Count of gossip events by type", &["type"])?,
            bandwidth: gauges("p2p_bandwidth_bytes_total", "P2P bandwidth by direction", &["direction"])?,
            peer_unbans: counter("p2p_peer_unbans", "Count of peer unbans")?,
            ip_unbans: counter("p2p_ip_unbans", "Count of IP unbans")?,
            dials: counters(
                "p2p_dials",
                "Count of outgoing dial attempts, with label to filter to allowed attempts",
                &["allow"],
            )?,
            accepts: counters(
                "p2p_accepts",
                "Count of incoming dial attempts to accept, with label to filter to allowed attempts",
                &["allow"],
            )?,
            requests: counters("p2p_req_total", "Number of P2P requests", &request)?,
            request_seconds: add(registry, HistogramVec::new(seconds, &request))?,
            payload_by_number: gauges("p2p_payload_by_number", "Payload by number requests", &["p2p_role"])?,
            quarantine: gauge(
                "p2p_payloads_quarantine_total",
                "number of unverified execution payloads buffered in quarantine",
            )?,
            unsafe_payloads: Happened::new(registry, "unsafe_payloads", "unsafe payloads")?,
            publishing_errors: Happened::new(registry, "publishing_errors", "p2p publishing errors")?,
            refs: Refs::new(registry)?,
        })
    }

    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::Block(new) => {
                self.gossip(&[(new.via != Via::Sync, "DELIVER_MESSAGE"), (new.via == Via::Local, "PUBLISH_MESSAGE")]);
                let payload = &new.block.payload;
                if new.via != Via::Local {
                    self.unsafe_payloads.again();
                    self.refs.note("received_payload", payload.number(), new.timestamp_ms, new.block.hash);
                }
            }
            Event::Head(head) => self.refs.note("l2_unsafe", head.number, head.timestamp_ms, head.hash),
            Event::Rejected(_) | Event::Ignored(_) => self.gossip(&[(true, "REJECT_MESSAGE")]),
            Event::Connected(_) => self.gossip(&[(true, "ADD_PEER")]),
            Event::Disconnected(_) => self.gossip(&[(true, "REMOVE_PEER")]),
            Event::PublishFailed(_) => self.publishing_errors.again(),
            Event::Unbanned(ban) => match ban.who {
                BanTarget::Peer(_) => self.peer_unbans.inc(),
                BanTarget::Ip(_) | BanTarget::Net(_) => self.ip_unbans.inc(),
            },
            _ => {}
        }
    }

    fn gossip(&self, events: &[(bool, &str)]) {
        for (_, name) in events.iter().filter(|(happened, _)| *happened) {
            self.gossip_events.with_label_values(&[*name]).inc();
        }
    }

    pub(super) fn ended(&self, ended: &EndedRequest) {
        let (role, code) = match ended.role {
            RequestSide::Client => ("client", if ended.code < HIGHEST_CODE { ended.code } else { HIGHEST_CODE }),
            RequestSide::Server => ("server", ended.code),
        };
        let code = code.to_string();
        let labels = [role, METHOD, code.as_str()];
        self.requests.with_label_values(&labels).inc();
        self.request_seconds.with_label_values(&labels).observe(ended.took.as_secs_f64());
        if let Some(number) = ended.number {
            self.payload_by_number.with_label_values(&[role]).set(number.try_into().unwrap_or(i64::MAX));
        }
    }

    pub(super) fn scores(&self, peers: &[PeerReport]) {
        for peer in peers {
            let score = |kind: &str, value| self.peer_scores.with_label_values(&[kind]).observe(value);
            score("total", peer.status.score);
            score("reqRespValidResponses", peer.earned.valid());
            score("reqRespErrorResponses", peer.earned.errors());
            score("reqRespRejectedPayloads", peer.earned.rejected());
        }
    }

    pub(super) fn look(&self, now: &Snapshot, traffic: &Traffic) {
        let (status, gated) = (&now.status, &now.status.traffic.gated);
        let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.peer_count.set(size(status.peering.peers.len()));
        self.quarantine.set(size(status.quarantine));
        let allow = |counters: &IntCounterVec, yes, no| {
            advance(&counters.with_label_values(&["true"]), yes);
            advance(&counters.with_label_values(&["false"]), no);
        };
        allow(&self.dials, gated.dials, gated.dials_refused);
        allow(&self.accepts, gated.accepts, gated.accepts_refused);
        let bytes = |direction: &str, bytes: u64| {
            self.bandwidth.with_label_values(&[direction]).set(bytes.try_into().unwrap_or(i64::MAX));
        };
        let sum = |of: fn(&Bandwidth) -> u64| traffic.flows().into_iter().map(|(_, flow)| of(flow)).sum();
        bytes("in", sum(Bandwidth::read));
        bytes("out", sum(Bandwidth::written));
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(NAMESPACE)
}

/// Seconds since 1970, with their fraction.
fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// How often something happened, and when it did last (op-service's `Event`).
#[derive(Debug)]
struct Happened {
    total: IntCounter,
    last: Gauge,
}

impl Happened {
    fn new(registry: &Registry, name: &str, words: &str) -> Result<Self, prometheus::Error> {
        let total = opts(&format!("{name}_total"), &format!("Count of {words} events"));
        let last = opts(&format!("last_{name}_unix"), &format!("Timestamp of last {words} event"));
        Ok(Self { total: add(registry, IntCounter::with_opts(total))?, last: add(registry, Gauge::with_opts(last))? })
    }

    fn again(&self) {
        self.total.inc();
        // op-node's has whole seconds.
        self.last.set(unix().floor());
    }
}

/// Blocks by what they are to the node (op-service's `RefMetrics`); of L2 alone.
#[derive(Debug)]
struct Refs {
    number: GaugeVec,
    time: GaugeVec,
    hash: GaugeVec,
    latency: GaugeVec,
}

impl Refs {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauges = |name, what: &str| {
            let help = format!("Gauge representing the different L1/L2 reference block {what}");
            add(registry, GaugeVec::new(opts(name, &help), &["layer", "type"]))
        };
        Ok(Self {
            number: gauges("refs_number", "numbers")?,
            time: gauges("refs_time", "timestamps")?,
            hash: gauges("refs_hash", "hashes truncated to float values")?,
            latency: gauges("refs_latency", "timestamps minus current time, in seconds")?,
        })
    }

    /// A block is now the `kind`; each is told once. Its time is whole seconds, as op-node has it; its latency is not, as the
    /// block's own time is not on a chain with more than one block a second.
    fn note(&self, kind: &str, number: u64, timestamp_ms: u64, hash: B256) {
        let set = |gauges: &GaugeVec, value| gauges.with_label_values(&["l2", kind]).set(value);
        set(&self.number, number as f64);
        set(&self.time, (timestamp_ms / 1000) as f64);
        set(&self.latency, timestamp_ms as f64 / 1e3 - unix());
        let head = hash.0.first_chunk().copied().unwrap_or_default();
        set(&self.hash, u64::from_le_bytes(head) as f64);
    }
}
