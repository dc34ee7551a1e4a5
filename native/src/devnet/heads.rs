//! When a devnet ends, and whether its followers agree then.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use petrel_core::{Event, event::Via};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

/// How long the last follower may take to be where the first one is.
const PATIENCE: Duration = Duration::from_secs(30);
/// Heights that are remembered of each follower.
const HEIGHTS: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Heads {
    followers: Vec<Follower>,
    /// Verified blocks after which it ends.
    blocks: Option<u64>,
    verified: u64,
    /// The height that all must reach, and until when.
    target: Option<(u64, Instant)>,
}

#[derive(Debug, Default)]
struct Follower {
    head: u64,
    hashes: BTreeMap<u64, B256>,
}

/// The end, as an event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "heads")]
pub(super) struct Told {
    number: u64,
    followers: usize,
    pub(super) equal: bool,
}

impl Heads {
    pub(super) fn new(followers: usize, blocks: Option<u64>) -> Self {
        Self { followers: (0..followers).map(|_| Follower::default()).collect(), blocks, verified: 0, target: None }
    }

    /// Takes what a follower told.
    pub(super) fn note(&mut self, which: usize, event: &Event) {
        let Some(follower) = self.followers.get_mut(which) else { return };
        match event {
            Event::Block(new) => {
                follower.hashes.insert(new.block.payload.number(), new.block.hash);
                if follower.hashes.len() > HEIGHTS {
                    follower.hashes.pop_first();
                }
                self.verified += u64::from(which == 0 && new.via != Via::Local);
            }
            Event::Head(head) => follower.head = head.number,
            _ => {}
        }
        if self.target.is_none() && self.blocks.is_some_and(|blocks| self.verified >= blocks) {
            let highest = self.followers.first().and_then(|first| first.hashes.last_key_value());
            self.target = highest.map(|(number, _)| (*number, Instant::now() + PATIENCE));
        }
    }

    /// Whether every follower's head is as high as it has to be.
    pub(super) fn are_done(&self) -> bool {
        let there = |follower: &Follower, number: u64| follower.head >= number;
        // One alone has nobody to wait for.
        let alone = self.followers.len() == 1;
        self.target.is_some_and(|(number, _)| alone || self.followers.iter().all(|one| there(one, number)))
    }

    /// Ends when the last one has taken too long.
    pub(super) async fn patience(&self) {
        match self.target {
            Some((_, until)) => sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    /// As an event.
    pub(super) fn told(&self) -> Told {
        let number = self.target.map_or(0, |(number, _)| number);
        let hashes: Vec<Option<&B256>> = self.followers.iter().map(|follower| follower.hashes.get(&number)).collect();
        let equal = hashes.first().is_some_and(|first| first.is_some() && hashes.iter().all(|hash| hash == first));
        Told { number, followers: self.followers.len(), equal }
    }

    /// In words.
    pub(super) fn in_words(&self) -> String {
        let Told { number, equal, .. } = self.told();
        let heads: Vec<String> = self.followers.iter().map(|follower| follower.head.to_string()).collect();
        let equal = if equal { "the same" } else { "NOT the same" };
        format!("block {number} is {equal} for all followers; their heads are at {}", heads.join(", "))
    }
}
