//! Bounds of handshakes: how many a listener has at once, and how long each may take.

use std::time::Duration;

/// Sessions of one listener that are not authenticated yet, at most.
pub(super) const MAX_PENDING: usize = 64;
/// From this number of pending sessions on, an address must prove itself before state is kept for it.
pub(super) const PENDING_UNPROVED: usize = 16;
/// From the first packet to the end of Noise at most; go-libp2p's 10 s.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
