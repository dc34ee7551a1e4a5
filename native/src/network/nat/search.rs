//! Finds the router.
//!
//! igd-next accepts the first answer to its search, from any address. So the search goes through a socket of ours on loopback, which
//! forwards only the answers of this machine's routers: other machines of the network are ignored and get no request, and a faster
//! answer of theirs does not hide the router's.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use igd_next::{
    SearchOptions,
    aio::{
        Gateway,
        tokio::{Tokio, search_gateway},
    },
};
use petrel_core::address::is_public;
use tokio::{net::UdpSocket, time::timeout};

use super::{
    config::{PortMapperConfig, REQUEST_TIMEOUT, SEARCH_TIMEOUT},
    routes::default_routers,
};

/// Bytes of an answer to a search at most; the rest is cut off.
const MAX_ANSWER: usize = 2048;

/// The router, its own address, and ours on the route to it.
pub(super) struct Router {
    pub(super) gateway: Gateway<Tokio>,
    pub(super) ip: IpAddr,
    pub(super) local: IpAddr,
}

/// Finds the router and requests its address.
///
/// # Errors
/// There is none, or it cannot be used: a sentence.
pub(super) async fn find_router(config: PortMapperConfig) -> Result<Router, String> {
    let routers = config.router.map(|router| vec![router]).or_else(default_routers);
    let gateway = match routers.as_deref() {
        Some([]) => return Err("no default route of this machine leads through a router".to_owned()),
        Some(routers) => search_among(config, routers).await?,
        None => search_private(config).await?,
    };
    let ip = timeout(REQUEST_TIMEOUT, gateway.get_external_ip()).await;
    let ip = ip.map_err(|_| "the router does not answer".to_owned())?.map_err(|error| error.to_string())?;
    if !config.private_network && !is_public(ip) {
        return Err(format!("the router is behind another one: its own address {ip} is not public"));
    }
    let local = match config.local {
        Some(local) => IpAddr::V4(local),
        None => local_address_towards(gateway.addr).await.map_err(|error| error.to_string())?,
    };
    Ok(Router { gateway, ip, local })
}

/// The first of these routers that answers.
async fn search_among(config: PortMapperConfig, routers: &[Ipv4Addr]) -> Result<Gateway<Tokio>, String> {
    let bind = async |ip: Option<Ipv4Addr>| UdpSocket::bind((ip.unwrap_or(Ipv4Addr::UNSPECIFIED), 0)).await;
    let outside = bind(config.local).await.map_err(|error| error.to_string())?;
    let inside = bind(Some(Ipv4Addr::LOCALHOST)).await.map_err(|error| error.to_string())?;
    let to_us = inside.local_addr().map_err(|error| error.to_string())?;
    let mut options = options(Some(Ipv4Addr::LOCALHOST), to_us);
    options.allowed_gateway_ips = routers.iter().copied().map(IpAddr::from).collect();
    tokio::select! {
        found = search_gateway(options) => found.map_err(|error| error.to_string()),
        Err(error) = forward(&inside, &outside, config.search, routers) => Err(error.to_string()),
    }
}

/// For a system whose routes are unknown: a router with a private address that answers for its own address.
async fn search_private(config: PortMapperConfig) -> Result<Gateway<Tokio>, String> {
    let found = search_gateway(options(config.local, config.search)).await.map_err(|error| error.to_string())?;
    match found.addr.ip() {
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => Ok(found),
        ip => Err(format!("{ip} answers as a router and is no private address: it is not used")),
    }
}

fn options(bind: Option<Ipv4Addr>, search: SocketAddr) -> SearchOptions {
    let mut options = SearchOptions::default();
    options.bind_addr = (bind.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into();
    options.broadcast_address = search;
    options.timeout = Some(SEARCH_TIMEOUT);
    options
}

/// Forwards requests from inside to the search's address, with that address as their `Host`, and the answers of routers back.
async fn forward(
    inside: &UdpSocket,
    outside: &UdpSocket,
    search: SocketAddr,
    routers: &[Ipv4Addr],
) -> Result<Infallible, io::Error> {
    let host = |at: SocketAddr| format!("Host:{at}\r\n");
    let (own_host, search_host) = (host(inside.local_addr()?), host(search));
    let (mut request, mut answer) = ([0; MAX_ANSWER], [0; MAX_ANSWER]);
    let mut client = None;
    loop {
        tokio::select! {
            received = inside.recv_from(&mut request) => {
                let (length, from) = received?;
                client = Some(from);
                let text = String::from_utf8_lossy(request.get(..length).unwrap_or_default());
                outside.send_to(text.replace(&own_host, &search_host).as_bytes(), search).await?;
            }
            received = outside.recv_from(&mut answer) => {
                let (length, from) = received?;
                let is_router = routers.iter().any(|router| from.ip() == IpAddr::V4(*router));
                if let Some(client) = client.filter(|_| is_router) {
                    inside.send_to(answer.get(..length).unwrap_or_default(), client).await?;
                }
            }
        }
    }
}

/// Our address on the route to the router. Nothing is sent.
async fn local_address_towards(router: SocketAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(router).await?;
    Ok(socket.local_addr()?.ip())
}
