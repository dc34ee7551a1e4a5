//! An attacker of two addresses that makes peer ids: 3.4 in a second, browsers and nodes in turn, for hours. Each sends
//! one corrupt message and leaves. No honest address may be lost for it, in memory or on disk.

use core::time::Duration;
use std::collections::BTreeMap;

use petrel_core::{
    Input, Node, Output,
    chain::Chain,
    config::{AddressScope, Config},
    event::{Connected, Direction},
    fork::Version,
    message::{Form, Message, MessageId},
    peer::PeerId,
    peer_store::{KnownPeers, PeerEntry, ScoreTable},
    persistence::{Persist, RestoredState},
    primitives::Primitives,
    time::Now,
};

use crate::connected::connected;

/// Throw-away keys in an hour, at 3.4 in a second. The peer store has room for 4,096 peers.
const KEYS_PER_HOUR: u32 = 12_240;
/// Time between two keys: 1 / 3.4 s.
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 * 10 / 34);
const START: u64 = 1_800_000_000;

fn peer(kind: u8, index: u32) -> PeerId {
    PeerId::from_bytes(&[&[kind][..], &index.to_be_bytes()].concat()).expect("five bytes")
}

/// A node, its clock, and the peers on its disk.
struct World {
    node: Node,
    now: Now,
    rows: BTreeMap<PeerId, PeerEntry>,
}

impl World {
    fn config() -> Config {
        let chain = Chain::preset("op-mainnet").expect("a preset");
        Config { dial_scope: Some(AddressScope::Public), ..Config::new(chain) }
    }

    fn started(rows: BTreeMap<PeerId, PeerEntry>, now: Now) -> Self {
        let restored = RestoredState { peers: rows.clone().into_iter().collect(), ..RestoredState::default() };
        let node = Node::new(Self::config().settle().expect("no mistake"), &restored, [7; 32], now);
        let mut world = Self { node, now, rows };
        world.drain();
        world
    }

    /// The outputs; peers to persist are persisted.
    fn drain(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.node.poll_output()).collect();
        for output in &outputs {
            match output {
                Output::Persist { item: Persist::Peer(peer, Some(entry)), .. } => {
                    // As on disk: through JSON.
                    let json = serde_json::to_vec(entry).expect("an entry");
                    self.rows.insert(*peer, serde_json::from_slice(&json).expect("its own JSON"));
                }
                Output::Persist { item: Persist::Peer(peer, None), .. } => _ = self.rows.remove(peer),
                _ => {}
            }
        }
        outputs
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(self.now, input);
        self.drain()
    }

    /// A peer connects, states its addresses, and leaves after `meanwhile`.
    fn visits(&mut self, connected: Connected, addresses: &[String], meanwhile: impl FnOnce(&mut Self)) {
        let peer = connected.peer;
        self.input(Input::Connected(connected));
        let (agent, addresses) = ("an agent".to_owned(), addresses.to_vec());
        self.input(Input::Identified { peer, agent, addresses, seen: None });
        meanwhile(self);
        self.input(Input::Disconnected { peer, reason: "closed".to_owned() });
    }

    fn send_corrupt(&mut self, peer: PeerId, index: u32) {
        let message = Message { form: Form::Corrupt, data: vec![1; 8].into(), wire: 8 };
        let mut id = [0; 20];
        id[..4].copy_from_slice(&index.to_be_bytes());
        let outputs = self.input(Input::Gossiped { peer, id: MessageId(id), version: Version::V4, message });
        for output in outputs {
            if let Output::Validate { id, task } = output {
                self.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
            }
        }
    }
}

/// The honest peers and their addresses: tried ones, ones that dialled us, and ones that discovery found; three of each
/// are in the attacker's /16, of which one in its /24.
fn honest() -> Vec<(u8, PeerId, String)> {
    let near = |host: u32| if host == 0 { "203.5.7".to_owned() } else { format!("203.5.{host}") };
    (0..3_u32)
        .flat_map(|kind| (0..40).map(move |index| (kind, index)))
        .map(|(kind, index)| {
            let network = if index < 3 { near(index) } else { format!("{}.{kind}.9", 20 + index) };
            (kind as u8, peer(1 + kind as u8, index), format!("{network}.{}", 50 + kind))
        })
        .collect()
}

/// The honest peers connect, or are found.
fn meet(world: &mut World, honest: &[(u8, PeerId, String)]) {
    for (kind, peer, ip) in honest {
        let addresses = [format!("/ip4/{ip}/tcp/9222")];
        match kind {
            0 => world.visits(connected(*peer, ip, Direction::Outbound, false), &addresses, |_| {}),
            1 => world.visits(connected(*peer, ip, Direction::Inbound, false), &addresses, |_| {}),
            _ => _ = world.input(Input::Discovered { peer: *peer, addresses: addresses.to_vec() }),
        }
    }
}

/// The honest peers whose address is not on disk.
fn lost(world: &World, honest: &[(u8, PeerId, String)]) -> Vec<String> {
    let is_lost = |(_, peer, ip): &&(u8, PeerId, String)| {
        !world.rows.get(peer).is_some_and(|row| row.addresses.contains(&format!("/ip4/{ip}/tcp/9222")))
    };
    honest.iter().filter(is_lost).map(|(kind, _, ip)| format!("{kind} {ip}")).collect()
}

#[test]
fn hours_of_throw_away_keys_lose_no_honest_address_over_a_restart() {
    run(2 * KEYS_PER_HOUR);
}

#[test]
#[ignore = "long: run by `cargo xtask prove`"]
fn a_day_of_throw_away_keys_loses_no_honest_address_over_a_restart() {
    run(24 * KEYS_PER_HOUR);
}

fn run(keys: u32) {
    let honest = honest();
    let now = Now { mono: Duration::from_secs(1), unix: Duration::from_secs(START) };
    let mut world = World::started(BTreeMap::new(), now);
    meet(&mut world, &honest);
    for index in 0..keys {
        world.now = world.now.plus(INTERVAL);
        let (key, leaf) = (peer(9, index), index % 2 == 0);
        let ip = if leaf { "203.5.7.66" } else { "203.5.7.67" };
        let stated = [format!("/ip4/{ip}/tcp/{}", 1 + index % 60_000)];
        world.visits(connected(key, ip, Direction::Inbound, leaf), &stated, |world| world.send_corrupt(key, index));
        if index == keys / 2 {
            assert_eq!(lost(&world, &honest), [""; 0], "before the restart");
            world = World::started(world.rows, world.now);
            // Discovery finds its peers again, as it does once in a while.
            meet(&mut world, &honest[80..]);
        }
    }
    world.now = world.now.plus(Duration::from_secs(40));
    world.node.handle_timeout(world.now);
    world.drain();
    assert_eq!(lost(&world, &honest), [""; 0]);
    assert_eq!(world.node.status(world.now).peering.known, honest.len() + KnownPeers::PER_ADDRESS);
    assert!(world.rows.len() <= honest.len() + KnownPeers::PER_ADDRESS + 2 * ScoreTable::PER_ADDRESS);
    let restarted = World::started(world.rows, world.now);
    assert_eq!(restarted.node.status(restarted.now).peering.known, honest.len() + KnownPeers::PER_ADDRESS);
}
