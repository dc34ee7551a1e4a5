//! Counters of the bytes that the transports have carried.

use petrel_core::net::Flow;

/// Bytes received and sent since the start, of all connections together. Cheap to clone; clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct TrafficCounters {
    /// Plain TCP.
    pub tcp: Flow,
    /// WebSocket, secure or not.
    pub ws: Flow,
    /// QUIC.
    pub quic: Flow,
    /// WebTransport.
    pub webtransport: Flow,
}

impl TrafficCounters {
    /// Each transport by its name.
    pub fn flows(&self) -> [(&'static str, &Flow); 4] {
        [("tcp", &self.tcp), ("ws", &self.ws), ("quic", &self.quic), ("webtransport", &self.webtransport)]
    }
}
