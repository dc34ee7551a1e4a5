//! When a devnet ends, and whether its followers agree then.
//!
//! It ends at the first moment after the first follower's `--blocks` at which the heads of all are one block.

use std::time::Duration;

use petrel_core::{Event, block::BlockRef, event::Via};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

/// How long it may take until all followers are at one block.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct Heads {
    /// The head of each follower.
    heads: Vec<Option<BlockRef>>,
    /// Verified blocks after which it ends.
    blocks: Option<u64>,
    verified: u64,
    /// Since it is to end: until when the heads must be equal.
    ending: Option<Instant>,
}

/// The end, as an event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "heads")]
pub(super) struct Told {
    /// The highest head.
    number: u64,
    followers: usize,
    /// Whether it is the head of all.
    pub(super) equal: bool,
}

impl Heads {
    pub(super) fn new(followers: usize, blocks: Option<u64>) -> Self {
        Self { heads: vec![None; followers], blocks, verified: 0, ending: None }
    }

    /// Takes what a follower told. True when the end begins with it.
    pub(super) fn note(&mut self, which: usize, event: &Event) -> bool {
        match event {
            Event::Block(new) => self.verified += u64::from(which == 0 && new.via != Via::Local),
            Event::Head(head) => {
                if let Some(known) = self.heads.get_mut(which) {
                    *known = Some(BlockRef { number: head.number, hash: head.hash });
                }
            }
            _ => {}
        }
        let begins = self.ending.is_none() && self.blocks.is_some_and(|blocks| self.verified >= blocks);
        if begins {
            self.ending = Some(Instant::now() + PATIENCE);
        }
        begins
    }

    /// Whether it is to end and every follower's head is the same block.
    pub(super) fn are_done(&self) -> bool {
        // One alone has nobody to wait for.
        self.ending.is_some() && (self.heads.len() == 1 || self.common().is_some())
    }

    /// The one head of all.
    fn common(&self) -> Option<BlockRef> {
        let first = self.heads.first().copied().flatten()?;
        self.heads.iter().all(|head| *head == Some(first)).then_some(first)
    }

    /// Ends when it takes too long.
    pub(super) async fn patience(&self) {
        match self.ending {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// As an event.
    pub(super) fn told(&self) -> Told {
        let number = self.heads.iter().flatten().map(|head| head.number).max().unwrap_or_default();
        Told { number, followers: self.heads.len(), equal: self.common().is_some() }
    }

    /// In words.
    pub(super) fn in_words(&self) -> String {
        if let Some(head) = self.common() {
            return format!("all followers have the same head: block {} {}", head.number, head.hash);
        }
        let heads = self.heads.iter().map(|head| head.map_or("none".to_owned(), |head| head.number.to_string()));
        format!("their heads differ: {}", heads.collect::<Vec<_>>().join(", "))
    }
}
