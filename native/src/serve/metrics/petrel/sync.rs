//! Metrics of gaps, range sync, served blocks, and the store.

use std::sync::Arc;

use petrel_core::{
    Event,
    event::{Gap, GapState},
    node::Status,
};
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge};

use crate::{
    serve::metrics::registry::{Registrar, gauge_value, raise_to},
    store::StoreUsage,
};

/// See the module.
#[derive(Debug)]
pub(super) struct SyncMetrics {
    gap: IntGauge,
    gaps: IntCounterVec,
    blocks_per_second: Gauge,
    bytes_per_second: Gauge,
    fetch_failures: IntCounterVec,
    served: IntCounter,
    stored_blocks: IntGauge,
    stored_bytes: IntGauge,
    file_bytes: IntGauge,
    unreadable_rows: IntGauge,
    is_storing: IntGauge,
    usage: Arc<StoreUsage>,
}

impl SyncMetrics {
    pub(super) fn new(register: Registrar<'_>, usage: Arc<StoreUsage>) -> Result<Self, prometheus::Error> {
        let is_storing = register.gauge("store_keeps", "1 while blocks can be stored")?;
        is_storing.set(1);
        Ok(Self {
            gap: register.gauge("gap_blocks", "Missing blocks in the open gap")?,
            gaps: register.counters("gaps_total", "Gaps that were opened, closed, or skipped", &["state"])?,
            blocks_per_second: register.float_gauge(
                "sync_blocks_per_second",
                "Blocks per second that are fetched for the open gap; 0 without one",
            )?,
            bytes_per_second: register.float_gauge(
                "sync_bytes_per_second",
                "Uncompressed bytes per second that are fetched for the open gap",
            )?,
            fetch_failures: register.counters(
                "fetch_failures_total",
                "Responses to block requests that were not usable, by fault",
                &["fault"],
            )?,
            served: register.counter("blocks_served_total", "Blocks that were sent to peers by number")?,
            stored_blocks: register.gauge("store_blocks", "Blocks in the store")?,
            stored_bytes: register.gauge("store_bytes", "Bytes of the payloads in the store")?,
            file_bytes: register.gauge("store_file_bytes", "Bytes of the store's file on disk")?,
            unreadable_rows: register
                .gauge("store_unreadable_rows", "Peers and bans in the store that could not be read at the start")?,
            is_storing,
            usage,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        match event {
            Event::Gap(gap) => self.on_gap(gap),
            Event::Synced(synced) => {
                self.blocks_per_second.set(synced.blocks_per_sec);
                self.bytes_per_second.set(synced.bytes_per_sec);
            }
            Event::FetchFailed(failed) => self.fetch_failures.with_label_values(&[failed.fault]).inc(),
            Event::Store(state) => self.is_storing.set(i64::from(state.keeps)),
            _ => {}
        }
    }

    fn on_gap(&self, gap: &Gap) {
        let state = match gap.state {
            GapState::Opened => "opened",
            GapState::Closed => "closed",
            GapState::Skipped => "skipped",
        };
        self.gaps.with_label_values(&[state]).inc();
        if gap.state != GapState::Opened {
            self.blocks_per_second.set(0.0);
            self.bytes_per_second.set(0.0);
        }
    }

    pub(super) fn update(&self, status: &Status) {
        raise_to(&self.served, status.served);
        self.gap.set(gauge_value(status.gap.map_or(0, |(from, to)| to.saturating_sub(from) + 1)));
        self.stored_blocks.set(gauge_value(self.usage.blocks()));
        self.stored_bytes.set(gauge_value(self.usage.bytes()));
        self.file_bytes.set(gauge_value(self.usage.file_bytes()));
        self.unreadable_rows.set(gauge_value(self.usage.unreadable_rows()));
    }
}
