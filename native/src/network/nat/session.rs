//! The task: searches the router, requests the ports, renews them, and removes them at the end.
//!
//! A router may have accepted a request whose answer was never read. So each port is remembered before it is requested, and its
//! mapping is removed at the end unless the router has refused it. Bound: [`MAX_REQUESTED`] ports.

use std::{net::SocketAddr, pin::pin};

use igd_next::{
    AddPortError, PortMappingProtocol as Kind, RequestError,
    aio::{Gateway, tokio::Tokio},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    config::{LAST_ANSWER, LEASE, PortMapperConfig, PortMapping, REMOVE_TIMEOUT, RENEW, REQUEST_TIMEOUT, RETRY},
    search::{Router, find_router},
};
use crate::identity::random_seed;

/// The description that the router shows.
const DESCRIPTION: &str = "petrel";
/// How many other ports are tried when another machine has the wanted one.
const OTHER_PORTS: usize = 8;
/// Ports that are remembered for the end: those of the two protocols, and others that were tried.
const MAX_REQUESTED: usize = 64;

/// See the module.
pub(super) struct Session {
    config: PortMapperConfig,
    /// Its sender is dropped when the node stops.
    stopped: watch::Receiver<()>,
    router: Option<Gateway<Tokio>>,
    /// Ports that the router may forward to us.
    requested: Vec<(Kind, u16)>,
    /// The last mapping.
    mapped: Option<PortMapping>,
}

impl Session {
    pub(super) fn new(config: PortMapperConfig, stopped: watch::Receiver<()>) -> Self {
        Self { config, stopped, router: None, requested: Vec::new(), mapped: None }
    }

    /// Maintains the mappings until the node stops, then removes them.
    pub(super) async fn run(mut self, sender: mpsc::Sender<PortMapping>) {
        let mut logged_error = None;
        while let Some(tried) = Box::pin(self.attempt()).await {
            let wait = match tried {
                Ok(mapped) => {
                    logged_error = None;
                    if !self.report(mapped, &sender).await {
                        break;
                    }
                    RENEW
                }
                // The request was cancelled.
                Err(_) if self.is_stopped() => break,
                Err(error) => {
                    if logged_error.as_ref() != Some(&error) {
                        tracing::warn!(%error, "--p2p.nat: no router forwards ports to this node; the request is repeated");
                        logged_error = Some(error);
                    }
                    RETRY
                }
            };
            if self.until_stop(sleep(wait)).await.is_none() {
                break;
            }
        }
        let _late = timeout(REMOVE_TIMEOUT, self.remove_all()).await;
    }

    /// Sends a mapping that differs from the last one to the event loop; `false` when the node stops.
    async fn report(&mut self, mapped: PortMapping, sender: &mpsc::Sender<PortMapping>) -> bool {
        if self.mapped.replace(mapped) == Some(mapped) {
            return true;
        }
        let PortMapping { ip, tcp, udp } = mapped;
        tracing::info!(%ip, tcp, udp, "--p2p.nat: the router forwards these ports to this node");
        matches!(self.until_stop(sender.send(mapped)).await, Some(Ok(())))
    }

    /// Finds the router and requests all ports; `None` when the node stops.
    async fn attempt(&mut self) -> Option<Result<PortMapping, String>> {
        let found = Box::pin(self.until_stop(find_router(self.config))).await?;
        Some(match found {
            Ok(router) => self.map(router).await,
            Err(error) => Err(error),
        })
    }

    async fn map(&mut self, Router { gateway: router, ip, local }: Router) -> Result<PortMapping, String> {
        if self.router.as_ref().is_some_and(|before| before.addr.ip() != router.addr.ip()) {
            self.requested.clear();
        }
        self.router = Some(router.clone());
        let (tcp, udp) = (self.mapped.map(|mapped| mapped.tcp), self.mapped.and_then(|mapped| mapped.udp));
        let tcp = self.map_port(&router, Kind::TCP, (local, self.config.tcp).into(), tcp).await?;
        let udp = match self.config.udp {
            Some(port) => Some(self.map_port(&router, Kind::UDP, (local, port).into(), udp).await?),
            None => None,
        };
        Ok(PortMapping { ip, tcp, udp })
    }

    /// Requests a mapping to `local`; the router's port. `before` is the one of the last mapping.
    async fn map_port(
        &mut self,
        router: &Gateway<Tokio>,
        kind: Kind,
        local: SocketAddr,
        before: Option<u16>,
    ) -> Result<u16, String> {
        let wanted = before.unwrap_or(local.port());
        let mut last = String::new();
        for port in std::iter::once(wanted).chain(other_ports()) {
            match self.request(router, kind, port, local).await {
                Some(Ok(())) => return Ok(port),
                Some(Err(AddPortError::PortInUse)) => last = format!("{kind} port {port} is in use"),
                Some(Err(error)) => return Err(format!("{kind} port {port}: {error}")),
                None => return Err(format!("{kind} port {port}: the router does not answer")),
            }
        }
        Err(last)
    }

    /// Requests one port; `None` without an answer in time.
    async fn request(
        &mut self,
        router: &Gateway<Tokio>,
        kind: Kind,
        port: u16,
        local: SocketAddr,
    ) -> Option<Result<(), AddPortError>> {
        let key = (kind, port);
        if !self.requested.contains(&key) && self.requested.len() < MAX_REQUESTED {
            self.requested.push(key);
        }
        let mut answer = self.answer(router.add_port(kind, port, local, LEASE, DESCRIPTION)).await;
        if let Some(Err(AddPortError::OnlyPermanentLeasesSupported)) = answer {
            answer = self.answer(router.add_port(kind, port, local, 0, DESCRIPTION)).await;
        }
        if answer.as_ref().is_some_and(is_refusal) {
            self.requested.retain(|requested| *requested != key);
        }
        answer
    }

    /// Whether the node stops.
    fn is_stopped(&self) -> bool {
        self.stopped.has_changed().is_err()
    }

    /// Completes with `work`, or with `None` when the node stops.
    async fn until_stop<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.stopped.changed() => None,
            done = work => Some(done),
        }
    }

    /// The answer to a request, which is awaited for a short time even while the node stops.
    async fn answer<T>(&mut self, request: impl Future<Output = T>) -> Option<T> {
        let mut request = pin!(request);
        if self.is_stopped() {
            return None;
        }
        match timeout(REQUEST_TIMEOUT, self.until_stop(&mut request)).await {
            Ok(None) => timeout(LAST_ANSWER, request).await.ok(),
            in_time => in_time.ok().flatten(),
        }
    }

    /// Removes every mapping that may exist.
    async fn remove_all(&mut self) {
        let Some(router) = &self.router else { return };
        for (kind, port) in self.requested.drain(..) {
            let _refused = router.remove_port(kind, port).await;
        }
    }
}

/// Whether the router has refused to forward the port.
fn is_refusal(answer: &Result<(), AddPortError>) -> bool {
    match answer {
        Ok(()) | Err(AddPortError::OnlyPermanentLeasesSupported) => false,
        Err(AddPortError::RequestError(error)) => matches!(error, RequestError::ErrorCode(..)),
        Err(_) => true,
    }
}

/// Random ports of the dynamic range (RFC 6335, §6).
fn other_ports() -> impl Iterator<Item = u16> {
    let random = random_seed();
    let number = move |at: usize| Some(u16::from_ne_bytes([*random.get(2 * at)?, *random.get(2 * at + 1)?]));
    (0..OTHER_PORTS).filter_map(number).map(|number| number | 0xc000)
}
