//! Metrics of the signer and the clocks.

use petrel_core::{Event, node::Status};
use prometheus::{IntCounter, IntGauge};

use crate::serve::metrics::registry::Registrar;

/// See the module.
#[derive(Debug)]
pub(super) struct SignerMetrics {
    changes: IntCounter,
    read_errors: IntCounter,
    /// Under its name, and under the name that it had in version 0.1.
    clock_skew: [IntGauge; 2],
    /// As `clock_skew`.
    sequencer_skew: [IntGauge; 2],
}

impl SignerMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        let sequencer = "1 while most peers' blocks have a wrong time and L1's time agrees with this machine's clock";
        Ok(Self {
            changes: register.counter("signer_changes_total", "Changes of the accepted signer")?,
            read_errors: register.counter("signer_unread_total", "Failed attempts to read the signer from L1")?,
            clock_skew: [
                register.gauge("clock_skew", "1 while most peers' blocks contradict this machine's clock")?,
                register.gauge("clock_doubt", "The former name of petrel_clock_skew")?,
            ],
            sequencer_skew: [
                register.gauge("sequencer_skew", sequencer)?,
                register.gauge("sequencer_clock_doubt", "The former name of petrel_sequencer_skew")?,
            ],
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
        self.clock_skew.iter().for_each(|gauge| gauge.set(i64::from(status.validation.clock_skew)));
        self.sequencer_skew.iter().for_each(|gauge| gauge.set(i64::from(status.validation.sequencer_skew)));
    }
}
