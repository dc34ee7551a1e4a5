//! What an attacker has done, and what it noticed of the daemon.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use libp2p::PeerId;
use tokio::sync::Notify;

/// What one attacker did.
#[derive(Debug)]
pub struct AttackOutcome {
    /// Its name.
    pub name: &'static str,
    /// How often it did what.
    pub counts: BTreeMap<&'static str, u64>,
    /// The identities with which it was connected, and the times of their first connections.
    pub identities: BTreeMap<String, Instant>,
}

/// The shared counts of an attacker's tasks, and its end.
#[derive(Debug, Default)]
pub(super) struct Counts {
    stop: Notify,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    identities: Mutex<BTreeMap<String, Instant>>,
}

impl Counts {
    pub(super) fn add(&self, what: &'static str, count: u64) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += count;
    }

    /// An identity is connected.
    pub(super) fn connected(&self, identity: PeerId) {
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        identities.entry(identity.to_string()).or_insert_with(Instant::now);
    }

    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }

    pub(super) fn outcome(&self, name: &'static str) -> AttackOutcome {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let identities = std::mem::take(&mut *self.identities.lock().unwrap_or_else(PoisonError::into_inner));
        AttackOutcome { name, counts, identities }
    }
}
