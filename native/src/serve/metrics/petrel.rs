//! Our own metrics: what op-node has no name for.

use std::sync::Arc;

use petrel_core::{
    Event,
    ban::BanTarget,
    block::BlockRef,
    event::{Direction, Gap, GapState, NewBlock, Via},
};
use prometheus::{
    Counter, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::{add, advance};
use crate::{network::transport::Traffic, serve::control::service::Snapshot, store::Holdings};

const NAMESPACE: &str = "petrel";
/// Seconds from a block's timestamp to its arrival; real blocks come some 45 ms early.
const DELAYS: [f64; 17] =
    [-2.0, -1.0, -0.5, -0.25, -0.1, -0.05, 0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Seconds from arrival to judgement; a check lives for three.
const JUDGEMENTS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0];

/// Blocks of a reorg: mostly one or a few, and hundreds where blocks of minutes are replaced.
const DEPTHS: [f64; 12] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0];

/// See the module.
#[derive(Debug)]
pub(super) struct Own {
    head: IntGauge,
    interval: Gauge,
    delay: Histogram,
    judgement: Histogram,
    blocks: IntCounterVec,
    served: IntCounter,
    messages: IntCounter,
    message_bytes: IntCounter,
    verdicts: IntCounterVec,
    gap: IntGauge,
    gaps: IntCounterVec,
    sync_blocks: Gauge,
    sync_bytes: Gauge,
    fetch_failures: IntCounterVec,
    peers: IntGaugeVec,
    leaves_waiting: IntGauge,
    leaves_passed: IntCounter,
    bans: IntGaugeVec,
    banned: IntCounterVec,
    graylisted: IntCounter,
    conflicts: IntCounter,
    reorgs: IntCounter,
    reorg_depth: Histogram,
    schedule_mismatch: IntGaugeVec,
    publish_errors: IntCounter,
    stalls: IntCounter,
    stalled: Counter,
    panics: IntCounter,
    checks: IntGauge,
    store: [IntGauge; 2],
    keeps: IntGauge,
    signer_changes: IntCounter,
    signer_unread: IntCounter,
    clock_doubt: IntGauge,
    sequencer_clock_doubt: IntGauge,
    reachable: IntGauge,
    dial_backs: IntCounterVec,
    bytes: IntCounterVec,
    protocol_bytes: IntCounterVec,
    holdings: Arc<Holdings>,
}

impl Own {
    pub(super) fn new(registry: &Registry, holdings: Arc<Holdings>) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| add(registry, IntCounterVec::new(opts(name, help), labels));
        let counter = |name, help| add(registry, IntCounter::with_opts(opts(name, help)));
        let gauge = |name, help| add(registry, IntGauge::with_opts(opts(name, help)));
        let gauges = |name, help, labels: &[&str]| add(registry, IntGaugeVec::new(opts(name, help), labels));
        let rate = |name, help| add(registry, Gauge::with_opts(opts(name, help)));
        let histogram = |name, help, bounds: &[f64]| {
            let opts = HistogramOpts::from(opts(name, help)).buckets(bounds.to_vec());
            add(registry, Histogram::with_opts(opts))
        };
        let keeps = gauge("store_keeps", "1 while blocks can be kept")?;
        keeps.set(1);
        Ok(Self {
            head: gauge("head_number", "Number of the unsafe head")?,
            interval: rate(
                "block_interval_seconds",
                "Time between blocks: the smaller of the configured one and the mean of the latest blocks",
            )?,
            delay: histogram(
                "block_delay_seconds",
                "Arrival minus the block's own time, with its milliseconds, of gossiped blocks",
                &DELAYS,
            )?,
            judgement: histogram("block_judgement_seconds", "Judgement minus arrival of gossiped blocks", &JUDGEMENTS)?,
            blocks: counters("blocks_total", "Verified blocks by how they came", &["via"])?,
            served: counter("blocks_served_total", "Blocks that peers were given by number")?,
            messages: counter("messages_total", "Gossiped messages received for the first time")?,
            message_bytes: counter("message_bytes_total", "Their bytes on the wire")?,
            verdicts: counters("verdicts_total", "Judged messages by fault; none is an accepted block", &["fault"])?,
            gap: gauge("gap_blocks", "Missing blocks in the gap that is open")?,
            gaps: counters("gaps_total", "Gaps that opened, closed, or were skipped", &["state"])?,
            sync_blocks: rate("sync_blocks_per_second", "How fast the open gap is closed; 0 without one")?,
            sync_bytes: rate("sync_bytes_per_second", "The same in uncompressed bytes")?,
            fetch_failures: counters("fetch_failures_total", "Answers of no use, by fault", &["fault"])?,
            peers: gauges("peers", "Connected peers", &["transport", "direction"])?,
            leaves_waiting: gauge("leaves_waiting_bytes", "Bytes of gossip that wait for browsers, at most")?,
            leaves_passed: counter("leaves_passed_total", "How often a browser did not get a block by gossip")?,
            bans: gauges("bans", "Bans in force by what is banned", &["kind"])?,
            banned: counters("bans_total", "Bans by the rule that made them", &["reason"])?,
            graylisted: counter("graylisted_total", "Peers that gossipsub listens to no more")?,
            conflicts: counter("conflicts_total", "Second blocks of one height, signed by the sequencer")?,
            reorgs: counter("reorgs_total", "How often another branch became the leading chain")?,
            reorg_depth: histogram("reorg_depth", "Blocks that a reorg took out of the leading chain", &DEPTHS)?,
            schedule_mismatch: gauges(
                "schedule_mismatch",
                "1 when blocks have shown this fork and the configured schedule lacks it",
                &["fork"],
            )?,
            publish_errors: counter("publish_errors_total", "Own blocks that could not be gossiped")?,
            stalls: counter("stalls_total", "How often the event loop stood still")?,
            stalled: add(registry, Counter::with_opts(opts("stalled_seconds_total", "For how long in all")))?,
            panics: counter("check_panics_total", "Checks that panicked: defects, survived")?,
            checks: gauge("checks_waiting", "Messages that wait for a judgement or are being judged")?,
            store: [gauge("store_blocks", "Blocks in the store")?, gauge("store_bytes", "Bytes of their payloads")?],
            keeps,
            signer_changes: counter("signer_changes_total", "How often another signer was believed")?,
            signer_unread: counter("signer_unread_total", "How often the signer could not be read from L1")?,
            clock_doubt: gauge("clock_doubt", "1 while most peers say that this machine's clock is wrong")?,
            sequencer_clock_doubt: gauge(
                "sequencer_clock_doubt",
                "1 while most peers' blocks are out of time and L1's time agrees with this machine's clock",
            )?,
            reachable: gauge("reachable", "1 when peers can dial this node, 0 when not, -1 while it is not known")?,
            dial_backs: counters("dial_backs_total", "Peers that asked whether they can be dialled", &["result"])?,
            bytes: counters(
                "transport_bytes_total",
                "Bytes of connections: of tcp and ws on the wire, of quic and webtransport what their streams carry",
                &["transport", "direction"],
            )?,
            protocol_bytes: counters("protocol_bytes_total", "Bytes of streams", &["protocol", "direction"])?,
            holdings,
        })
    }

    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::Block(block) => self.block(block),
            Event::Gap(gap) => self.gap(gap),
            Event::Synced(synced) => {
                self.sync_blocks.set(synced.blocks_per_sec);
                self.sync_bytes.set(synced.bytes_per_sec);
            }
            Event::FetchFailed(failed) => self.fetch_failures.with_label_values(&[failed.fault]).inc(),
            Event::Store(state) => self.keeps.set(i64::from(state.keeps)),
            Event::Conflict(_) => self.conflicts.inc(),
            Event::Reorg(reorg) => {
                self.reorgs.inc();
                self.reorg_depth.observe(reorg.depth as f64);
            }
            Event::ScheduleMismatch(told) => self.schedule_mismatch.with_label_values(&[told.fork]).set(1),
            Event::SignerChanged(_) => self.signer_changes.inc(),
            Event::SignerUnread(_) => self.signer_unread.inc(),
            Event::PublishFailed(_) => self.publish_errors.inc(),
            Event::Graylisted(_) => self.graylisted.inc(),
            Event::Banned(ban) => self.banned.with_label_values(&[ban.cause.as_str()]).inc(),
            Event::Stalled(stalled) => {
                self.stalls.inc();
                self.stalled.inc_by(stalled.millis as f64 / 1e3);
            }
            Event::CheckPanicked(_) => self.panics.inc(),
            _ => {}
        }
    }

    fn block(&self, new: &NewBlock) {
        let via = match new.via {
            Via::Gossip => "gossip",
            Via::Local => "local",
            Via::Sync => "sync",
        };
        self.blocks.with_label_values(&[via]).inc();
        if new.via == Via::Gossip {
            self.delay.observe(new.delay_ms as f64 / 1e3);
            self.judgement.observe(new.judged_ms as f64 / 1e3);
        }
    }

    fn gap(&self, gap: &Gap) {
        let state = match gap.state {
            GapState::Opened => "opened",
            GapState::Closed => "closed",
            GapState::Skipped => "skipped",
        };
        self.gaps.with_label_values(&[state]).inc();
        if gap.state != GapState::Opened {
            self.sync_blocks.set(0.0);
            self.sync_bytes.set(0.0);
        }
    }

    pub(super) fn look(&self, now: &Snapshot, traffic: &Traffic) {
        let status = &now.status;
        self.head.set(whole(status.head.map_or(0, |BlockRef { number, .. }| number)));
        self.interval.set(status.interval_ms as f64 / 1e3);
        advance(&self.served, status.served);
        advance(&self.messages, status.validation.messages);
        advance(&self.message_bytes, status.validation.wire_bytes);
        advance(&self.verdicts.with_label_values(&["none"]), status.validation.accepted);
        for (fault, count) in &status.validation.faults {
            advance(&self.verdicts.with_label_values(&[*fault]), *count);
        }
        self.gap.set(whole(status.gap.map_or(0, |(from, to)| to.saturating_sub(from) + 1)));
        self.checks.set(whole(status.validation.tasks as u64));
        self.leaves_waiting.set(whole(status.traffic.leaves.waiting));
        advance(&self.leaves_passed, status.traffic.leaves.passed);
        self.clock_doubt.set(i64::from(status.validation.clock_skew));
        self.sequencer_clock_doubt.set(i64::from(status.validation.sequencer_skew));
        self.reachable.set(status.peering.reachable.map_or(-1, i64::from));
        let backs = status.traffic.dial_backs;
        for (result, count) in [("reached", backs.reached), ("unreached", backs.unreached), ("refused", backs.refused)]
        {
            advance(&self.dial_backs.with_label_values(&[result]), count);
        }
        let [blocks, bytes] = &self.store;
        blocks.set(whole(self.holdings.blocks()));
        bytes.set(whole(self.holdings.bytes()));
        self.look_at_peers(now);
        for (name, flow) in traffic.flows() {
            advance(&self.bytes.with_label_values(&[name, "in"]), flow.read());
            advance(&self.bytes.with_label_values(&[name, "out"]), flow.written());
        }
        for (name, carried) in &status.traffic.protocol_bytes {
            advance(&self.protocol_bytes.with_label_values(&[*name, "in"]), carried.read);
            advance(&self.protocol_bytes.with_label_values(&[*name, "out"]), carried.written);
        }
    }

    fn look_at_peers(&self, now: &Snapshot) {
        self.peers.reset();
        for peer in &now.status.peering.peers {
            let direction = match peer.connected.direction {
                Direction::Inbound => "inbound",
                Direction::Outbound => "outbound",
            };
            self.peers.with_label_values(&[peer.connected.transport, direction]).inc();
        }
        let kind = |who: &BanTarget| match who {
            BanTarget::Peer(_) => "peer",
            BanTarget::Ip(_) => "ip",
            BanTarget::Net(_) => "net",
        };
        for name in ["peer", "ip", "net"] {
            let count = now.status.peering.bans.iter().filter(|ban| kind(&ban.who) == name).count();
            self.bans.with_label_values(&[name]).set(whole(count as u64));
        }
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(NAMESPACE)
}

fn whole(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
