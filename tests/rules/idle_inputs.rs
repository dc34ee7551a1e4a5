//! Inputs that concern one machine cost the others nothing: while a gap is open, while static peers wait for their
//! redial and while requests wait for their tokens, other inputs are as cheap as without.

use core::time::Duration;
use std::time::Instant;

use petrel_core::{
    Input, Node, Output,
    block::BlockInfo,
    chain::Chain,
    config::{Config, Rate, RequestLimits, StaticPeer},
    event::Direction,
    fault::AnswerFault,
    peer::PeerId,
    persistence::RestoredState,
    range_sync::FetchId,
    serving::RequestId,
    time::Now,
};

use crate::connected::connected;

const START: u64 = 1_800_000_000;
const PEERS: u8 = 20;
/// Static peers that cannot be reached.
const STATIC: u16 = 500;

fn peer(kind: u8, index: u16) -> PeerId {
    PeerId::from_bytes(&[&[kind][..], &index.to_be_bytes()].concat()).expect("three bytes")
}

fn drain(node: &mut Node) {
    while node.poll_output().is_some() {}
}

/// Lets every request for a block fail, until none is left to make.
fn fail_requests(node: &mut Node, now: Now) {
    loop {
        node.handle_timeout(now);
        let fetches = |output| if let Output::Fetch(request) = output { Some(request.id) } else { None };
        let mut more: Vec<FetchId> = std::iter::from_fn(|| node.poll_output()).filter_map(fetches).collect();
        if more.is_empty() {
            return;
        }
        while let Some(id) = more.pop() {
            node.handle(now, Input::Fetched { id, answer: Err(AnswerFault::Closed) });
            more.extend(std::iter::from_fn(|| node.poll_output()).filter_map(fetches));
        }
    }
}

/// A node with twenty peers; a busy one has missed many blocks, which no peer gives, dials static peers, and has requests
/// that wait for tokens.
fn node(busy: bool) -> (Node, Now) {
    let chain = Chain::preset("op-mainnet").expect("a preset");
    let now = Now { mono: Duration::from_secs(1), unix: Duration::from_secs(START) };
    let number = chain.cadence.number_at(now.millis()).expect("it has begun");
    let head = BlockInfo {
        number: number - 5_000,
        hash: [1; 32].into(),
        parent: [2; 32].into(),
        timestamp: START - 10_000,
        timestamp_ms: (START - 10_000) * 1000,
    };
    let at = |index| StaticPeer { peer: peer(2, index), addresses: vec![format!("/memory/{index}")] };
    let mut config = Config::new(chain);
    let mut restored = RestoredState::default();
    if busy {
        // Requests of ours are not limited, and those of peers wait for the tokens of all.
        config.sync.limits =
            RequestLimits { by_cadence: false, all: Some(Rate::new(1, 1)), peer: None, leaf_bytes: None };
        config.static_peers = (0..STATIC).map(at).collect();
        restored.chain = vec![head];
    }
    let mut node = Node::new(config.settle().expect("no mistake"), &restored, [7; 32], now);
    drain(&mut node);
    for index in 0..PEERS {
        let connected = connected(peer(1, u16::from(index)), &format!("10.0.0.{index}"), Direction::Inbound, false);
        node.handle(now, Input::Connected(connected));
        drain(&mut node);
    }
    let now = now.plus(Duration::from_secs(1));
    fail_requests(&mut node, now);
    for id in 0..if busy { 16 * u64::from(PEERS) } else { 0 } {
        let peer = peer(1, (id % u64::from(PEERS)) as u16);
        node.handle(now, Input::Asked { id: RequestId(id), peer, number: Some(number) });
        drain(&mut node);
    }
    (node, now)
}

/// The processor time of inputs that concern no machine.
fn inputs(busy: bool) -> Duration {
    let (mut node, now) = node(busy);
    let begin = Instant::now();
    for _ in 0..2_000 {
        node.handle(now, Input::Reachable(true));
        drain(&mut node);
        let _deadline = node.poll_timeout(now);
    }
    begin.elapsed()
}

#[test]
#[ignore = "compares times: run by `cargo xtask prove`"]
fn an_input_costs_no_search_for_blocks_peers_or_requests_that_it_does_not_concern() {
    // The best of three: other programs run meanwhile.
    let best = |busy| (0..3).map(|_| inputs(busy)).min().expect("three");
    let (idle, busy) = (best(false), best(true));
    assert!(busy < idle * 4, "{busy:?} for 2,000 inputs of a busy node, {idle:?} of an idle one");
}
