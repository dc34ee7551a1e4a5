//! The request for a relay record, to an address that a stranger has named: bounded in time and bytes, without redirects and proxies,
//! and to public addresses alone. A name is resolved once, and the request goes to the addresses that were checked.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures::StreamExt;
use petrel_core::{address::is_public, relay_record::RelayRecord};
use reqwest::{Client, redirect::Policy};
use tokio::time::timeout;

use crate::network::discovery::DiscoveredRelay;

/// For the name, and then for the response.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of a name that are used.
const IPS: usize = 4;

/// A document, and the addresses of the server.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) document: Vec<u8>,
    pub(super) ips: Vec<IpAddr>,
}

/// Requests the record of a relay. With `private_network` the node's own IP may be a private one.
///
/// # Errors
/// Why there is none, as text.
pub(super) async fn fetch(relay: &DiscoveredRelay, private_network: bool) -> Result<Fetched, String> {
    let sockets = sockets(relay).await?;
    let is_allowed = |ip: IpAddr| is_public(ip) || private_network && ip == relay.ip;
    if let Some(refused) = sockets.iter().find(|socket| !is_allowed(socket.ip())) {
        return Err(format!("{} is not a public address", refused.ip()));
    }
    // libp2p installs the same provider; a second installation fails and changes nothing.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
    let origin = match &relay.entry.host {
        Some(host) => {
            builder = builder.resolve_to_addrs(host, &sockets);
            format!("https://{host}:{}", relay.entry.port)
        }
        None => format!("http://{}", SocketAddr::new(relay.ip, relay.entry.port)),
    };
    let client = builder.build().map_err(|error| error.to_string())?;
    let request = client.get(format!("{origin}/.well-known/petrel.json")).send();
    let response = request.await.map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status().as_u16()));
    }
    let mut document = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| error.without_url().to_string())?;
        if document.len() + part.len() > RelayRecord::MAX {
            return Err(format!("it has more than {} bytes", RelayRecord::MAX));
        }
        document.extend_from_slice(&part);
    }
    Ok(Fetched { document, ips: sockets.iter().map(SocketAddr::ip).collect() })
}

/// The addresses of the server, at least one.
async fn sockets(relay: &DiscoveredRelay) -> Result<Vec<SocketAddr>, String> {
    let port = relay.entry.port;
    let Some(host) = &relay.entry.host else { return Ok(vec![SocketAddr::new(relay.ip, port)]) };
    let found = timeout(TIMEOUT, tokio::net::lookup_host((host.as_str(), port))).await;
    let found = found.map_err(|_| "its name does not resolve in time".to_owned())?;
    let sockets: Vec<SocketAddr> = found.map_err(|error| error.to_string())?.take(IPS).collect();
    if sockets.is_empty() { Err("its name has no address".to_owned()) } else { Ok(sockets) }
}
