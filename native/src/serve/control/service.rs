//! What others ask of the loop: the socket and the metrics send questions, the loop answers each in its turn.

use std::time::Duration;

use petrel_core::{
    ban::{Ban, BanTarget},
    net::{Driver, ProtectedPeer},
    node::{BanStatus, PeerReport, Status},
    persistence::{Persist, Persisted},
};
use tokio::sync::{mpsc, oneshot};

use crate::{host::TokioHost, store::Store};

/// Questions that wait; whoever asks beyond them waits itself.
const WAITING: usize = 16;

/// The node at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it knows of itself.
    pub status: Status,
    /// Every connected peer.
    pub peers: Vec<PeerReport>,
}

impl Snapshot {
    /// Now.
    pub fn of(driver: &Driver<TokioHost>) -> Self {
        Self { status: driver.status(), peers: driver.peers() }
    }
}

/// Why a ban is not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacknowledged {
    /// It is a peer that is never banned.
    #[error(transparent)]
    Spared(#[from] ProtectedPeer),
    /// It holds until the node ends.
    #[error("it is done, but not on disk, and a restart forgets it: {0}")]
    NotOnDisk(String),
}

/// A question, and whom to tell.
#[derive(Debug)]
pub enum Ask {
    /// How is the node?
    Snapshot(oneshot::Sender<Snapshot>),
    /// Ban somebody.
    Ban {
        /// A peer, an address or a network.
        who: BanTarget,
        /// How long; without it until it is lifted.
        length: Option<Duration>,
        /// Why.
        reason: String,
        /// The ban when it is on disk, or why it is not.
        tell: oneshot::Sender<Result<BanStatus, Unacknowledged>>,
    },
    /// Lift a ban.
    Lift {
        /// Whose.
        who: BanTarget,
        /// Whether there was one, when it is gone from the disk too.
        tell: oneshot::Sender<Result<bool, Unacknowledged>>,
    },
}

/// Where questions come in.
#[derive(Debug)]
pub struct Desk {
    asks: mpsc::Receiver<Ask>,
    door: Door,
}

/// Where questions are put. It is of no more use when the loop has ended.
#[derive(Clone, Debug)]
pub struct Door(mpsc::Sender<Ask>);

impl Default for Desk {
    fn default() -> Self {
        let (door, asks) = mpsc::channel(WAITING);
        Self { asks, door: Door(door) }
    }
}

impl Desk {
    /// For those who ask.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// The next question. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Ask {
        match self.asks.recv().await {
            Some(ask) => ask,
            // It does not end as long as the door is here.
            None => std::future::pending().await,
        }
    }
}

/// Answers a question. Whoever asked may be gone: then it is done all the same. What changes a ban is answered when the
/// store says that it is on disk; the loop does not wait for that.
pub fn answer(ask: Ask, driver: &mut Driver<TokioHost>, store: &Store) {
    match ask {
        Ask::Snapshot(tell) => {
            let _gone = tell.send(Snapshot::of(driver));
        }
        Ask::Ban { who, length, reason, tell } => match driver.ban(who, length, reason) {
            Ok(ban) => {
                let (until, secs, reason) = (ban.until, length.unwrap_or_default().as_secs(), ban.reason.clone());
                let kept = Ban { until, secs, reason, ip: None };
                when_on_disk(store, Persist::Ban(who, Some(kept)), ban, tell);
            }
            Err(spared) => {
                let _gone = tell.send(Err(spared.into()));
            }
        },
        Ask::Lift { who, tell } => {
            let there = driver.unban(who);
            when_on_disk(store, Persist::Ban(who, None), there, tell);
        }
    }
}

/// Answers when this is kept. The node has asked for the same already, and tells nobody what became of it: a second
/// time it mostly goes into the same transaction.
fn when_on_disk<T: Send + 'static>(
    store: &Store,
    keep: Persist,
    answer: T,
    tell: oneshot::Sender<Result<T, Unacknowledged>>,
) {
    let kept = store.keep(keep);
    tokio::spawn(async move {
        let answer = match kept.await {
            Ok(Persisted::OnDisk | Persisted::NotForSure) => Ok(answer),
            Ok(Persisted::Failed(error)) => Err(Unacknowledged::NotOnDisk(error)),
            Err(_) => Err(Unacknowledged::NotOnDisk("the store's thread has ended".to_owned())),
        };
        let _gone = tell.send(answer);
    });
}

impl Door {
    /// The node now; `None` when it ends.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.ask(Ask::Snapshot).await
    }

    /// Bans, see [`Driver::ban`], and waits until that is on disk; `None` when the node ends.
    pub async fn ban(
        &self,
        who: BanTarget,
        length: Option<Duration>,
        reason: String,
    ) -> Option<Result<BanStatus, Unacknowledged>> {
        self.ask(|tell| Ask::Ban { who, length, reason, tell }).await
    }

    /// Lifts a ban, and waits until that is on disk; whether there was one, `None` when the node ends.
    pub async fn lift(&self, who: BanTarget) -> Option<Result<bool, Unacknowledged>> {
        self.ask(|tell| Ask::Lift { who, tell }).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (tell, told) = oneshot::channel();
        self.0.send(ask(tell)).await.ok()?;
        told.await.ok()
    }
}
