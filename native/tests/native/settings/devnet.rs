//! The flags of `petrel devnet`.

use std::time::Duration;

use alloy_primitives::Address;
use petrel_core::chain::Subsecond;

use super::harness::{assert_reported, devnet, steps};

#[test]
fn the_flags_of_a_devnet_are_checked() {
    let settings = devnet(&["--block-time=1s", "--block-bytes=10MiB", "--fork=ecotone,isthmus@5,jovian@10"]).unwrap();
    assert_eq!((settings.interval, settings.block_bytes), (Duration::from_secs(1), 10 << 20));
    assert_eq!(settings.schedule.iter().map(|(_, block)| *block).collect::<Vec<_>>(), [0, 5, 10]);

    let mistakes = devnet(&[
        "--block-time=1500us",
        "--block-bytes=11MiB",
        "--blocks=0",
        "--fork=jovian,isthmus@5",
        "--p2p.listen.ws=y",
        "--http.addr=x",
        "--http.port=y",
        "--log.level=z",
    ]);
    let expected = [
        "--block-time: 1.5ms",
        "--block-bytes: 11534336",
        "--blocks: expected 1 or more",
        "--fork: \"isthmus@5\" is not after the entry before it",
        "--p2p.listen.ws: \"y\"",
        "--http.addr: \"x\"",
        "--http.port: \"y\"",
        "--log.level: \"z\"",
    ];
    assert_reported(&mistakes.unwrap_err(), &expected);
    assert_reported(&devnet(&["--fork=frontier"]).unwrap_err(), &["expected bedrock"]);
}

/// The cadence of a devnet's chain, and the place of the milliseconds in its blocks.
fn devnet_chain(args: &[&str]) -> (Vec<(u64, u64)>, Subsecond) {
    let chain = devnet(args).unwrap().chain(Address::repeat_byte(1)).unwrap();
    (steps(&chain.cadence), chain.subsecond)
}

#[test]
fn the_interval_of_a_devnet_is_the_given_one_or_denims() {
    assert_eq!(devnet_chain(&[]), (vec![(0, 2000)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--block-time=3s"]).0, [(0, 3000)]);
    assert_eq!(devnet_chain(&["--block-time=250ms"]), (vec![(0, 250)], Subsecond::MixDigest));
    assert_eq!(devnet_chain(&["--fork=denim"]), (vec![(0, 200)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--fork=denim", "--block-time=200ms"]).0, [(0, 200)]);
    assert_eq!(devnet_chain(&["--fork=denim@20"]), (vec![(0, 2000), (20, 200)], Subsecond::BaseTime));
    assert_eq!(devnet_chain(&["--fork=ecotone,denim@5", "--block-time=1s"]).0, [(0, 1000), (5, 200)]);
    for (args, why) in [
        (
            &["--fork=denim", "--block-time=1s"][..],
            "--block-time: 1s cannot be with denim, whose blocks come every 200ms",
        ),
        (
            &["--fork=denim@5", "--block-time=250ms"],
            "--block-time: 250ms cannot be before denim: expected whole seconds",
        ),
        (&["--block-time=1500us"], "--block-time: 1.5ms is no block time"),
        (&["--block-time=200500us"], "--block-time: 200.5ms is no block time: expected whole milliseconds"),
        (&["--block-time=0"], "--block-time: 0ns is no block time"),
        (&["--fork=denim,jovian@5"], "--fork: \"jovian@5\" is not after the entry before it"),
    ] {
        assert_reported(&devnet(args).unwrap_err(), &[why]);
    }
}
