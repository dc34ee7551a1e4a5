//! Drivers over libp2p's memory transport, without operating system calls: for tests on any target.
//!
//! Time is real, because libp2p's timers are; sleeping is done by `futures-timer`; validation tasks run inline with k256.

use core::{
    future::{Ready, ready},
    time::Duration,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, MemoryTransport},
        upgrade::Version,
    },
    identity::Keypair,
    noise, yamux,
};
use petrel_core::{
    config::{Config, StaticPeer},
    net::{Done, Driver, DriverParts, Host, Work},
    payload_by_number::StoredBlock,
    persistence::{Persist, Persisted, RestoredState},
    primitives::Primitives,
    time::Now,
};

/// A host with a given clock (`std`'s does not exist on wasm32) that stores the last block of each height in memory.
#[derive(Clone)]
pub struct MemoryHost {
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    sleeps: Arc<AtomicUsize>,
    longest_sleep: Arc<Mutex<Duration>>,
    blocks: Arc<Mutex<BTreeMap<u64, StoredBlock>>>,
}

impl MemoryHost {
    /// A host with this clock.
    pub fn new(clock: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), sleeps: Arc::default(), longest_sleep: Arc::default(), blocks: Arc::default() }
    }

    /// How often a driver has slept.
    pub fn sleeps(&self) -> usize {
        self.sleeps.load(Ordering::Relaxed)
    }

    /// The longest sleep that a driver requested.
    ///
    /// # Panics
    /// Another thread has panicked.
    pub fn longest_sleep(&self) -> Duration {
        *self.longest_sleep.lock().expect("one thread")
    }
}

impl Host for MemoryHost {
    type Sleep = futures_timer::Delay;
    type Working = Ready<Done>;

    fn now(&self) -> Now {
        (self.clock)()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        let mut longest = self.longest_sleep.lock().expect("one thread");
        *longest = duration.max(*longest);
        futures_timer::Delay::new(duration)
    }

    fn work(&self, work: Work) -> Self::Working {
        let mut blocks = self.blocks.lock().expect("one thread");
        ready(match work {
            Work::Heavy(heavy) => heavy.run(Primitives::PORTABLE),
            Work::Load(number) => Done::Loaded(Ok(blocks.get(&number).cloned())),
            Work::Persist(item) => {
                blocks.extend(stored(&item));
                Done::Persisted(Persisted::Unconfirmed)
            }
        })
    }
}

/// The block of a request to persist, as it is served.
pub fn stored(item: &Persist) -> Option<(u64, StoredBlock)> {
    let Persist::Block(block) = item else { return None };
    let (version, body) = (block.payload.version(), block.payload.body().clone());
    Some((block.payload.number(), StoredBlock { version, hash: block.hash, body }))
}

/// The memory transport with noise and yamux.
pub fn transport(identity: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    MemoryTransport::default()
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(identity).expect("a keypair signs its noise key"))
        .multiplex(yamux::Config::default())
        .boxed()
}

/// A node that listens at `/memory/<port>`.
pub fn driver(config: Config, identity: &Keypair, port: u64, host: MemoryHost) -> Driver<MemoryHost> {
    restored(config, identity, port, host, Vec::new())
}

/// The same with the persisted state of an earlier run.
pub fn restored(
    config: Config,
    identity: &Keypair,
    port: u64,
    host: MemoryHost,
    memory: impl Into<RestoredState>,
) -> Driver<MemoryHost> {
    over(transport(identity), config, identity, port, host, memory)
}

/// The same over a given transport.
pub fn over(
    transport: Boxed<(PeerId, StreamMuxerBox)>,
    config: Config,
    identity: &Keypair,
    port: u64,
    host: MemoryHost,
    memory: impl Into<RestoredState>,
) -> Driver<MemoryHost> {
    let parts = DriverParts {
        config: config.settle().expect("the test's configuration is right"),
        restored: memory.into(),
        identity: identity.clone(),
        agent: "petrel/test".to_owned(),
        transport,
        swarm: libp2p::swarm::Config::without_executor(),
        seed: [7; 32],
        host,
    };
    let mut driver = Driver::new(parts).expect("gossipsub takes our parameters");
    driver.listen(address(port)).expect("the port is free");
    driver
}

/// `/memory/<port>`.
pub fn address(port: u64) -> Multiaddr {
    format!("/memory/{port}").parse().expect("a multiaddr")
}

/// The static entry for the node of `identity` at `port`.
pub fn static_peer(identity: &Keypair, port: u64) -> StaticPeer {
    let peer = identity.public().to_peer_id();
    StaticPeer {
        peer: petrel_core::peer::PeerId::from_bytes(&peer.to_bytes()).expect("a peer id fits"),
        addresses: vec![format!("/memory/{port}/p2p/{peer}")],
    }
}
