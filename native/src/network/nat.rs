//! Ports that a router forwards to us (`--p2p.nat`), by UPnP.
//!
//! A separate task reports the mapped ports to the event loop. It finds the router by SSDP, requests our TCP port and
//! discovery's UDP port (with the same numbers if they are free), and renews them before the lease ends. When there is no router,
//! when it refuses, or when its own address is not public, that is logged once for each change and tried again: the node works
//! without it. Bounds: 10 s for a search, 5 s for a request (`config`), one at a time. IPv4 only: IPv6 has no such
//! mapping.
//!
//! Every machine of the local network can answer the search. Only a router of this machine's default route is accepted and gets
//! requests (`routes`, `search`); igd-next bounds its answers: 1 MiB, and 64 levels of XML.
//!
//! libp2p's behaviour is not used: it does not map discovery's port, and the core would have to hold it.

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

mod config;
mod routes;
mod search;
mod session;

pub use config::{PortMapperConfig, PortMapping, SSDP};

use config::{LAST_ANSWER, REMOVE_TIMEOUT};
use session::Session;

/// The event loop's side of the task.
#[derive(Debug)]
pub struct PortMapper {
    mappings: mpsc::Receiver<PortMapping>,
    /// Dropping it ends the task.
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl PortMapper {
    /// Starts it.
    pub fn start(config: PortMapperConfig) -> Self {
        let (sender, mappings) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(());
        Self { mappings, stop, task: tokio::spawn(Session::new(config, stopped).run(sender)) }
    }

    /// The next mapping that differs from the last one. Never returns without one.
    pub async fn next(&mut self) -> PortMapping {
        match self.mappings.recv().await {
            Some(mapped) => mapped,
            None => std::future::pending().await,
        }
    }

    /// Removes the mappings, also one whose request is not answered yet. Takes [`LAST_ANSWER`] and [`REMOVE_TIMEOUT`] at most.
    pub async fn close(self) {
        drop(self.stop);
        let _late = timeout(LAST_ANSWER + REMOVE_TIMEOUT, self.task).await;
    }
}
