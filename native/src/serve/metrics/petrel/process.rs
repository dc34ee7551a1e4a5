//! Metrics of the event loop, of the log, and of the bytes on connections.

use petrel_core::{Event, node::Status};
use prometheus::{Counter, IntCounter, IntCounterVec};

use crate::{
    network::transport::TrafficCounters,
    serve::metrics::registry::{Registrar, raise_to},
    system::log_queue::LogQueue,
};

/// See the module.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    stalls: IntCounter,
    stalled_seconds: Counter,
    log_lines_lost: IntCounter,
    transport_bytes: IntCounterVec,
    protocol_bytes: IntCounterVec,
}

impl ProcessMetrics {
    pub(super) fn new(register: Registrar<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            stalls: register.counter("stalls_total", "How often the event loop was blocked")?,
            stalled_seconds: register
                .float_counter("stalled_seconds_total", "Total time for which the event loop was blocked")?,
            log_lines_lost: register.counter(
                "log_lines_lost_total",
                "Log lines that were left out because stderr did not take them in time",
            )?,
            transport_bytes: register.counters(
                "transport_bytes_total",
                "Bytes of connections: for tcp and ws on the wire, for quic and webtransport in their streams",
                &["transport", "direction"],
            )?,
            protocol_bytes: register.counters(
                "protocol_bytes_total",
                "Bytes of streams",
                &["protocol", "direction"],
            )?,
        })
    }

    pub(super) fn on_event(&self, event: &Event) {
        if let Event::Stalled(stalled) = event {
            self.stalls.inc();
            self.stalled_seconds.inc_by(stalled.millis as f64 / 1e3);
        }
    }

    pub(super) fn update(&self, status: &Status, traffic: &TrafficCounters) {
        raise_to(&self.log_lines_lost, LogQueue::lost_of_stderr());
        for (name, flow) in traffic.flows() {
            raise_to(&self.transport_bytes.with_label_values(&[name, "in"]), flow.read());
            raise_to(&self.transport_bytes.with_label_values(&[name, "out"]), flow.written());
        }
        for (name, carried) in &status.traffic.protocol_bytes {
            raise_to(&self.protocol_bytes.with_label_values(&[*name, "in"]), carried.read);
            raise_to(&self.protocol_bytes.with_label_values(&[*name, "out"]), carried.written);
        }
    }
}
