//! Two whole Drivers (libp2p's swarm, gossipsub and the Node) over the memory transport: on native and, by the same code,
//! on wasm32 under Node.

use core::time::Duration;

use alloy_primitives::{B256, Bytes as AlloyBytes, U256};
use futures::{FutureExt, StreamExt, select};
use libp2p::identity::Keypair;
use petrel_core::{
    Event,
    ban::{Ban, BanTarget},
    block::{BlockInfo, ExecutionPayload},
    chain::Chain,
    config::Config,
    event::GapState,
    fork::{Fork, Forks, Version},
    net::Driver,
    persistence::RestoredState,
    sign,
    sign::Key,
    time::Now,
};
use petrel_tests::memory_driver::{self, MemoryHost};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

#[cfg(not(target_arch = "wasm32"))]
fn now() -> Now {
    use std::time::{Instant, SystemTime, UNIX_EPOCH};
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    Now { mono: START.elapsed(), unix: SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") }
}

#[cfg(target_arch = "wasm32")]
fn now() -> Now {
    let unix = Duration::from_millis(js_sys::Date::now() as u64);
    Now { mono: unix, unix }
}

fn chain(key: &Key) -> Config {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key.address());
    let mut config = Config::new(chain);
    // A debug build on a busy machine may take this long to build a block.
    config.max_age = Duration::from_secs(3600);
    config
}

fn block(key: &Key, number: u64, parent: B256, bytes: usize) -> (B256, Vec<u8>) {
    let mut payload = ExecutionPayload {
        block_number: number,
        parent_hash: parent,
        timestamp: now().secs(),
        gas_limit: 30_000_000,
        base_fee_per_gas: U256::from(7),
        transactions: vec![noise(number, bytes)],
        ..ExecutionPayload::default()
    };
    payload.block_hash = payload.compute_hash(Version::V4).expect("it encodes");
    (payload.block_hash, sign::seal(key, 10, Version::V4, &payload).expect("it encodes"))
}

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> AlloyBytes {
    let mut state = seed + 1;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect::<Vec<u8>>().into()
}

/// Deadline of a condition: longer than any condition takes in a debug build on a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// The longest block, bytes: near gossip's limit of 10 MiB. Under Node it is shorter, because a debug build validates a block of that
/// length too slowly on a busy machine; the page's tests cover long blocks in a browser.
const LONG: usize = if cfg!(target_arch = "wasm32") { 1_000_000 } else { 10_000_000 };

/// Runs both until `wanted` is satisfied by an event of the second.
async fn until(
    first: &mut Driver<MemoryHost>,
    second: &mut Driver<MemoryHost>,
    mut wanted: impl FnMut(&Event) -> bool,
) -> Vec<Event> {
    let (mut seen, mut others) = (Vec::new(), Vec::new());
    let mut timeout = futures_timer::Delay::new(DEADLINE).fuse();
    loop {
        let event = select! {
            event = first.select_next_some() => {
                others.push(event);
                continue;
            }
            event = second.select_next_some() => event,
            () = timeout => panic!("not in time; the first has seen {others:#?}, the second {seen:#?}"),
        };
        let done = wanted(&event);
        seen.push(event);
        if done {
            return seen;
        }
    }
}

/// Runs both until each has seen the other join the four topics.
async fn meet(first: &mut Driver<MemoryHost>, second: &mut Driver<MemoryHost>) {
    let mut topics = [0, 0];
    let mut timeout = futures_timer::Delay::new(DEADLINE).fuse();
    while topics != [4, 4] {
        let (whose, event) = select! {
            event = first.select_next_some() => (0, event),
            event = second.select_next_some() => (1, event),
            () = timeout => panic!("not met in time"),
        };
        topics[whose] += usize::from(matches!(event, Event::TopicJoined(_)));
    }
}

async fn two_drivers(base: u64) {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let (a, b) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut sequencer = memory_driver::driver(chain(&key), &a, base, host.clone());
    let mut config = chain(&key);
    config.static_peers = vec![memory_driver::static_peer(&a, base)];
    let mut follower = memory_driver::driver(config, &b, base + 1, host);

    meet(&mut sequencer, &mut follower).await;
    for (number, bytes) in [(1, 100), (2, 100_000), (3, LONG)] {
        sequencer.publish(Version::V4, block(&key, number, B256::ZERO, bytes).1.into());
        let events = until(&mut sequencer, &mut follower, |event| matches!(event, Event::Head(_))).await;
        let Some(Event::Block(block)) = events.iter().find(|event| matches!(event, Event::Block(_))) else {
            panic!("no block: {events:#?}");
        };
        assert_eq!(block.block.payload.number(), number);
        assert_eq!(block.block.signer, Some(key.address()));
        assert_eq!(follower.status().head.expect("a head").number, number);
    }
}

/// A gap is closed although no more messages arrive: range sync waits for its own deadlines.
async fn gap(base: u64) {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let (a, b) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut sequencer = memory_driver::driver(chain(&key), &a, base, host.clone());
    let last = chain(&key).chain.cadence.number_at(now().millis()).expect("after genesis");
    let mut parent = B256::ZERO;
    let mut next = |number| {
        let (hash, message) = block(&key, number, parent, 1000);
        let (timestamp, timestamp_ms) = (now().secs(), now().secs() * 1000);
        let link = BlockInfo { number, hash, parent: core::mem::replace(&mut parent, hash), timestamp, timestamp_ms };
        (link, message)
    };
    let mut links = Vec::new();
    for number in last - 5..last {
        let (link, message) = next(number);
        sequencer.publish(Version::V4, message.into());
        while !matches!(sequencer.select_next_some().await, Event::Head(_)) {}
        links.push(link);
    }
    let mut config = chain(&key);
    config.static_peers = vec![memory_driver::static_peer(&a, base)];
    let mut follower = memory_driver::restored(config, &b, base + 1, host, vec![links[0]]);
    meet(&mut sequencer, &mut follower).await;
    sequencer.publish(Version::V4, next(last).1.into());
    let over = |event: &Event| matches!(event, Event::Gap(gap) if gap.state != GapState::Opened);
    let events = until(&mut sequencer, &mut follower, over).await;
    assert!(matches!(events.last(), Some(Event::Gap(gap)) if gap.state == GapState::Closed), "{events:#?}");
    assert_eq!(follower.status().head.expect("a head").number, last);
}

/// gossipsub's heartbeat loses its wake-up on a quiet connection; the driver polls the swarm at least every 200 ms.
async fn quiet(base: u64) {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let host = MemoryHost::new(now);
    let mut driver = memory_driver::driver(chain(&key), &Keypair::generate_secp256k1(), base, host.clone());
    let (start, mut end) = (host.sleeps(), futures_timer::Delay::new(Duration::from_secs(4)).fuse());
    loop {
        select! {
            _ = driver.select_next_some() => {}
            () = end => break,
        }
    }
    let beats = host.sleeps() - start;
    // A busy machine may miss some of them.
    assert!((3..=21).contains(&beats), "{beats} beats in 4 s");
    assert_eq!(host.longest_sleep(), Duration::from_millis(200));
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn the_driver_polls_the_swarm_at_its_interval_when_nothing_happens() {
    futures::executor::block_on(quiet(7101));
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn the_driver_polls_the_swarm_at_its_interval_when_nothing_happens() {
    quiet(7101).await;
}

/// A banned peer is not dialled, and its connections are refused.
async fn banned(base: u64) {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let (a, b) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let (banned, node) = (memory_driver::static_peer(&a, base), memory_driver::static_peer(&b, base + 1));
    let ban = Ban {
        until: Some(now().secs() + 60),
        secs: 60,
        reason: "invalid messages".to_owned(),
        ip: None,
        by_operator: false,
    };
    let bans = RestoredState { bans: vec![(BanTarget::Peer(banned.peer), ban)], ..RestoredState::default() };
    let dialling = |statics, protect_static| {
        let mut config = chain(&key);
        config.static_peers = vec![statics];
        config.reputation.protect_static = protect_static;
        config
    };
    let mut banned_driver = memory_driver::driver(dialling(node, true), &a, base, host.clone());
    let mut node_driver =
        memory_driver::restored(dialling(banned.clone(), false), &b, base + 1, host.clone(), bans.clone());
    let seen = until(&mut banned_driver, &mut node_driver, |event| match event {
        Event::DialFailed(failed) => failed.error.contains("is banned"),
        Event::Connected(connected) => panic!("{connected:?}"),
        _ => false,
    });
    seen.await;
    while node_driver.status().traffic.gated.accepts_refused == 0 {
        let tick = futures_timer::Delay::new(Duration::from_millis(50)).fuse();
        select! {
            _ = banned_driver.select_next_some() => {}
            event = node_driver.select_next_some() => assert!(!matches!(event, Event::Connected(_)), "{event:?}"),
            () = { tick } => {}
        }
    }
    let gated = node_driver.status().traffic.gated;
    assert!(gated.dials == 0 && gated.dials_refused > 0 && gated.accepts == 0, "{gated:?}");
    drop((banned_driver, node_driver));

    // Static peers are accepted.
    let mut banned_driver = memory_driver::driver(chain(&key), &a, base + 2, host.clone());
    let mut node_driver =
        memory_driver::restored(dialling(memory_driver::static_peer(&a, base + 2), true), &b, base + 3, host, bans);
    meet(&mut banned_driver, &mut node_driver).await;
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_banned_peer_is_neither_dialled_nor_accepted() {
    futures::executor::block_on(banned(7301));
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn a_banned_peer_is_neither_dialled_nor_accepted() {
    banned(7301).await;
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_gap_is_closed_although_no_more_messages_arrive() {
    futures::executor::block_on(gap(7201));
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn a_gap_is_closed_although_no_more_messages_arrive() {
    gap(7201).await;
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn blocks_of_any_size_travel_between_two_drivers() {
    futures::executor::block_on(two_drivers(7001));
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test]
async fn blocks_of_any_size_travel_between_two_drivers() {
    two_drivers(7001).await;
}
