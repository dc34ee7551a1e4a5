//! What this node reports to browsers: chain, signer, its addresses and those of other relays. The event loop writes it, and the
//! HTTP server reads it.

use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::Address;
use petrel_core::{Event, config::Settled};
use serde_json::Value;

use super::relays::OtherRelays;
use crate::network::relay_finder::FoundRelay;

/// See the module.
#[derive(Clone, Debug)]
pub struct RelayInfo {
    pub(super) chain_id: u64,
    /// The chain's configuration, as rollup.json.
    pub(super) chain: Value,
    /// The expected signer of blocks.
    pub(super) signer: Option<Address>,
    /// Addresses of this node that browsers can dial.
    pub(super) own_addresses: Vec<String>,
    pub(super) other_relays: OtherRelays,
    /// Whether the node is configured to listen for browsers.
    pub(super) listens_for_browsers: bool,
}

impl RelayInfo {
    /// For a chain, without addresses yet; `listens_for_browsers` says whether there will be some.
    pub fn new(config: &Settled, listens_for_browsers: bool) -> Self {
        Self {
            chain_id: config.chain.id,
            chain: config.chain.to_rollup_json(),
            signer: config.signer,
            own_addresses: Vec::new(),
            other_relays: OtherRelays::default(),
            listens_for_browsers,
        }
    }
}

/// The same, shared. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedRelayInfo(Arc<Mutex<RelayInfo>>);

impl SharedRelayInfo {
    /// Shares the information.
    pub fn new(info: RelayInfo) -> Self {
        Self(Arc::new(Mutex::new(info)))
    }

    /// A copy of the current information.
    pub(super) fn get(&self) -> RelayInfo {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets this node's addresses for browsers, as [`crate::network::OurAddresses`] has them.
    pub fn set_own_addresses(&self, addresses: Vec<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).own_addresses = addresses;
    }

    /// Sets the other relays that discovery has found.
    pub fn set_found_relays(&self, found: Vec<FoundRelay>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).other_relays.set_found(found);
    }

    /// Applies an event: another signer, or a change of another relay.
    pub fn on_event(&self, event: &Event) {
        let mut info = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::SignerChanged(change) => info.signer = change.current,
            other => info.other_relays.on_event(other),
        }
    }
}
