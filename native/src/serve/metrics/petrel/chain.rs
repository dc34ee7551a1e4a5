//! Metrics of blocks, the unsafe head, reorgs and forks.

use petrel_core::{
    Event,
    block::BlockRef,
    event::{NewBlock, Via},
    node::Status,
};
use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::serve::metrics::registry::{Registrar, gauge_value};

/// Bounds in seconds of arrival minus timestamp; real blocks arrive some 45 ms before their timestamp.
const DELAYS: [f64; 17] =
    [-2.0, -1.0, -0.5, -0.25, -0.1, -0.05, 0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Bounds in seconds from arrival to verdict; a validation task lives for three.
const VALIDATION_TIMES: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0];
/// Bounds of a reorg's depth in blocks: mostly one or a few, and hundreds where blocks of minutes are replaced.
const DEPTHS: [f64; 12] = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0];

/// See the module.
#[derive(Debug)]
pub(super) struct ChainMetrics {
    head: IntGauge,
    interval: Gauge,
    delay: Histogram,
    validation_time: Histogram,
    blocks: IntCounterVec,
    conflicts: IntCounter,
    reorgs: IntCounter,
    reorg_depth: Histogram,
    schedule_mismatch: IntGaugeVec,
}

impl ChainMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            head: register.gauge("head_number", "Number of the unsafe head")?,
            interval: register.float_gauge(
                "block_interval_seconds",
                "Time between blocks: the smaller of the configured interval and the mean of the latest blocks",
            )?,
            delay: register.histogram(
                "block_delay_seconds",
                "Arrival of gossiped blocks minus their timestamp with milliseconds",
                &DELAYS,
            )?,
            validation_time: register.histogram(
                "block_judgement_seconds",
                "Time from the arrival of gossiped blocks to their verdict",
                &VALIDATION_TIMES,
            )?,
            blocks: register.counters("blocks_total", "Verified blocks by source", &["via"])?,
            conflicts: register.counter("conflicts_total", "Second blocks of one height, signed by the sequencer")?,
            reorgs: register.counter("reorgs_total", "Reorgs of the unsafe chain")?,
            reorg_depth: register.histogram("reorg_depth", "Blocks that a reorg removed", &DEPTHS)?,
            schedule_mismatch: register.gauges(
                "schedule_mismatch",
                "1 if blocks show this fork and the configured schedule lacks it",
                &["fork"],
            )?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        match event {
            Event::Block(block) => self.on_block(block),
            Event::Conflict(_) => self.conflicts.inc(),
            Event::Reorg(reorg) => {
                self.reorgs.inc();
                self.reorg_depth.observe(reorg.depth as f64);
            }
            Event::ScheduleMismatch(mismatch) => {
                self.schedule_mismatch.with_label_values(&[mismatch.fork]).set(1);
            }
            _ => {}
        }
    }

    fn on_block(&self, new: &NewBlock) {
        let via = match new.via {
            Via::Gossip => "gossip",
            Via::Local => "local",
            Via::Sync => "sync",
        };
        self.blocks.with_label_values(&[via]).inc();
        if new.via == Via::Gossip {
            self.delay.observe(new.delay_ms as f64 / 1e3);
            self.validation_time.observe(new.judged_ms as f64 / 1e3);
        }
    }

    pub(super) fn update(&self, status: &Status) {
        self.head.set(gauge_value(status.head.map_or(0, |BlockRef { number, .. }| number)));
        self.interval.set(status.interval_ms as f64 / 1e3);
    }
}
