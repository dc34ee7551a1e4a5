//! Everything that events are written to: the log, stdout, the page, metrics, and the files of evidence.

use std::sync::Arc;

use petrel_core::{Event, net::Driver, node::PeerReport};
use serde::Serialize;

use super::evidence_files::EvidenceFiles;
use crate::{
    host::TokioHost,
    network::OurAddresses,
    serve::{
        events::EventPrinter,
        metrics::{Metrics, log_peer_scores},
        peer_log::PeerLog,
        rejection_log::RejectionLog,
        relay_info::SharedRelayInfo,
    },
};

/// See the module.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) printer: EventPrinter,
    /// With a page.
    pub(super) relay_info: Option<SharedRelayInfo>,
    /// With metrics.
    pub(super) metrics: Option<Arc<Metrics>>,
    pub(super) log: PeerLog,
    pub(super) rejections: RejectionLog,
    pub(super) evidence: EvidenceFiles,
}

impl Outputs {
    pub(super) fn on_event(&mut self, event: &Event, driver: &mut Driver<TokioHost>) {
        self.log.on_event(event);
        self.rejections.on_event(event);
        if let Some(relay_info) = &self.relay_info {
            relay_info.on_event(event);
        }
        if let Some(metrics) = &self.metrics {
            metrics.on_event(event);
        }
        self.evidence.on_event(event);
        self.count_requests(driver);
        self.printer.print(event);
    }

    /// Counts the requests that have ended. Called before metrics are read, because a request ends without an event.
    pub(super) fn count_requests(&self, driver: &mut Driver<TokioHost>) {
        if let Some(metrics) = &self.metrics {
            metrics.on_requests_ended(driver.take_ended_requests());
        }
    }

    pub(super) fn print(&mut self, event: &impl Serialize) {
        self.printer.print(event);
    }

    /// Gives this node's addresses for browsers to the page.
    pub(super) fn set_own_addresses(&self, addresses: &OurAddresses) {
        if let Some(relay_info) = &self.relay_info {
            relay_info.set_own_addresses(addresses.for_browsers());
        }
    }

    /// Whether metrics or the log need the peers' scores.
    pub(super) fn wants_peer_scores(&self) -> bool {
        self.metrics.is_some() || tracing::enabled!(tracing::Level::DEBUG)
    }

    pub(super) fn on_peer_scores(&self, peers: &[PeerReport]) {
        log_peer_scores(peers);
        if let Some(metrics) = &self.metrics {
            metrics.on_peer_scores(peers);
        }
    }

    /// Waits for the last events to be printed, and for the last evidence to be written.
    pub(super) fn finish(self) {
        self.printer.finish();
        self.evidence.finish();
    }
}
