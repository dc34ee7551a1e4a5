//! What the transports have carried.

use petrel_core::net::Bandwidth;

/// What came in and went out since the start, of all connections together. Cheap to clone; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Plain TCP.
    pub tcp: Bandwidth,
    /// WebSocket, secure or not.
    pub ws: Bandwidth,
    /// QUIC.
    pub quic: Bandwidth,
    /// WebTransport.
    pub webtransport: Bandwidth,
}

impl Traffic {
    /// Each transport by its name.
    pub fn flows(&self) -> [(&'static str, &Bandwidth); 4] {
        [("tcp", &self.tcp), ("ws", &self.ws), ("quic", &self.quic), ("webtransport", &self.webtransport)]
    }
}
