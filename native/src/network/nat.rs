//! Ports that a router forwards to us (`--p2p.nat`), by UPnP.
//!
//! A task of its own beside the loop, which it tells where others find us. It looks for the router by SSDP, asks for our
//! TCP port and discovery's UDP port, the same numbers where they are free and others where not, and asks again before the
//! lease ends. A router that is not there, refuses, or has no public address itself is said, once for each change, and
//! tried again: the node lives on without it. Bounds: [`PATIENCE`] for each try, one try at once. IPv4 alone: IPv6 knows no
//! such mapping.
//!
//! Not libp2p's behaviour: it maps no port of discovery's, and the core would have to hold it. Whatever answers the search
//! on the local network is believed to be the router, as UPnP has it; that is why it is off unless asked for.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use igd_next::{
    AddPortError, PortMappingProtocol as Kind, SearchOptions,
    aio::{Gateway, tokio::Tokio},
};
use petrel_core::address::is_public;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long the router keeps a port for us, seconds, unless it only keeps them for ever (libp2p's UPnP: an hour).
const LEASE: u32 = 3600;
/// How often we ask again: twice a lease.
const RENEW: Duration = Duration::from_secs(1800);
/// How soon after a failure.
const RETRY: Duration = Duration::from_secs(300);
/// How long one try may take: the search takes up to half of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the router may take to forget us at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// What the router shows its owner.
const NAME: &str = "petrel";

/// What is to be forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The address on which we listen; without it the one from which the router is reached.
    pub local: Option<Ipv4Addr>,
    /// The TCP port on which we listen.
    pub tcp: u16,
    /// Discovery's UDP port.
    pub udp: Option<u16>,
    /// Whether a router's address counts that is not public itself, because the network is a private one.
    pub near: bool,
    /// Where routers are searched; SSDP's multicast group in earnest.
    pub search: SocketAddr,
}

/// SSDP's multicast group (UPnP Device Architecture 1.1, §1).
pub const SSDP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 1900);

/// Where others find us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The router's address.
    pub ip: IpAddr,
    /// Its TCP port.
    pub tcp: u16,
    /// Its UDP port.
    pub udp: Option<u16>,
}

/// The task, as the loop sees it.
#[derive(Debug)]
pub struct Nat {
    mapped: mpsc::Receiver<Mapped>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Nat {
    /// Starts it.
    pub fn start(plan: Plan) -> Self {
        let (tell, mapped) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut held = None;
            tokio::select! {
                () = keep(plan, &mut held, &tell) => {}
                _ = stopped => {}
            }
            if let Some((gateway, mapped)) = held {
                let _late = timeout(FAREWELL, forget(&gateway, mapped)).await;
            }
        });
        Self { mapped, stop, task }
    }

    /// Where others find us, whenever it is another place than before. It never ends.
    pub async fn next(&mut self) -> Mapped {
        match self.mapped.recv().await {
            Some(mapped) => mapped,
            None => std::future::pending().await,
        }
    }

    /// Gives the ports back, which takes [`FAREWELL`] at most.
    pub async fn end(self) {
        drop(self.stop);
        let _panicked = self.task.await;
    }
}

/// What the router forwards.
type Held = (Gateway<Tokio>, Mapped);

async fn keep(plan: Plan, held: &mut Option<Held>, tell: &mpsc::Sender<Mapped>) {
    let (mut last, mut said) = (None, None);
    loop {
        let known = held.as_ref().map(|(_, mapped)| *mapped);
        let tried = timeout(PATIENCE, map(plan, known)).await;
        let wait = match tried.unwrap_or_else(|_| Err("the router takes too long".to_owned())) {
            Ok((gateway, mapped)) => {
                *held = Some((gateway, mapped));
                said = None;
                if last != Some(mapped) {
                    last = Some(mapped);
                    let Mapped { ip, tcp, udp } = mapped;
                    tracing::info!(%ip, tcp, udp, "--p2p.nat: the router forwards these ports to this node");
                    if tell.send(mapped).await.is_err() {
                        return;
                    }
                }
                RENEW
            }
            Err(error) => {
                if said.as_ref() != Some(&error) {
                    tracing::warn!(%error, "--p2p.nat: no router forwards ports to this node; it is asked again");
                    said = Some(error);
                }
                RETRY
            }
        };
        sleep(wait).await;
    }
}

/// Finds the router and asks it for all ports; for those that it forwarded before, `known`, first.
async fn map(plan: Plan, known: Option<Mapped>) -> Result<Held, String> {
    let options = SearchOptions {
        bind_addr: (plan.local.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into(),
        broadcast_address: plan.search,
        timeout: Some(PATIENCE / 2),
        ..SearchOptions::default()
    };
    let gateway = igd_next::aio::tokio::search_gateway(options).await.map_err(|error| error.to_string())?;
    let ip = gateway.get_external_ip().await.map_err(|error| error.to_string())?;
    if !plan.near && !is_public(ip) {
        return Err(format!("the router is behind another one: its own address {ip} is not public"));
    }
    let local = match plan.local {
        Some(local) => IpAddr::V4(local),
        None => towards(gateway.addr).await.map_err(|error| error.to_string())?,
    };
    let tcp = port(&gateway, Kind::TCP, (local, plan.tcp).into(), known.map(|known| known.tcp)).await?;
    let udp = match plan.udp {
        Some(udp) => Some(port(&gateway, Kind::UDP, (local, udp).into(), known.and_then(|known| known.udp)).await?),
        None => None,
    };
    Ok((gateway, Mapped { ip, tcp, udp }))
}

/// Our address as the router sees it. Nothing is sent.
async fn towards(router: SocketAddr) -> std::io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(router).await?;
    Ok(socket.local_addr()?.ip())
}

/// The port that is forwarded to `local`.
async fn port(gateway: &Gateway<Tokio>, kind: Kind, local: SocketAddr, known: Option<u16>) -> Result<u16, String> {
    let wanted = known.unwrap_or(local.port());
    let mut lease = LEASE;
    let mut answer = gateway.add_port(kind, wanted, local, lease, NAME).await;
    if let Err(AddPortError::OnlyPermanentLeasesSupported) = answer {
        lease = 0;
        answer = gateway.add_port(kind, wanted, local, lease, NAME).await;
    }
    match answer {
        Ok(()) => Ok(wanted),
        Err(AddPortError::PortInUse) => {
            gateway.add_any_port(kind, local, lease, NAME).await.map_err(|error| format!("{kind} port: {error}"))
        }
        Err(error) => Err(format!("{kind} port {wanted}: {error}")),
    }
}

async fn forget(gateway: &Gateway<Tokio>, mapped: Mapped) {
    let _refused = gateway.remove_port(Kind::TCP, mapped.tcp).await;
    if let Some(udp) = mapped.udp {
        let _refused = gateway.remove_port(Kind::UDP, udp).await;
    }
}
