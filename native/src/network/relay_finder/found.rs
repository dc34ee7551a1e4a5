//! What is used of the relay record of another relay.

use std::{net::IpAddr, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{peer::PeerId, peer_store::PeerStore, relay_record::RelayRecord};

use crate::network::{
    browser_address::{ip_of, is_browser_address},
    discovery::DiscoveredRelay,
};

/// A relay whose record was read and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRelay {
    /// Its peer id.
    pub peer: PeerId,
    /// The IP of its node.
    pub ip: IpAddr,
    /// Addresses that browsers can dial, with its peer id: at most one of WebTransport and one of WebSocket, at least one.
    pub addresses: Vec<String>,
}

/// What is used of a document that was read at these addresses.
pub(super) fn usable(
    document: &[u8],
    relay: &DiscoveredRelay,
    ips: &[IpAddr],
    chain: u64,
    now: Duration,
) -> Result<FoundRelay, String> {
    let record = RelayRecord::verify(document, chain, now).map_err(|error| error.to_string())?;
    if record.peer != relay.peer.to_string() {
        return Err(format!("it is the record of {}", record.peer));
    }
    let peer = PeerId::from_bytes(&relay.peer.to_bytes()).map_err(|_| "its peer id is too long".to_owned())?;
    let is_own = |address: &Multiaddr| match ip_of(address) {
        Some(ip) => ip == relay.ip || ips.contains(&ip),
        None => name_of(address).is_some_and(|name| relay.entry.host.as_deref() == Some(&*name)),
    };
    let mut addresses = Vec::new();
    for by_webtransport in [true, false] {
        let usable = record.addresses.iter().find(|text| {
            let address =
                text.parse::<Multiaddr>().ok().filter(|address| is_browser_address(address) && is_own(address));
            address.is_some_and(|address| is_webtransport(&address) == by_webtransport)
                && text.len() <= PeerStore::ADDRESS
        });
        addresses.extend(usable.cloned());
    }
    if addresses.is_empty() {
        return Err("its record has no address of its own that browsers can dial".to_owned());
    }
    Ok(FoundRelay { peer, ip: relay.ip, addresses })
}

fn is_webtransport(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::WebTransport)
}

/// The name at the beginning of an address.
fn name_of(address: &Multiaddr) -> Option<String> {
    match address.iter().next()? {
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    }
}
