//! The start of discovery. It needs the node's TCP port, and may take long: it resolves a host name.

use libp2p::identity::Keypair;
use tokio::task::JoinSet;

use super::error::DaemonError;
use crate::{
    network::discovery::{Discovery, DiscoveryConfig},
    store::Store,
};

/// See the module.
#[derive(Debug)]
pub(super) struct DiscoveryStarter {
    /// `None` without discovery, and after the start has begun.
    config: Option<DiscoveryConfig>,
    identity: Keypair,
    store: Store,
    /// One task at most.
    starting: JoinSet<Result<Discovery, String>>,
}

impl DiscoveryStarter {
    pub(super) fn new(config: Option<DiscoveryConfig>, identity: Keypair, store: Store) -> Self {
        Self { config, identity, store, starting: JoinSet::new() }
    }

    /// Begins to start discovery with the node's TCP port; false if there is nothing to start.
    pub(super) fn begin(&mut self, tcp: u16) -> bool {
        let Some(config) = self.config.take() else { return false };
        let (identity, store) = (self.identity.clone(), self.store.clone());
        self.starting.spawn(async move { Discovery::start(config, &identity, tcp, store).await });
        true
    }

    /// Whether no start is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.starting.is_empty()
    }

    /// The started discovery; pending while none is being started. Cancel-safe.
    ///
    /// # Errors
    /// Discovery cannot start.
    pub(super) async fn started(&mut self) -> Result<Discovery, DaemonError> {
        match self.starting.join_next().await {
            Some(Ok(started)) => started.map_err(DaemonError::Discovery),
            Some(Err(panic)) => Err(DaemonError::Discovery(panic.to_string())),
            None => std::future::pending().await,
        }
    }

    /// Cancels a start that is under way, and frees the store.
    pub(super) async fn cancel(&mut self) {
        self.starting.shutdown().await;
    }
}
