//! Metrics of gossiped messages and their validation.

use petrel_core::{Event, node::Status};
use prometheus::{IntCounter, IntCounterVec, IntGauge};

use crate::serve::metrics::registry::{Registrar, gauge_value, raise_to};

/// See the module.
#[derive(Debug)]
pub(super) struct GossipMetrics {
    messages: IntCounter,
    message_bytes: IntCounter,
    verdicts: IntCounterVec,
    validations: IntGauge,
    panics: IntCounter,
    publish_errors: IntCounter,
    graylisted: IntCounter,
    leaves_waiting: IntGauge,
    leaves_passed: IntCounter,
}

impl GossipMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            messages: register.counter("messages_total", "Gossiped messages without duplicates")?,
            message_bytes: register.counter("message_bytes_total", "Compressed bytes of these messages")?,
            verdicts: register.counters(
                "verdicts_total",
                "Validated messages by fault; none is an accepted block",
                &["fault"],
            )?,
            validations: register
                .gauge("checks_waiting", "Messages that wait for validation or are being validated")?,
            panics: register.counter("check_panics_total", "Validations that panicked: defects")?,
            publish_errors: register
                .counter("publish_errors_total", "Blocks of this node that could not be gossiped")?,
            graylisted: register.counter("graylisted_total", "Peers that gossipsub has graylisted")?,
            leaves_waiting: register
                .gauge("leaves_waiting_bytes", "Upper bound of the bytes of gossip that wait for browsers")?,
            leaves_passed: register
                .counter("leaves_passed_total", "Blocks that were not gossiped to a browser because of the bound")?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        match event {
            Event::PublishFailed(_) => self.publish_errors.inc(),
            Event::Graylisted(_) => self.graylisted.inc(),
            Event::CheckPanicked(_) => self.panics.inc(),
            _ => {}
        }
    }

    pub(super) fn update(&self, status: &Status) {
        raise_to(&self.messages, status.validation.messages);
        raise_to(&self.message_bytes, status.validation.wire_bytes);
        raise_to(&self.verdicts.with_label_values(&["none"]), status.validation.accepted);
        for (fault, count) in &status.validation.faults {
            raise_to(&self.verdicts.with_label_values(&[*fault]), *count);
        }
        self.validations.set(gauge_value(status.validation.tasks as u64));
        self.leaves_waiting.set(gauge_value(status.traffic.leaves.waiting));
        raise_to(&self.leaves_passed, status.traffic.leaves.passed);
    }
}
