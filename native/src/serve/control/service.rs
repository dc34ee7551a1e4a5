//! Requests to the event loop from other tasks (the control socket and the metrics endpoint), which it answers between events.

use std::{path::PathBuf, time::Duration};

use petrel_core::{
    ban::{Ban, BanTarget},
    net::{Driver, ProtectedPeer},
    node::{BanStatus, PeerReport, Status},
    persistence::{Persist, Persisted},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    host::TokioHost,
    store::{ExportReport, Store},
};

/// Requests in the queue; a sender waits while it is full.
const QUEUE: usize = 16;

/// The node at one moment.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// Its status.
    pub status: Status,
    /// Every connected peer.
    pub peers: Vec<PeerReport>,
}

impl NodeSnapshot {
    /// Takes a snapshot.
    pub fn of(driver: &Driver<TokioHost>) -> Self {
        Self { status: driver.status(), peers: driver.peers() }
    }
}

/// Why a change of a ban is not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BanChangeError {
    /// The peer is exempt from bans.
    #[error(transparent)]
    ProtectedPeer(#[from] ProtectedPeer),
    /// The change is in effect until the node stops, but not persisted.
    #[error("the change is in effect, but not on disk, and is lost at a restart: {0}")]
    NotOnDisk(String),
}

/// A request, with the channel for its result.
#[derive(Debug)]
pub enum ControlRequest {
    /// A snapshot of the node.
    Snapshot(oneshot::Sender<NodeSnapshot>),
    /// Add or replace a ban.
    Ban {
        /// A peer, an address or a network.
        who: BanTarget,
        /// Its length; without it the ban lasts until it is lifted.
        length: Option<Duration>,
        /// The reason.
        reason: String,
        /// Receives the ban when it is on disk.
        result: oneshot::Sender<Result<BanStatus, BanChangeError>>,
    },
    /// Lift a ban.
    Lift {
        /// The subject of the ban.
        who: BanTarget,
        /// Receives whether there was one, when it is removed from the disk.
        result: oneshot::Sender<Result<bool, BanChangeError>>,
    },
    /// Copy the store, see [`Store::export`].
    Export {
        /// The file to create.
        file: PathBuf,
        /// Receives the copy's size, or why there is none.
        result: oneshot::Sender<Result<ExportReport, String>>,
    },
}

/// The event loop's side: receives requests.
#[derive(Debug)]
pub struct ControlService {
    requests: mpsc::Receiver<ControlRequest>,
    handle: ControlHandle,
}

/// Sends requests to the event loop. When the loop has ended, requests return `None`.
#[derive(Clone, Debug)]
pub struct ControlHandle(mpsc::Sender<ControlRequest>);

impl Default for ControlService {
    fn default() -> Self {
        let (sender, requests) = mpsc::channel(QUEUE);
        Self { requests, handle: ControlHandle(sender) }
    }
}

impl ControlService {
    /// A handle for another task.
    pub fn handle(&self) -> ControlHandle {
        self.handle.clone()
    }

    /// The next request. Cancel-safe.
    pub async fn next(&mut self) -> ControlRequest {
        match self.requests.recv().await {
            Some(request) => request,
            // The channel stays open: this service holds a sender.
            None => std::future::pending().await,
        }
    }
}

/// Carries out a request and sends its result. The requester may have stopped waiting; the request is carried out anyway. The result
/// of a changed ban is sent when it is on disk; the event loop does not wait for that.
pub fn respond(request: ControlRequest, driver: &mut Driver<TokioHost>, store: &Store) {
    match request {
        ControlRequest::Snapshot(result) => {
            let _dropped = result.send(NodeSnapshot::of(driver));
        }
        ControlRequest::Ban { who, length, reason, result } => match driver.ban(who, length, reason) {
            Ok(ban) => {
                let (until, secs, reason) = (ban.until, length.unwrap_or_default().as_secs(), ban.reason.clone());
                let stored = Ban { until, secs, reason, ip: None, by_operator: true };
                respond_when_on_disk(store, Persist::Ban(who, Some(stored)), ban, result);
            }
            Err(spared) => {
                let _dropped = result.send(Err(spared.into()));
            }
        },
        ControlRequest::Lift { who, result } => {
            let was_banned = driver.unban(who);
            respond_when_on_disk(store, Persist::Ban(who, None), was_banned, result);
        }
        ControlRequest::Export { file, result } => {
            let store = store.clone();
            tokio::task::spawn_blocking(move || {
                let _dropped = result.send(store.export(&file));
            });
        }
    }
}

/// Sends the result when the request is persisted. The node has requested the same already but does not report the outcome; the second
/// request mostly goes into the same transaction.
fn respond_when_on_disk<T: Send + 'static>(
    store: &Store,
    request: Persist,
    value: T,
    result: oneshot::Sender<Result<T, BanChangeError>>,
) {
    let persisted = store.persist(request);
    tokio::spawn(async move {
        let outcome = match persisted.await {
            Ok(Persisted::OnDisk | Persisted::Unconfirmed) => Ok(value),
            Ok(Persisted::Failed(error)) => Err(BanChangeError::NotOnDisk(error)),
            Err(_) => Err(BanChangeError::NotOnDisk("the store's thread has ended".to_owned())),
        };
        let _dropped = result.send(outcome);
    });
}

impl ControlHandle {
    /// A snapshot of the node; `None` when it has stopped.
    pub async fn snapshot(&self) -> Option<NodeSnapshot> {
        self.send(ControlRequest::Snapshot).await
    }

    /// Adds a ban, see [`Driver::ban`], and waits until it is on disk; `None` when the node has stopped.
    pub async fn ban(
        &self,
        who: BanTarget,
        length: Option<Duration>,
        reason: String,
    ) -> Option<Result<BanStatus, BanChangeError>> {
        self.send(|result| ControlRequest::Ban { who, length, reason, result }).await
    }

    /// Lifts a ban, and waits until it is removed from the disk; whether there was one, `None` when the node has stopped.
    pub async fn lift(&self, who: BanTarget) -> Option<Result<bool, BanChangeError>> {
        self.send(|result| ControlRequest::Lift { who, result }).await
    }

    /// Copies the store to a new file; `None` when the node has stopped.
    pub async fn export(&self, file: PathBuf) -> Option<Result<ExportReport, String>> {
        self.send(|result| ControlRequest::Export { file, result }).await
    }

    async fn send<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> ControlRequest) -> Option<T> {
        let (sender, result) = oneshot::channel();
        self.0.send(request(sender)).await.ok()?;
        result.await.ok()
    }
}
