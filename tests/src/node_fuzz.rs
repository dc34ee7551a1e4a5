//! One [`Node`] with random inputs: honest and hostile peers, clocks that jump, work that ends late or in another order,
//! a disk that fails, restarts. A small reference model ([`chain`], [`invariants`]) states what must hold after every
//! input. All random numbers come from one seed.
//!
//! What is checked:
//!
//! - no honest peer is banned, blocked, graylisted or disconnected for an offence;
//! - each emitted block and head is one that the sequencer signed; a head extends the previous one, unless the
//!   sequencer itself went back;
//! - each gossip message gets one report, each request of a peer one answer;
//! - the bounds on tasks, requests and blocks in memory are kept, and a deadline that has passed is acted on;
//! - after a restart the head is at least the last one that was acknowledged as persisted;
//! - when the hostile peers are gone, the clock is right and the disk works, the node reaches the head within
//!   [`CALM`];
//! - the recorded inputs, replayed, give the same outputs.

use core::time::Duration;

use petrel_core::{
    chain::Chain,
    config::{AddressScope, Config, StaticPeer},
    fork::{Fork, Forks},
};

use crate::{
    forge::{begun, key},
    random::SplitMix64,
};

mod actions;
mod chain;
mod host;
mod hostile;
mod invariants;
mod outcome;
mod peers;

use chain::{FIRST, INTERVAL, START};
use host::Host;
pub use outcome::FuzzOutcome;

/// How long the node gets, at the end, without hostile peers: a skipped gap has an end after two minutes.
pub const CALM: Duration = Duration::from_secs(180);

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct NodeFuzz {
    /// The source of all random numbers.
    pub seed: u64,
    /// Random actions before the calm phase.
    pub steps: usize,
}

impl NodeFuzz {
    /// Runs it. The same seed gives the same run.
    #[must_use]
    pub fn run(self) -> FuzzOutcome {
        let mut host = Host::new(config(), SplitMix64(self.seed));
        for step in 0..self.steps {
            host.act(step);
            if host.outcome.failures.len() >= FuzzOutcome::FAILURES {
                return host.outcome;
            }
        }
        host.calm(CALM);
        host.replay();
        host.outcome
    }
}

/// Two-second blocks of Isthmus, one static peer, and limits that a run reaches.
fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Isthmus);
    chain = begun(&chain, FIRST, START, INTERVAL);
    chain.signer = Some(key(1).address());
    let mut config = Config::new(chain);
    (config.connections.low, config.connections.high, config.connections.leaves) = (8, 12, 16);
    (config.dial_scope, config.observe_scope) = (Some(AddressScope::Any), Some(AddressScope::Any));
    config.static_peers =
        vec![StaticPeer { peer: peers::honest(0), addresses: vec![peers::multiaddr(peers::honest_ip(0))] }];
    config
}
