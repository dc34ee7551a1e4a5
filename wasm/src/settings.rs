//! The configuration as JavaScript gives it, checked: JSON text in, the core's own [`Settled`] out, or an error that names every
//! mistake of a kind.
//!
//! `{"chain": rollup.json object, "signer": "0x…" (optional), "l1": true when the signer is read from L1 (optional), "relays": [multiaddr, …], "expects": true when there
//! will be more relays later (optional), "restored_relays": [multiaddr, …] and "restored": [block, …] of an earlier run
//! (optional), "dial_order": [multiaddr, …] of an earlier run (optional)}`, a block being `{"number", "hash", "parent", "timestamp", "timestamp_ms"}` of the chain that an earlier run
//! persisted, in rising order. Of each relay in `dial_order` the kind of transport of its first address is tried first.

use core::time::Duration;

use alloy_primitives::Address;
use petrel_core::{
    block::BlockInfo,
    chain::Chain,
    config::{Config, Settled},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::{Error, ErrorCode},
    transport::staggered::LastKinds,
};

pub(crate) mod chain;
pub(crate) mod relays;

/// How long a gap may be: a tab that was away for longer starts at the newest block.
const MAX_GAP: Duration = Duration::from_secs(240);
/// Relays that are connected at once: the first copy of a block is used, so one relay that withholds blocks has no effect.
/// The others replace one that fails.
const STATIC_TARGET: usize = 3;
/// Addresses of an earlier run that are tried at most, after those that are given.
const MAX_RESTORED_RELAYS: usize = 32;

/// As written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    chain: Value,
    signer: Option<String>,
    #[serde(default)]
    l1: bool,
    relays: Vec<String>,
    #[serde(default)]
    expects: bool,
    #[serde(default)]
    restored_relays: Value,
    #[serde(default)]
    restored: Value,
    #[serde(default)]
    dial_order: Value,
}

/// Checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The core's.
    pub(crate) settled: Settled,
    /// The blocks that an earlier run persisted.
    pub(crate) blocks: Vec<BlockInfo>,
    /// The kind of transport by which an earlier run was connected to each relay.
    pub(crate) last_kinds: LastKinds,
}

/// Reads and checks.
///
/// # Errors
/// The first kind of mistake, with every mistake of that kind.
pub(crate) fn settle(json: &str) -> Result<Settings, Error> {
    let given: Given = serde_json::from_str(json).map_err(|error| {
        Error::new(
            ErrorCode::BadOptions,
            format!("the options cannot be parsed: {error}"),
            "give chain, relays, and signer or l1 alone",
        )
    })?;
    let mut config = Config::new(chain::of_value(&given.chain)?);
    config.signer = first_signer(&given, &config.chain)?;
    let restored = restored_relays(given.restored_relays);
    config.static_peers = relays::static_peers(&given.relays.iter().cloned().chain(restored).collect::<Vec<_>>())?;
    if given.relays.is_empty() && !given.expects {
        return Err(no_relay());
    }
    config.static_target = STATIC_TARGET;
    config.reputation.protect_static = false;
    // A tab stores no contents of blocks to serve, and shows recent blocks alone.
    config.sync.serve = false;
    config.sync.max_gap = MAX_GAP;
    // What cannot be read is from another version of the package: it is dropped.
    let blocks = serde_json::from_value(given.restored).unwrap_or_default();
    let settled =
        config.settle().map_err(|error| Error::new(ErrorCode::BadOptions, error.to_string(), "correct the options"))?;
    let last_kinds = relays::first_kinds(restored_relays(given.dial_order));
    Ok(Settings { settled, blocks, last_kinds })
}

/// What cannot be dialled is from another version of the package: it is dropped.
fn restored_relays(list: Value) -> impl Iterator<Item = String> {
    let relays = serde_json::from_value::<Vec<String>>(list).unwrap_or_default();
    relays.into_iter().filter(|relay| relays::can_dial(relay)).take(MAX_RESTORED_RELAYS)
}

/// The signer until one is read from L1. With `l1` there is none, and no block is accepted: a preset's may be the one before a
/// rotation, whose key is known to somebody.
fn first_signer(given: &Given, chain: &Chain) -> Result<Option<Address>, Error> {
    if given.l1 {
        let bad = |message: String, remedy| Err(Error::new(ErrorCode::BadL1, message, remedy));
        if given.signer.is_some() {
            return bad(
                "the signer is given, and is to be read from L1 too".to_owned(),
                "give `signer` or `l1`, not both",
            );
        }
        if chain.system_config.is_none() {
            let message = format!("{} has no l1_system_config_address, the contract with the signer", chain.name);
            return bad(message, "add it to the chain's rollup.json, or give `signer` instead of `l1`");
        }
        return Ok(None);
    }
    if let Some(text) = &given.signer {
        return signer(text).map(Some);
    }
    if chain.signer.is_none() {
        return Err(Error::new(
            ErrorCode::NoSigner,
            format!("the signer of {}'s blocks is not known, so no block could be verified", chain.name),
            "give `signer`: the unsafeBlockSigner of the chain's SystemConfig contract on L1; or `l1`, where it is read",
        ));
    }
    Ok(chain.signer)
}

/// A signer's address.
///
/// # Errors
/// `bad_signer`.
pub(crate) fn signer(text: &str) -> Result<Address, Error> {
    text.parse().map_err(|_| {
        Error::new(
            ErrorCode::BadSigner,
            format!("the signer {text:?} is no address"),
            "give the unsafe block signer as 20 bytes of 0x-hex",
        )
    })
}

fn no_relay() -> Error {
    Error::new(
        ErrorCode::NoRelay,
        "there is no relay to connect to",
        "give at least one; a Petrel daemon prints its own at its start",
    )
}

#[cfg(test)]
mod tests {
    use super::{ErrorCode, Settings, settle};
    use crate::transport::staggered::Kind;

    const CHAIN: &str = include_str!("../../core/presets/op-mainnet.json");
    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
    const OTHER: &str = "12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7";

    /// Options with this chain, and the rest as it is given.
    fn with(chain: &str, rest: &str) -> String {
        format!(r#"{{"chain": {chain}, {rest}}}"#)
    }

    fn code(json: &str) -> ErrorCode {
        settle(json).unwrap_err().code
    }

    #[test]
    fn a_preset_and_two_addresses_of_one_relay() {
        let relays = format!(
            r#""relays": ["/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}", "/dns4/a.example/tcp/443/wss/p2p/{PEER}",
               "/ip6/::1/tcp/2/ws/p2p/{OTHER}"]"#
        );
        let Settings { settled, blocks, .. } = settle(&with(CHAIN, &relays)).unwrap();
        assert!(blocks.is_empty() && !settled.sync.serve);
        assert_eq!(settled.chain.id, 10);
        assert_eq!(settled.signer, settled.chain.signer);
        let mut addresses: Vec<usize> = settled.static_peers.iter().map(|peer| peer.addresses.len()).collect();
        addresses.sort_unstable();
        assert_eq!(addresses, [1, 2]);
    }

    #[test]
    fn a_given_signer_replaces_the_presets() {
        let signer = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc";
        let relay = format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}");
        let rest = format!(r#""signer": "{signer}", "relays": ["{relay}"]"#);
        let Settings { settled, .. } = settle(&with(CHAIN, &rest)).unwrap();
        assert_eq!(settled.signer.unwrap().to_string().to_lowercase(), signer);
    }

    #[test]
    fn where_the_signer_is_read_from_l1_the_presets_is_not_used() {
        let rest = format!(r#""l1": true, "relays": ["/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}"]"#);
        let Settings { settled, .. } = settle(&with(CHAIN, &rest)).unwrap();
        assert!(settled.signer.is_none() && settled.chain.signer.is_some());
    }

    #[test]
    fn persisted_blocks_are_restored_or_dropped() {
        let restored = |blocks: &str| {
            let rest = format!(r#""relays": ["/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}"], "restored": {blocks}"#);
            settle(&with(CHAIN, &rest)).unwrap().blocks
        };
        let (hash, parent) = ("11".repeat(32), "22".repeat(32));
        let block = format!(r#""number": 7, "hash": "0x{hash}", "parent": "0x{parent}", "timestamp": 9"#);
        assert_eq!(restored(&format!(r#"[{{{block}, "timestamp_ms": 9200}}]"#))[0].timestamp_ms, 9200);
        assert!(restored(&format!("[{{{block}}}]")).is_empty(), "an earlier version persisted no milliseconds");
        assert!(restored(r#"[{"number": "seven"}]"#).is_empty());
        assert!(restored("[]").is_empty());
    }

    #[test]
    fn the_first_kind_of_each_relay_of_an_earlier_run_is_known() {
        let hash = "uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";
        let relay = |at: &str, peer: &str| format!("/ip4/127.0.0.1/{at}/p2p/{peer}");
        let (ws, webtransport) = ("tcp/1/ws", format!("udp/1/quic-v1/webtransport/certhash/{hash}"));
        let order = [relay(ws, PEER), relay(&webtransport, PEER), relay("tcp/1", OTHER), relay(&webtransport, OTHER)];
        let rest = format!(r#""relays": ["{}"], "dial_order": {order:?}"#, relay(ws, PEER));
        let kinds = settle(&with(CHAIN, &rest)).unwrap().last_kinds;
        let kind = |peer: &str| kinds.get(&peer.parse().unwrap()).copied();
        assert_eq!((kind(PEER), kind(OTHER)), (Some(Kind::WebSocket), Some(Kind::WebTransport)));
        let rest = format!(r#""relays": ["{}"], "dial_order": 7"#, relay(ws, PEER));
        assert!(settle(&with(CHAIN, &rest)).unwrap().last_kinds.is_empty());
    }

    #[test]
    fn each_kind_of_mistake_has_its_code() {
        let relay = format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}");
        let rollup = r#"{"l1_chain_id": 1, "l2_chain_id": 7, "block_time": 2, "genesis": {"l2_time": 1,
            "l2": {"number": 0, "hash": "0x1111111111111111111111111111111111111111111111111111111111111111"}}}"#;
        assert_eq!(code("[]"), ErrorCode::BadOptions);
        assert_eq!(code(&with(CHAIN, r#""relays": [], "chian": 1"#)), ErrorCode::BadOptions);
        assert_eq!(code(r#"{"chain": "op-mainnet", "relays": []}"#), ErrorCode::UnknownChain);
        assert_eq!(code(r#"{"chain": {"l2_chain_id": 7}, "relays": []}"#), ErrorCode::BadChain);
        assert_eq!(code(r#"{"chain": 7, "relays": []}"#), ErrorCode::BadChain);
        assert_eq!(code(&with(CHAIN, r#""signer": "0x12", "relays": []"#)), ErrorCode::BadSigner);
        assert_eq!(code(&with(rollup, &format!(r#""relays": ["{relay}"]"#))), ErrorCode::NoSigner);
        assert_eq!(code(&with(CHAIN, r#""relays": []"#)), ErrorCode::NoRelay);
        let l1 = format!(r#""l1": true, "relays": ["{relay}"]"#);
        assert_eq!(code(&with(rollup, &l1)), ErrorCode::BadL1, "it has no SystemConfig");
        let signer = format!(r#""signer": "0x{}", {l1}"#, "99".repeat(20));
        assert_eq!(code(&with(CHAIN, &signer)), ErrorCode::BadL1, "only one of the two decides");
    }
}
