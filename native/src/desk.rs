//! What others ask of the loop: the socket and the metrics send questions, the loop answers each in its turn.

use std::time::Duration;

use petrel_core::{
    net::{Driver, Spared},
    node::{BanStatus, PeerReport, Status},
    peers::Subject,
};
use tokio::sync::{mpsc, oneshot};

use crate::host::TokioHost;

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

/// A question, and whom to tell.
#[derive(Debug)]
pub enum Ask {
    /// How is the node?
    Snapshot(oneshot::Sender<Snapshot>),
    /// Ban somebody.
    Ban {
        /// A peer, an address or a network.
        who: Subject,
        /// How long; without it until it is lifted.
        length: Option<Duration>,
        /// Why.
        reason: String,
        /// The ban, or why there is none.
        tell: oneshot::Sender<Result<BanStatus, Spared>>,
    },
    /// Lift a ban.
    Lift {
        /// Whose.
        who: Subject,
        /// Whether there was one.
        tell: oneshot::Sender<bool>,
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

/// Answers a question. Whoever asked may be gone: then it is done all the same.
pub fn answer(ask: Ask, driver: &mut Driver<TokioHost>) {
    let _gone = match ask {
        Ask::Snapshot(tell) => tell.send(Snapshot::of(driver)).is_err(),
        Ask::Ban { who, length, reason, tell } => tell.send(driver.ban(who, length, reason)).is_err(),
        Ask::Lift { who, tell } => tell.send(driver.lift(who)).is_err(),
    };
}

impl Door {
    /// The node now; `None` when it ends.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.ask(Ask::Snapshot).await
    }

    /// Bans, see [`Driver::ban`]; `None` when the node ends.
    pub async fn ban(
        &self,
        who: Subject,
        length: Option<Duration>,
        reason: String,
    ) -> Option<Result<BanStatus, Spared>> {
        self.ask(|tell| Ask::Ban { who, length, reason, tell }).await
    }

    /// Lifts a ban; whether there was one, `None` when the node ends.
    pub async fn lift(&self, who: Subject) -> Option<bool> {
        self.ask(|tell| Ask::Lift { who, tell }).await
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (tell, told) = oneshot::channel();
        self.0.send(ask(tell)).await.ok()?;
        told.await.ok()
    }
}
