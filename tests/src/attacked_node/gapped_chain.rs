//! A chain of linked blocks: a publisher that gossips most of them, and a server that has all of them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
};

use alloy_primitives::B256;
use petrel_core::{chain::Chain, fork::Fork, payload_by_number::StoredBlock};

use crate::{
    attackers::{
        Target,
        addresses::{Role, source},
        serve,
    },
    forge::{Forge, compress},
    raw_peer::RawPeer,
    sequencer::{Publisher, unix},
};

/// Bytes of a block.
const BLOCK: usize = 100_000;
/// Of so many blocks the last ones are withheld.
const PERIOD: u64 = 15;
const WITHHELD: u64 = 3;

type Stored = Arc<Mutex<BTreeMap<u64, StoredBlock>>>;

/// See the module.
#[derive(Debug)]
pub(super) struct GappedChain {
    chain: Chain,
    publisher: Publisher,
    server: Receiver<String>,
    stored: Stored,
    next: u64,
    parent: B256,
}

impl GappedChain {
    pub(super) fn start(target: &Target) -> Self {
        let stored = Stored::default();
        let chain = target.chain.clone();
        let publisher = Publisher::connect(&chain, &target.tcp_from(source(Role::Publisher, 1)).to_string());
        let server = start_server(target, &stored);
        Self { next: unix().as_secs() - chain.genesis.time, chain, publisher, server, stored, parent: B256::ZERO }
    }

    /// Makes the next block, and publishes it unless it is one of those that are withheld. Returns its message as on the wire if it
    /// is published.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let made = self.stored.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        // The first period has no gap: a node that has no head yet closes none.
        self.make(made < PERIOD || made % PERIOD >= WITHHELD)
    }

    /// The same, and publishes it.
    pub(super) fn last(&mut self) {
        self.make(true);
    }

    fn make(&mut self, is_published: bool) -> Option<Vec<u8>> {
        let number = self.next;
        let forge = Forge::new(self.chain.id, Fork::Jovian, number, self.chain.genesis.time + number, BLOCK);
        let forge = forge.with(|payload| payload.parent_hash = self.parent);
        let (body, hash) = forge.body();
        let message = forge.seal(&body);
        let block = StoredBlock { version: Fork::Jovian.version(), hash, body: body.into() };
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).insert(number, block);
        (self.next, self.parent) = (number + 1, hash);
        if !is_published {
            return None;
        }
        let wire = compress(&message);
        self.publisher.publish(Fork::Jovian.version(), message);
        Some(wire)
    }

    /// The hashes of all blocks.
    pub(super) fn hashes(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.values().map(|block| block.hash.to_string()).collect()
    }

    /// The publisher, and the identities that the server had.
    pub(super) fn identities(&self) -> Vec<(String, &'static str)> {
        let server = self.server.try_iter().map(|id| (id, "the server of blocks"));
        server.chain([(self.publisher.id().to_owned(), "the publisher")]).collect()
    }
}

/// A peer that serves every block by number. It is connected again when its connection ends.
fn start_server(target: &Target, stored: &Stored) -> Receiver<String> {
    let (target, stored) = (target.clone(), stored.clone());
    let (sender, identities) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let address = target.tcp_from(source(Role::BlockServer, 1));
            let block = |number: u64| stored.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
            while let Some(mut peer) = RawPeer::connect(&address).await {
                if sender.send(peer.id().to_string()).is_err() {
                    return;
                }
                serve(&mut peer, &target, block).await;
            }
        });
    });
    identities
}
