//! Event sources that a node may not have: without them their future never completes.

use crate::{
    network::{
        discovery::{Discovery, DiscoveryEvent},
        nat::{PortMapper, PortMapping},
    },
    signer::{L1Error, SignerReading, SignerWatcher},
};

/// The next event of discovery; pending without it, and after its end.
pub(super) async fn next_discovery_event(discovery: &mut Option<Discovery>) -> DiscoveryEvent {
    if let Some(discovery) = discovery
        && let Some(event) = discovery.next().await
    {
        return event;
    }
    std::future::pending().await
}

/// The next port mapping; pending without `--p2p.nat`.
pub(super) async fn next_mapping(port_mapper: &mut Option<PortMapper>) -> PortMapping {
    match port_mapper {
        Some(port_mapper) => port_mapper.next().await,
        None => std::future::pending().await,
    }
}

/// The next reading of the signer; pending without `--l1`.
pub(super) async fn next_reading(signer: &mut Option<SignerWatcher>) -> Result<SignerReading, L1Error> {
    match signer {
        Some(signer) => signer.next().await,
        None => std::future::pending().await,
    }
}
