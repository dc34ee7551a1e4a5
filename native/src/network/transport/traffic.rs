//! What the transports have carried.

use petrel_core::net::Flow;

/// What came in and went out since the start, of all connections together. Cheap to clone; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Plain TCP.
    pub tcp: Flow,
    /// WebSocket, secure or not.
    pub ws: Flow,
    /// QUIC.
    pub quic: Flow,
    /// WebTransport.
    pub webtransport: Flow,
}

impl Traffic {
    /// Each transport by its name.
    pub fn flows(&self) -> [(&'static str, &Flow); 4] {
        [("tcp", &self.tcp), ("ws", &self.ws), ("quic", &self.quic), ("webtransport", &self.webtransport)]
    }
}
