//! The signed record of this relay. It is signed again when it is requested and older than one second.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use libp2p::identity::Keypair;
use petrel_core::relay_record::RelayRecord;

use super::relay_info::SharedRelayInfo;
use crate::system::clock::unix_now_ms;

/// How old the record may be, and how often the key signs at most.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Signs the current information.
pub(super) struct RecordSigner {
    info: SharedRelayInfo,
    identity: Keypair,
    last: Mutex<Option<(Instant, String)>>,
}

impl RecordSigner {
    pub(super) fn new(info: SharedRelayInfo, identity: Keypair) -> Self {
        Self { info, identity, last: Mutex::new(None) }
    }

    pub(super) fn info(&self) -> &SharedRelayInfo {
        &self.info
    }

    /// The record, not older than a second; `None` when the key cannot sign.
    pub(super) fn document(&self) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((signed_at, document)) = &*last
            && signed_at.elapsed() < MAX_AGE
        {
            return Some(document.clone());
        }
        let document = self.record().sign(&self.identity).ok()?;
        *last = Some((Instant::now(), document.clone()));
        Some(document)
    }

    fn record(&self) -> RelayRecord {
        let (info, now_ms) = (self.info.get(), unix_now_ms());
        let lifetime_ms = u64::try_from(RelayRecord::LIFETIME.as_millis()).unwrap_or(u64::MAX);
        RelayRecord {
            chain: info.chain_id,
            peer: self.identity.public().to_peer_id().to_string(),
            addresses: info.own_addresses,
            time_ms: now_ms,
            expires_ms: now_ms.saturating_add(lifetime_ms),
            others: info.other_relays.addresses(),
        }
    }
}
