//! Metrics of the signer and the clocks.

use petrel_core::{Event, node::Status};
use prometheus::{IntCounter, IntGauge};

use crate::serve::metrics::registry::Registrar;

/// See the module.
#[derive(Debug)]
pub(super) struct SignerMetrics {
    changes: IntCounter,
    read_errors: IntCounter,
    clock_doubt: IntGauge,
    sequencer_clock_doubt: IntGauge,
}

impl SignerMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            changes: register.counter("signer_changes_total", "Changes of the accepted signer")?,
            read_errors: register.counter("signer_unread_total", "Failed attempts to read the signer from L1")?,
            clock_doubt: register.gauge("clock_doubt", "1 while most peers' blocks contradict this machine's clock")?,
            sequencer_clock_doubt: register.gauge(
                "sequencer_clock_doubt",
                "1 while most peers' blocks have a wrong time and L1's time agrees with this machine's clock",
            )?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        match event {
            Event::SignerChanged(_) => self.changes.inc(),
            Event::SignerUnread(_) => self.read_errors.inc(),
            _ => {}
        }
    }

    pub(super) fn update(&self, status: &Status) {
        self.clock_doubt.set(i64::from(status.validation.clock_doubt));
        self.sequencer_clock_doubt.set(i64::from(status.validation.sequencer_clock_doubt));
    }
}
