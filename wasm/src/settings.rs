//! The configuration as JavaScript gives it, checked: JSON text in, the core's own [`Settled`] out, every mistake named.
//!
//! `{"chain": rollup.json object, "signer": "0x…" (optional), "relays": [multiaddr, …], "expects": true when there
//! will be more relays later (optional), "remembered": [multiaddr, …] of an earlier run (optional), "kept": [link, …]
//! (optional)}`, a link being `{"number", "hash", "parent", "timestamp", "timestamp_ms"}` of the chain that an earlier run kept,
//! rising. No chain is known by name here: the package has a module of each.

use core::time::Duration;

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    block::BlockInfo,
    chain::Chain,
    config::{Config, Settled, StaticPeer},
    peer::PeerId,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{error::Error, transport};

/// How long a gap may be: a tab that was away for longer begins again at the newest block.
const MAX_GAP: Duration = Duration::from_secs(240);
/// Relays that are connected at once: the first copy of a block wins, and one that withholds is outrun. Others stand by.
const WANTED: usize = 3;
/// Addresses of an earlier run that are tried at most, after those that are given.
const REMEMBERED: usize = 32;

/// As written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    chain: Value,
    signer: Option<String>,
    relays: Vec<String>,
    #[serde(default)]
    expects: bool,
    #[serde(default)]
    remembered: Value,
    #[serde(default)]
    kept: Value,
}

/// Reads and checks.
///
/// # Errors
/// The first kind of mistake, with every mistake of that kind.
pub(crate) fn settle(json: &str) -> Result<(Settled, Vec<BlockInfo>), Error> {
    let given: Given = serde_json::from_str(json).map_err(|error| {
        Error::new(
            "bad_options",
            format!("the options are not understood: {error}"),
            "give chain, relays and signer alone",
        )
    })?;
    let mut config = Config::new(chain(&given.chain)?);
    if let Some(text) = &given.signer {
        config.signer = Some(text.parse().map_err(|_| {
            Error::new(
                "bad_signer",
                format!("the signer {text:?} is no address"),
                "give the unsafe block signer as 20 bytes of 0x-hex",
            )
        })?);
    }
    if config.signer.is_none() {
        return Err(Error::new(
            "no_signer",
            format!("it is not known who signs the blocks of {}, so none could be verified", config.chain.name),
            "give `signer`: the unsafeBlockSigner of the chain's SystemConfig contract on L1",
        ));
    }
    let remembered = serde_json::from_value::<Vec<String>>(given.remembered).unwrap_or_default();
    let remembered = remembered.into_iter().filter(|relay| can_dial(relay)).take(REMEMBERED);
    config.static_peers = statics(&given.relays.iter().cloned().chain(remembered).collect::<Vec<_>>())?;
    if given.relays.is_empty() && !given.expects {
        return Err(no_relay());
    }
    config.static_target = WANTED;
    config.reputation.protect_static = false;
    // A tab keeps no blocks, and shows what happened of late.
    config.sync.serve = false;
    config.sync.max_gap = MAX_GAP;
    // What cannot be read was kept by another version: it begins anew.
    let kept = serde_json::from_value(given.kept).unwrap_or_default();
    let settled =
        config.settle().map_err(|error| Error::new("bad_options", error.to_string(), "correct the options"))?;
    Ok((settled, kept))
}

fn no_relay() -> Error {
    Error::new(
        "no_relay",
        "there is no relay to connect to",
        "give at least one; a Petrel daemon shows its own at its start",
    )
}

/// The chain of its JSON.
///
/// # Errors
/// `unknown_chain` or `bad_chain`.
pub(crate) fn chain_of(json: &str) -> Result<Chain, Error> {
    chain(&serde_json::from_str(json).unwrap_or_default())
}

/// Whether this is the address of a relay that a browser can dial.
pub(crate) fn can_dial(relay: &str) -> bool {
    peer(relay).is_ok()
}

fn chain(given: &Value) -> Result<Chain, Error> {
    match given {
        Value::String(name) => Err(Error::new(
            "unknown_chain",
            format!("{name:?} names no chain here"),
            "give the chain as a rollup.json object: the package has one for each chain of the superchain registry",
        )),
        other => Chain::from_rollup_json(other.to_string().as_bytes()).map_err(|error| {
            Error::new(
                "bad_chain",
                format!("the chain is no rollup.json: {error}"),
                "give the object that op-node's `--rollup.config` takes, or a preset's name",
            )
        }),
    }
}

/// The relays in the order in which they are given, one entry a peer; of each the better addresses first.
pub(crate) fn statics(relays: &[String]) -> Result<Vec<StaticPeer>, Error> {
    let mut peers: Vec<(PeerId, Vec<(u8, String)>)> = Vec::new();
    let mut mistakes = Vec::new();
    for relay in relays {
        match peer(relay) {
            Ok((peer, rank)) => match peers.iter_mut().find(|(known, _)| *known == peer) {
                Some((_, addresses)) => addresses.push((rank, relay.clone())),
                None => peers.push((peer, vec![(rank, relay.clone())])),
            },
            Err(mistake) => mistakes.push(format!("{relay:?} {mistake}")),
        }
    }
    if !mistakes.is_empty() {
        let remedy = "give relays as /…/udp/PORT/quic-v1/webtransport/certhash/…/p2p/PEER, /dns4/HOST/tcp/PORT/wss/p2p/PEER \
                      or /ip4/ADDRESS/tcp/PORT/ws/p2p/PEER";
        return Err(Error::new("bad_relay", mistakes.join("; "), remedy));
    }
    let ordered = |mut addresses: Vec<(u8, String)>| {
        addresses.sort_by_key(|(rank, _)| *rank);
        addresses.into_iter().map(|(_, address)| address).collect()
    };
    Ok(peers.into_iter().map(|(peer, addresses)| StaticPeer { peer, addresses: ordered(addresses) }).collect())
}

/// The peer id at the end of a relay's address, and how good the address is.
fn peer(relay: &str) -> Result<(PeerId, u8), &'static str> {
    let address: Multiaddr = relay.parse().map_err(|_| "is no multiaddr")?;
    let Some(Protocol::P2p(peer)) = address.iter().last() else {
        return Err("does not end with /p2p/ and the relay's peer id");
    };
    let rank =
        transport::rank(&address).ok_or("is no WebTransport or WebSocket address, and a browser can dial no other")?;
    let peer = PeerId::from_bytes(&peer.to_bytes()).map_err(|_| "has a peer id that is too long")?;
    Ok((peer, rank))
}

#[cfg(test)]
mod tests {
    use super::{settle, statics};

    const CHAIN: &str = include_str!("../../core/presets/op-mainnet.json");
    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
    const OTHER: &str = "12D3KooWSwjjwmyEMLhEWCDprjd6jj4oTzTHvfYe5mf6d6AkBLS7";

    /// Options with this chain, and the rest as it is given.
    fn with(chain: &str, rest: &str) -> String {
        format!(r#"{{"chain": {chain}, {rest}}}"#)
    }

    fn code(json: &str) -> &'static str {
        settle(json).unwrap_err().code
    }

    #[test]
    fn a_preset_and_two_addresses_of_one_relay() {
        let relays = format!(
            r#""relays": ["/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}", "/dns4/a.example/tcp/443/wss/p2p/{PEER}",
               "/ip6/::1/tcp/2/ws/p2p/{OTHER}"]"#
        );
        let (settled, kept) = settle(&with(CHAIN, &relays)).unwrap();
        assert!(kept.is_empty() && !settled.sync.serve);
        assert_eq!(settled.chain.id, 10);
        assert_eq!(settled.signer, settled.chain.signer);
        let mut addresses: Vec<usize> = settled.statics.iter().map(|peer| peer.addresses.len()).collect();
        addresses.sort_unstable();
        assert_eq!(addresses, [1, 2]);
    }

    #[test]
    fn relays_keep_their_order_and_of_each_the_better_address_comes_first() {
        let hash = "uEiCaDd1Ca1A8IVJ3hsIxIyi11cwxaDKqzVrBkGJbKZU5ng";
        let relays = [
            format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{OTHER}"),
            format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}"),
            format!("/dns4/a.example/tcp/443/tls/ws/p2p/{OTHER}"),
            format!("/ip4/127.0.0.1/udp/1/quic-v1/webtransport/certhash/{hash}/p2p/{OTHER}"),
        ];
        let statics = statics(&relays).unwrap();
        assert_eq!(statics.iter().map(|peer| peer.peer.to_string()).collect::<Vec<_>>(), [OTHER, PEER]);
        assert_eq!(statics[0].addresses, [&relays[3], &relays[2], &relays[0]].map(Clone::clone));
    }

    #[test]
    fn the_signer_given_wins_over_the_presets() {
        let signer = "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc";
        let relay = format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}");
        let rest = format!(r#""signer": "{signer}", "relays": ["{relay}"]"#);
        let (settled, _) = settle(&with(CHAIN, &rest)).unwrap();
        assert_eq!(settled.signer.unwrap().to_string().to_lowercase(), signer);
    }

    #[test]
    fn what_was_kept_is_taken_up_or_forgotten() {
        let kept = |kept: &str| {
            let rest = format!(r#""relays": ["/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}"], "kept": {kept}"#);
            settle(&with(CHAIN, &rest)).unwrap().1
        };
        let (hash, parent) = ("11".repeat(32), "22".repeat(32));
        let link = format!(r#""number": 7, "hash": "0x{hash}", "parent": "0x{parent}", "timestamp": 9"#);
        assert_eq!(kept(&format!(r#"[{{{link}, "timestamp_ms": 9200}}]"#))[0].timestamp_ms, 9200);
        assert!(kept(&format!("[{{{link}}}]")).is_empty(), "an earlier version kept no milliseconds");
        assert!(kept(r#"[{"number": "seven"}]"#).is_empty());
        assert!(kept("[]").is_empty());
    }

    #[test]
    fn each_kind_of_mistake_has_its_code() {
        let relay = format!("/ip4/127.0.0.1/tcp/1/ws/p2p/{PEER}");
        let rollup = r#"{"l1_chain_id": 1, "l2_chain_id": 7, "block_time": 2, "genesis": {"l2_time": 1,
            "l2": {"number": 0, "hash": "0x1111111111111111111111111111111111111111111111111111111111111111"}}}"#;
        assert_eq!(code("[]"), "bad_options");
        assert_eq!(code(&with(CHAIN, r#""relays": [], "chian": 1"#)), "bad_options");
        assert_eq!(code(r#"{"chain": "op-mainnet", "relays": []}"#), "unknown_chain");
        assert_eq!(code(r#"{"chain": {"l2_chain_id": 7}, "relays": []}"#), "bad_chain");
        assert_eq!(code(r#"{"chain": 7, "relays": []}"#), "bad_chain");
        assert_eq!(code(&with(CHAIN, r#""signer": "0x12", "relays": []"#)), "bad_signer");
        assert_eq!(code(&with(rollup, &format!(r#""relays": ["{relay}"]"#))), "no_signer");
        assert_eq!(code(&with(CHAIN, r#""relays": []"#)), "no_relay");
    }

    #[test]
    fn every_wrong_relay_is_named() {
        let relays = format!(r#"["nonsense", "/ip4/127.0.0.1/tcp/1/ws", "/ip4/127.0.0.1/tcp/1/p2p/{PEER}"]"#);
        let error = settle(&with(CHAIN, &format!(r#""relays": {relays}"#))).unwrap_err();
        assert_eq!(error.code, "bad_relay");
        assert!(error.message.contains("\"nonsense\" is no multiaddr"), "{error}");
        assert!(error.message.contains("does not end with /p2p/"), "{error}");
        assert!(error.message.contains("is no WebTransport or WebSocket address"), "{error}");
    }
}
