//! The signed record of this relay, made anew when it is asked for and older than a second.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use libp2p::identity::Keypair;
use petrel_core::relay_record::RelayRecord;

use super::page::Page;

/// How old the time in it may be, and how often the key signs at most.
const FRESH: Duration = Duration::from_secs(1);

/// Signs what the page knows.
pub(super) struct Signed {
    page: Arc<Mutex<Page>>,
    identity: Keypair,
    last: Mutex<Option<(Instant, String)>>,
}

impl Signed {
    pub(super) fn new(page: Arc<Mutex<Page>>, identity: Keypair) -> Self {
        Self { page, identity, last: Mutex::new(None) }
    }

    pub(super) fn page(&self) -> &Mutex<Page> {
        &self.page
    }

    /// The document, not older than a second; `None` when the key cannot sign.
    pub(super) fn document(&self) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, document)) = &*last
            && made.elapsed() < FRESH
        {
            return Some(document.clone());
        }
        let document = self.record().sign(&self.identity).ok()?;
        *last = Some((Instant::now(), document.clone()));
        Some(document)
    }

    fn record(&self) -> RelayRecord {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        RelayRecord {
            chain: page.id,
            peer: self.identity.public().to_peer_id().to_string(),
            addresses: page.relays.own(),
            time_ms: millis(now),
            expires_ms: millis(now + RelayRecord::LIFETIME),
            others: page.relays.others(),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
