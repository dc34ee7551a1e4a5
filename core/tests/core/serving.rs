//! Serving of requests: results, rate limits and fairness.

use core::{num::NonZeroU32, time::Duration};

use alloy_primitives::B256;
use petrel_core::{
    chain::{Chain, Genesis},
    config::{Rate, RequestLimits},
    fork::Version,
    payload_by_number::{LookupFailed, Refusal, Reply, StoredBlock},
    peer::PeerId,
    serving::{RequestId, ServeAction, Server},
    time::Now,
};

/// Block 1000 is due now.
const NOW: u64 = 1_800_000_000;
const DUE: Option<u64> = Some(1000);

struct TestServer {
    server: Server,
    chain: Chain,
    now: Now,
    next: u64,
}

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn block(bytes: usize) -> StoredBlock {
    StoredBlock { version: Version::V4, hash: B256::ZERO, body: vec![0; bytes].into() }
}

impl TestServer {
    fn new(limits: RequestLimits) -> Self {
        let mut chain = Chain::preset("op-mainnet").unwrap();
        let genesis = Genesis { number: 10, time: NOW - 990 * 2, ..chain.genesis };
        chain = chain.begun(genesis, Duration::from_secs(2)).unwrap();
        let now = Now { mono: Duration::from_secs(7), unix: Duration::from_secs(NOW) };
        let mut server = Server::new(limits, now.mono);
        for seed in 1..=60 {
            server.connected(peer(seed), seed > 30, now.mono);
        }
        Self { server, chain, now, next: 0 }
    }

    fn request(&mut self, from: u8, number: Option<u64>) -> Option<Refusal> {
        self.next += 1;
        self.server.ask(RequestId(self.next), peer(from), number, self.now.mono)
    }

    fn next(&mut self) -> Option<ServeAction> {
        self.server.next(self.chain.genesis.number, self.now)
    }

    /// Serves all requests that can be served now, each with a block of this many bytes. Returns their number.
    fn serve(&mut self, bytes: usize) -> usize {
        let mut served = 0;
        while let Some(next) = self.next() {
            if let ServeAction::Load(id, _) = next {
                assert!(matches!(
                    self.server.loaded(id, Ok(Some(block(bytes))), DUE, self.now.mono),
                    Some(Reply::Block(_))
                ));
                self.server.sent(id);
                served += 1;
            }
        }
        served
    }

    fn advance(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }
}

#[test]
fn a_request_is_checked_before_any_work() {
    let mut test = TestServer::new(RequestLimits::default());
    let wanted = [
        (Some(1000), None),
        (Some(10), None),
        (Some(9), Some(Refusal::Invalid)),
        (Some(0), Some(Refusal::Invalid)),
        (Some(u64::MAX), None),
        (None, Some(Refusal::Unknown)),
    ];
    for (number, refused) in wanted {
        assert_eq!(test.request(1, number), None);
        let id = RequestId(test.next);
        let expected = match refused {
            Some(refusal) => ServeAction::Refuse(id, refusal),
            None => ServeAction::Load(id, number.unwrap()),
        };
        assert_eq!(test.next(), Some(expected), "{number:?}");
    }
    assert_eq!(test.next(), None);
}

#[test]
fn a_stored_block_is_served_for_any_due_number() {
    let mut test = TestServer::new(RequestLimits::default());
    let cases = [
        (999, Some(1000), Refusal::NotFound),
        (1000, Some(1000), Refusal::NotFound),
        (1001, Some(1000), Refusal::Invalid),
        (u64::MAX, Some(1000), Refusal::Invalid),
        (999, None, Refusal::Invalid),
    ];
    for (number, due, refusal) in cases {
        for found in [None, Some(block(10))] {
            test.request(1, Some(number));
            let Some(ServeAction::Load(id, _)) = test.next() else { panic!("{number}") };
            let expected = found.clone().map_or(Reply::Refused(refusal), Reply::Block);
            assert_eq!(test.server.loaded(id, Ok(found), due, test.now.mono), Some(expected), "{number} of {due:?}");
            test.server.sent(id);
            test.advance(1000);
        }
    }
}

#[test]
fn limits_follow_the_cadence_unless_the_operator_sets_them() {
    let factor = |limits: RequestLimits, millis| limits.factor(Duration::from_millis(millis)).get();
    assert_eq!(
        [2000, 1000, 999, 250, 200, 1].map(|millis| factor(RequestLimits::default(), millis)),
        [1, 1, 2, 4, 5, 20]
    );
    assert_eq!(factor(RequestLimits { by_cadence: false, ..RequestLimits::default() }, 200), 1);
    let quick = RequestLimits::default().times(NonZeroU32::new(5).unwrap());
    assert_eq!((quick.all, quick.peer), (Some(Rate::new(100, 200)), Some(Rate::new(20, 75))));
    // 300 blocks to one peer within 30 s, while 150 more are made: 20 a second.
    let mut test = TestServer::new(RequestLimits::default());
    test.server.set_limits(quick, test.now.mono);
    let mut served = 0;
    for _ in 0..300 {
        while test.server.ask(RequestId(test.next + 1), peer(1), Some(1000), test.now.mono).is_none() {
            test.next += 1;
        }
        // Requests beyond the queue's limit were refused.
        served += test.serve(10);
        test.advance(100);
    }
    assert!(served >= 450, "{served}");
}

/// Else the peer believes that no such block exists here.
#[test]
fn a_block_that_the_store_cannot_read_is_not_said_to_be_missing() {
    let mut test = TestServer::new(RequestLimits::default());
    for due in [DUE, Some(999), None] {
        test.request(1, Some(1000));
        let Some(ServeAction::Load(id, _)) = test.next() else { panic!("{due:?}") };
        let reply = test.server.loaded(id, Err(LookupFailed), due, test.now.mono);
        assert_eq!(reply, Some(Reply::Refused(Refusal::Unknown)), "{due:?}");
        test.advance(1000);
    }
}

#[test]
fn a_missing_block_is_answered_with_not_found() {
    let mut test = TestServer::new(RequestLimits::default());
    test.request(1, Some(1000));
    test.next();
    assert_eq!(test.server.loaded(RequestId(1), Ok(None), DUE, test.now.mono), Some(Reply::Refused(Refusal::NotFound)));
    assert_eq!(test.server.loaded(RequestId(1), Ok(None), DUE, test.now.mono), None, "it is answered once");
}

#[test]
fn one_peer_has_a_burst_and_then_a_rate() {
    let mut test = TestServer::new(RequestLimits::default());
    for _ in 0..16 {
        assert_eq!(test.request(1, Some(1000)), None);
    }
    assert_eq!(test.request(1, Some(1000)), Some(Refusal::Unknown), "at most sixteen requests wait");
    assert_eq!(test.serve(1000), 15, "the sixteenth waits for its token");
    let due = test.server.due(test.now.mono).unwrap() - test.now.mono;
    assert!(due <= Duration::from_millis(250), "{due:?}");
    test.advance(251);
    assert_eq!(test.serve(1000), 1);
}

#[test]
fn a_peer_does_not_wait_for_the_tokens_of_another() {
    let mut test = TestServer::new(RequestLimits::default());
    for _ in 0..16 {
        test.request(1, Some(1000));
    }
    assert_eq!(test.serve(1000), 15);
    test.request(2, Some(1000));
    assert_eq!(test.serve(1000), 1);
}

#[test]
fn all_peers_together_have_the_servers_burst_and_rate() {
    let mut test = TestServer::new(RequestLimits::default());
    for from in 1..=30 {
        test.request(from, Some(1000));
        test.request(from, Some(999));
    }
    assert_eq!(test.serve(1000), 40);
    let mut served = 0;
    for _ in 0..10 {
        test.advance(100);
        served += test.serve(1000);
    }
    assert_eq!(served, 20, "twenty per second");
}

#[test]
fn a_request_that_has_waited_for_ten_seconds_is_refused() {
    let all = Some(Rate::new(1, 1));
    let mut test = TestServer::new(RequestLimits { all, ..RequestLimits::default() });
    for from in 1..=20 {
        test.request(from, Some(1000));
    }
    let (mut served, mut refused) = (0, 0);
    for _ in 0..200 {
        while let Some(next) = test.next() {
            match next {
                ServeAction::Load(id, _) => {
                    served += 1;
                    test.server.loaded(id, Ok(Some(block(10))), DUE, test.now.mono);
                    test.server.sent(id);
                }
                ServeAction::Refuse(_, refusal) => {
                    assert_eq!(refusal, Refusal::Unknown);
                    refused += 1;
                }
            }
        }
        test.advance(100);
    }
    assert_eq!(served + refused, 20);
    assert!((10..=11).contains(&served), "{served}");
}

#[test]
fn leaves_share_a_budget_in_bytes_and_use_no_tokens_of_nodes() {
    let limits = RequestLimits { leaf_bytes: NonZeroU32::new(1_000_000), ..RequestLimits::default() };
    let mut test = TestServer::new(limits);
    let mut leaves = 0;
    for round in 0..30 {
        for from in 31..=60 {
            test.request(from, Some(1000));
        }
        // A node is served at its own rate.
        test.request(1 + round % 20, Some(1000));
        leaves += test.serve(100_000) - 1;
        test.advance(100);
    }
    assert!((29..=32).contains(&leaves), "one megabyte per second for three seconds: {leaves}");
}

#[test]
fn a_peer_that_does_not_read_delays_no_other_peer() {
    let limits = RequestLimits { by_cadence: false, all: None, peer: None, leaf_bytes: None };
    let mut test = TestServer::new(limits);
    for _ in 0..10 {
        test.request(1, Some(1000));
    }
    // Four megabytes are being sent and are not read by the peer.
    let mut loaded = 0;
    while let Some(ServeAction::Load(id, _)) = test.next() {
        test.server.loaded(id, Ok(Some(block(1 << 20))), DUE, test.now.mono);
        loaded += 1;
    }
    assert_eq!(loaded, 4);
    test.request(2, Some(1000));
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
}

#[test]
fn the_requests_of_a_disconnected_peer_are_removed() {
    let mut test = TestServer::new(RequestLimits::default());
    test.request(1, Some(1000));
    test.request(1, Some(999));
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
    test.server.disconnected(peer(1), test.now.mono);
    assert_eq!(test.next(), None);
    assert_eq!(test.server.loaded(RequestId(1), Ok(Some(block(10))), DUE, test.now.mono), None);
    assert_eq!(test.server.due(test.now.mono), None);
    assert_eq!(test.request(1, Some(1000)), Some(Refusal::Unknown), "an unknown peer");
}

#[test]
fn a_request_whose_stream_closes_while_it_waits_is_removed() {
    let mut test = TestServer::new(RequestLimits::default());
    for _ in 0..15 {
        assert_eq!(test.request(1, Some(900)), None);
    }
    assert_eq!(test.serve(1000), 15);
    assert_eq!(test.request(1, Some(901)), None);
    assert_eq!(test.request(1, Some(902)), None);
    test.server.sent(RequestId(test.next - 1));
    test.advance(1000);
    assert_eq!(test.next(), Some(ServeAction::Load(RequestId(test.next), 902)));
    assert_eq!(test.next(), None);
    test.server.sent(RequestId(test.next));
    test.server.sent(RequestId(test.next));
    assert_eq!(test.request(1, Some(903)), None);
    test.server.sent(RequestId(test.next));
    test.advance(20_000);
    assert_eq!(test.next(), None);
    assert_eq!(test.server.due(test.now.mono), None);
}

#[test]
fn a_peer_that_reconnects_does_not_get_a_full_bucket() {
    let mut test = TestServer::new(RequestLimits::default());
    let burst = |test: &mut TestServer| {
        for _ in 0..16 {
            test.request(1, Some(900));
        }
        test.serve(1000)
    };
    assert_eq!(burst(&mut test), 15);
    test.server.disconnected(peer(1), test.now.mono);
    test.server.connected(peer(1), false, test.now.mono);
    assert_eq!(burst(&mut test), 0);
    test.advance(1000);
    assert_eq!(test.serve(1000), 4);
    // Disconnected until the bucket is full.
    test.server.disconnected(peer(1), test.now.mono);
    test.advance(4000);
    test.server.connected(peer(1), false, test.now.mono);
    assert_eq!(burst(&mut test), 15);
}

#[test]
fn a_block_that_is_loaded_for_a_peer_that_has_left_keeps_its_place() {
    let mut test = TestServer::new(RequestLimits::default());
    let mut loading = Vec::new();
    for from in 1..=16 {
        test.request(from, Some(1000));
        let Some(ServeAction::Load(id, _)) = test.next() else { panic!("{from}") };
        loading.push(id);
    }
    // One half disconnects, the other half closes its streams. The host is still reading sixteen blocks.
    for from in 1..=8 {
        test.server.disconnected(peer(from), test.now.mono);
        test.server.connected(peer(from), false, test.now.mono);
        test.server.sent(loading[usize::from(from) + 7]);
    }
    test.request(20, Some(1000));
    assert_eq!(test.next(), None);
    assert_eq!(test.server.loaded(loading[0], Ok(Some(block(10))), DUE, test.now.mono), None, "nobody waits for it");
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
    for id in &loading[1..] {
        assert_eq!(test.server.loaded(*id, Ok(Some(block(10))), DUE, test.now.mono), None);
        test.server.sent(*id);
    }
    // Nothing was counted twice: every peer is served as before.
    for from in 1..=16 {
        test.request(from, Some(1000));
    }
    assert_eq!(test.serve(1000), 16);
}

#[test]
fn a_leaf_that_leaves_while_its_block_is_loaded_uses_the_budget_all_the_same() {
    let limits = RequestLimits { leaf_bytes: NonZeroU32::new(1_000_000), ..RequestLimits::default() };
    let mut test = TestServer::new(limits);
    test.request(31, Some(1000));
    let Some(ServeAction::Load(id, _)) = test.next() else { panic!("a block to load") };
    test.server.disconnected(peer(31), test.now.mono);
    assert_eq!(test.server.loaded(id, Ok(Some(block(2_000_000))), DUE, test.now.mono), None);
    test.request(32, Some(1000));
    assert_eq!(test.next(), None, "the budget is used for two seconds");
    test.advance(2_000);
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
}
