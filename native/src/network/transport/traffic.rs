//! Counters of the bytes that the transports have carried.

use petrel_core::net::Bandwidth;

/// Bytes received and sent since the start, of all connections together. Cheap to clone; clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct TrafficCounters {
    /// Plain TCP.
    pub tcp: Bandwidth,
    /// WebSocket, secure or not.
    pub ws: Bandwidth,
    /// QUIC.
    pub quic: Bandwidth,
    /// WebTransport.
    pub webtransport: Bandwidth,
}

impl TrafficCounters {
    /// Each transport by its name.
    pub fn flows(&self) -> [(&'static str, &Bandwidth); 4] {
        [("tcp", &self.tcp), ("ws", &self.ws), ("quic", &self.quic), ("webtransport", &self.webtransport)]
    }
}
