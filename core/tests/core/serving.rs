//! What is answered to whom, and how fast.

use core::{num::NonZeroU32, time::Duration};

use alloy_primitives::B256;
use petrel_core::{
    chain::{Chain, Genesis},
    config::{Rate, RequestLimits},
    fork::Version,
    payload_by_number::{Refusal, Reply, StoredBlock},
    peer::PeerId,
    serving::{RequestId, ServeAction, Server},
    time::Now,
};

/// Block 1000 is due now.
const NOW: u64 = 1_800_000_000;
const DUE: Option<u64> = Some(1000);

struct Test {
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

impl Test {
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

    fn ask(&mut self, from: u8, number: Option<u64>) -> Option<Refusal> {
        self.next += 1;
        self.server.ask(RequestId(self.next), peer(from), number, self.now.mono)
    }

    fn next(&mut self) -> Option<ServeAction> {
        self.server.next(self.chain.genesis.number, self.now)
    }

    /// Serves all that can be served now, each block at once and as large as this; how many.
    fn serve(&mut self, bytes: usize) -> usize {
        let mut served = 0;
        while let Some(next) = self.next() {
            if let ServeAction::Load(id, _) = next {
                assert!(matches!(
                    self.server.loaded(id, Some(block(bytes)), DUE, self.now.mono),
                    Some(Reply::Block(_))
                ));
                self.server.sent(id);
                served += 1;
            }
        }
        served
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }
}

#[test]
fn a_request_is_judged_before_any_work() {
    let mut test = Test::new(RequestLimits::default());
    let wanted = [
        (Some(1000), None),
        (Some(10), None),
        (Some(9), Some(Refusal::Invalid)),
        (Some(0), Some(Refusal::Invalid)),
        (Some(u64::MAX), None),
        (None, Some(Refusal::Unknown)),
    ];
    for (number, refused) in wanted {
        assert_eq!(test.ask(1, number), None);
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
fn what_is_in_the_store_is_served_whatever_is_due() {
    let mut test = Test::new(RequestLimits::default());
    let cases = [
        (999, Some(1000), Refusal::NotFound),
        (1000, Some(1000), Refusal::NotFound),
        (1001, Some(1000), Refusal::Invalid),
        (u64::MAX, Some(1000), Refusal::Invalid),
        (999, None, Refusal::Invalid),
    ];
    for (number, due, refusal) in cases {
        for found in [None, Some(block(10))] {
            test.ask(1, Some(number));
            let Some(ServeAction::Load(id, _)) = test.next() else { panic!("{number}") };
            let expected = found.clone().map_or(Reply::Refused(refusal), Reply::Block);
            assert_eq!(test.server.loaded(id, found, due, test.now.mono), Some(expected), "{number} of {due:?}");
            test.server.sent(id);
            test.pass(1000);
        }
    }
}

#[test]
fn limits_follow_the_cadence_unless_the_operator_says_them() {
    let factor = |limits: RequestLimits, millis| limits.factor(Duration::from_millis(millis)).get();
    assert_eq!(
        [2000, 1000, 999, 250, 200, 1].map(|millis| factor(RequestLimits::default(), millis)),
        [1, 1, 2, 4, 5, 20]
    );
    assert_eq!(factor(RequestLimits { by_cadence: false, ..RequestLimits::default() }, 200), 1);
    let quick = RequestLimits::default().times(NonZeroU32::new(5).unwrap());
    assert_eq!((quick.all, quick.peer), (Some(Rate::new(100, 200)), Some(Rate::new(20, 75))));
    // 300 blocks to one peer within 30 s, while 150 more are made: 20 a second.
    let mut test = Test::new(RequestLimits::default());
    test.server.set_limits(quick, test.now.mono);
    let mut served = 0;
    for _ in 0..300 {
        while test.server.ask(RequestId(test.next + 1), peer(1), Some(1000), test.now.mono).is_none() {
            test.next += 1;
        }
        // What could not even wait was refused by now.
        served += test.serve(10);
        test.pass(100);
    }
    assert!(served >= 450, "{served}");
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let mut test = Test::new(RequestLimits::default());
    test.ask(1, Some(1000));
    test.next();
    assert_eq!(test.server.loaded(RequestId(1), None, DUE, test.now.mono), Some(Reply::Refused(Refusal::NotFound)));
    assert_eq!(test.server.loaded(RequestId(1), None, DUE, test.now.mono), None, "once");
}

#[test]
fn one_peer_has_its_burst_and_then_its_rate() {
    let mut test = Test::new(RequestLimits::default());
    for _ in 0..16 {
        assert_eq!(test.ask(1, Some(1000)), None);
    }
    assert_eq!(test.ask(1, Some(1000)), Some(Refusal::Unknown), "no more than sixteen wait");
    assert_eq!(test.serve(1000), 15, "the sixteenth waits for its token");
    let due = test.server.due(test.now.mono).unwrap() - test.now.mono;
    assert!(due <= Duration::from_millis(250), "{due:?}");
    test.pass(251);
    assert_eq!(test.serve(1000), 1);
}

#[test]
fn nobody_waits_for_anothers_tokens() {
    let mut test = Test::new(RequestLimits::default());
    for _ in 0..16 {
        test.ask(1, Some(1000));
    }
    assert_eq!(test.serve(1000), 15);
    test.ask(2, Some(1000));
    assert_eq!(test.serve(1000), 1);
}

#[test]
fn all_together_have_the_servers_burst_and_rate() {
    let mut test = Test::new(RequestLimits::default());
    for from in 1..=30 {
        test.ask(from, Some(1000));
        test.ask(from, Some(999));
    }
    assert_eq!(test.serve(1000), 40);
    let mut served = 0;
    for _ in 0..10 {
        test.pass(100);
        served += test.serve(1000);
    }
    assert_eq!(served, 20, "twenty a second");
}

#[test]
fn who_has_waited_for_ten_seconds_is_refused() {
    let all = Some(Rate::new(1, 1));
    let mut test = Test::new(RequestLimits { all, ..RequestLimits::default() });
    for from in 1..=20 {
        test.ask(from, Some(1000));
    }
    let (mut served, mut refused) = (0, 0);
    for _ in 0..200 {
        while let Some(next) = test.next() {
            match next {
                ServeAction::Load(id, _) => {
                    served += 1;
                    test.server.loaded(id, Some(block(10)), DUE, test.now.mono);
                    test.server.sent(id);
                }
                ServeAction::Refuse(_, refusal) => {
                    assert_eq!(refusal, Refusal::Unknown);
                    refused += 1;
                }
            }
        }
        test.pass(100);
    }
    assert_eq!(served + refused, 20);
    assert!((10..=11).contains(&served), "{served}");
}

#[test]
fn leaves_share_a_budget_in_bytes_and_draw_no_token_of_the_nodes() {
    let limits = RequestLimits { leaf_bytes: NonZeroU32::new(1_000_000), ..RequestLimits::default() };
    let mut test = Test::new(limits);
    let mut leaves = 0;
    for round in 0..30 {
        for from in 31..=60 {
            test.ask(from, Some(1000));
        }
        // A node is served beside them, as fast as ever.
        test.ask(1 + round % 20, Some(1000));
        leaves += test.serve(100_000) - 1;
        test.pass(100);
    }
    assert!((29..=32).contains(&leaves), "a megabyte a second in three: {leaves}");
}

#[test]
fn a_peer_that_does_not_read_holds_up_nobody_but_itself() {
    let limits = RequestLimits { by_cadence: false, all: None, peer: None, leaf_bytes: None };
    let mut test = Test::new(limits);
    for _ in 0..10 {
        test.ask(1, Some(1000));
    }
    // Four megabytes of it are on their way and stay there.
    let mut loaded = 0;
    while let Some(ServeAction::Load(id, _)) = test.next() {
        test.server.loaded(id, Some(block(1 << 20)), DUE, test.now.mono);
        loaded += 1;
    }
    assert_eq!(loaded, 4);
    test.ask(2, Some(1000));
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
}

#[test]
fn what_a_peer_asked_for_goes_with_it() {
    let mut test = Test::new(RequestLimits::default());
    test.ask(1, Some(1000));
    test.ask(1, Some(999));
    assert!(matches!(test.next(), Some(ServeAction::Load(..))));
    test.server.disconnected(peer(1), test.now.mono);
    assert_eq!(test.next(), None);
    assert_eq!(test.server.loaded(RequestId(1), Some(block(10)), DUE, test.now.mono), None);
    assert_eq!(test.server.due(test.now.mono), None);
    assert_eq!(test.ask(1, Some(1000)), Some(Refusal::Unknown), "a stranger");
}

#[test]
fn a_request_whose_stream_is_closed_while_it_waits_is_forgotten() {
    let mut test = Test::new(RequestLimits::default());
    for _ in 0..15 {
        assert_eq!(test.ask(1, Some(900)), None);
    }
    assert_eq!(test.serve(1000), 15);
    assert_eq!(test.ask(1, Some(901)), None);
    assert_eq!(test.ask(1, Some(902)), None);
    test.server.sent(RequestId(test.next - 1));
    test.pass(1000);
    assert_eq!(test.next(), Some(ServeAction::Load(RequestId(test.next), 902)));
    assert_eq!(test.next(), None);
    test.server.sent(RequestId(test.next));
    test.server.sent(RequestId(test.next));
    assert_eq!(test.ask(1, Some(903)), None);
    test.server.sent(RequestId(test.next));
    test.pass(20_000);
    assert_eq!(test.next(), None);
    assert_eq!(test.server.due(test.now.mono), None);
}

#[test]
fn who_leaves_and_comes_back_does_not_get_a_full_bucket() {
    let mut test = Test::new(RequestLimits::default());
    let burst = |test: &mut Test| {
        for _ in 0..16 {
            test.ask(1, Some(900));
        }
        test.serve(1000)
    };
    assert_eq!(burst(&mut test), 15);
    test.server.disconnected(peer(1), test.now.mono);
    test.server.connected(peer(1), false, test.now.mono);
    assert_eq!(burst(&mut test), 0);
    test.pass(1000);
    assert_eq!(test.serve(1000), 4);
    // Away for as long as it takes to fill it.
    test.server.disconnected(peer(1), test.now.mono);
    test.pass(4000);
    test.server.connected(peer(1), false, test.now.mono);
    assert_eq!(burst(&mut test), 15);
}
