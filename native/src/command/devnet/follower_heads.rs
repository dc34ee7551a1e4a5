//! The heads of a devnet's followers, and when it ends: after the first follower has verified `--blocks`, at the first moment at
//! which the heads of all are one block.

use std::time::Duration;

use petrel_core::{Event, block::BlockRef, event::Via};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

/// How long it may take until all followers have one head.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct FollowerHeads {
    /// The head of each follower.
    heads: Vec<Option<BlockRef>>,
    /// Verified blocks after which the end begins.
    blocks: Option<u64>,
    verified: u64,
    /// After the end has begun: when the heads must be equal.
    deadline: Option<Instant>,
}

/// The result, as an event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "heads")]
pub(super) struct HeadsEvent {
    /// The highest head.
    number: u64,
    followers: usize,
    /// Whether it is the head of all followers.
    pub(super) equal: bool,
}

impl FollowerHeads {
    pub(super) fn new(followers: usize, blocks: Option<u64>) -> Self {
        Self { heads: vec![None; followers], blocks, verified: 0, deadline: None }
    }

    /// Applies an event of a follower; true if the end begins with it.
    pub(super) fn on_event(&mut self, which: usize, event: &Event) -> bool {
        match event {
            Event::Block(new) => self.verified += u64::from(which == 0 && new.via != Via::Local),
            Event::Head(head) => {
                if let Some(known) = self.heads.get_mut(which) {
                    *known = Some(BlockRef { number: head.number, hash: head.hash });
                }
            }
            _ => {}
        }
        let begins = self.deadline.is_none() && self.blocks.is_some_and(|blocks| self.verified >= blocks);
        if begins {
            self.deadline = Some(Instant::now() + END_TIMEOUT);
        }
        begins
    }

    /// Whether the end has begun and every follower has the same head.
    pub(super) fn are_done(&self) -> bool {
        // A single follower has no other head to wait for.
        self.deadline.is_some() && (self.heads.len() == 1 || self.common().is_some())
    }

    /// The head of all followers, if it is one block.
    fn common(&self) -> Option<BlockRef> {
        let first = self.heads.first().copied().flatten()?;
        self.heads.iter().all(|head| *head == Some(first)).then_some(first)
    }

    /// Completes when the deadline has passed.
    pub(super) async fn timeout(&self) {
        match self.deadline {
            Some(until) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// The result, as an event.
    pub(super) fn result(&self) -> HeadsEvent {
        let number = self.heads.iter().flatten().map(|head| head.number).max().unwrap_or_default();
        HeadsEvent { number, followers: self.heads.len(), equal: self.common().is_some() }
    }

    /// The result, as text.
    pub(super) fn to_text(&self) -> String {
        if let Some(head) = self.common() {
            return format!("all followers have the same head: block {} {}", head.number, head.hash);
        }
        let heads = self.heads.iter().map(|head| head.map_or("none".to_owned(), |head| head.number.to_string()));
        format!("their heads differ: {}", heads.collect::<Vec<_>>().join(", "))
    }
}
