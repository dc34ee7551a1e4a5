//! What is expected of a node that is well, and what is wrong with one that is not. No clock, no I/O.
//!
//! A node is *ready* when it follows the chain: it has a peer, its head is as new as the chain's cadence lets expect, and signer
//! and clock are not in doubt. It is *healthy* when it is also able to store blocks and to read L1. A reason is one sentence, the
//! same at each check while its cause lasts; what changes meanwhile is in the numbers beside it.

use std::time::Duration;

use petrel_core::{
    node::{PeeringStatus, Status},
    peer::PeerId,
};
use serde_json::{Value, json};

/// The head may be this many block intervals old: 30 s on a chain of 2 s. Blocks come every interval, and some late.
const HEAD_INTERVALS: u64 = 15;
/// The head may be this old in any case: a reconnection, and the retry of a request, take some 20 s.
const HEAD_AGE_MIN: Duration = Duration::from_secs(30);
/// How long connected peers may take to subscribe: a peer does so when it connects, and two checks are 5 s apart.
const SUBSCRIPTION_TIME: Duration = Duration::from_secs(10);
/// Free bytes that the disk of the data directory needs: what may wait for it (256 MiB).
const DISK_FREE_MIN: u64 = 256 << 20;
/// How long L1 may be silent: three of the usual reloads of ten minutes.
const L1_SILENCE: Duration = Duration::from_secs(1800);

/// What the status does not say.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The time of the unsafe head, Unix milliseconds.
    pub head_ms: Option<u64>,
    /// The peer, no leaf, that disconnected last.
    pub last_peer: Option<LastPeer>,
    /// How long peers have been connected of which none subscribes to the chain's topics.
    pub unsubscribed: Duration,
    /// Why blocks cannot be stored.
    pub store_error: Option<String>,
    /// Time since L1 was read; `None` without `--l1`.
    pub l1_silence: Option<Duration>,
    /// The disk of the data directory.
    pub disk: DiskState,
}

/// A peer that disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastPeer {
    /// Who it was.
    pub peer: PeerId,
    /// Why its connection ended.
    pub reason: String,
}

/// The disk of the data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskState {
    /// It was not asked yet, or this system does not tell.
    #[default]
    Unknown,
    /// It has this many free bytes.
    Free(u64),
    /// It has not answered for this time.
    Silent(Duration),
}

/// One thing that is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name in the JSON.
    pub name: &'static str,
    /// Whether a node that fails it is not ready; else it is ready, and not healthy.
    pub for_ready: bool,
    /// What is wrong, in one sentence.
    pub reason: Option<String>,
    /// A JSON object with the numbers.
    pub numbers: Value,
}

/// All checks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    checks: Vec<Check>,
}

impl Health {
    /// Checks the node at `now_ms` (Unix milliseconds).
    pub fn of(status: &Status, findings: &Findings, now_ms: u64) -> Self {
        let mut checks = vec![
            peers(status, findings),
            chain(status, findings.unsubscribed),
            head(status, findings, now_ms),
            signer(status),
            clock(status),
            store(findings),
            disk(findings.disk),
        ];
        checks.extend(findings.l1_silence.map(l1));
        Self { checks }
    }

    /// What is wrong: for the readiness alone, or all of it.
    pub fn reasons(&self, only_ready: bool) -> Vec<&str> {
        let relevant = self.checks.iter().filter(|check| check.for_ready || !only_ready);
        relevant.filter_map(|check| check.reason.as_deref()).collect()
    }

    /// As JSON: `{"status":"ok","reasons":[],"checks":{"peers":{"ok":true,…},…}}`; `status` is `failing` with a reason.
    pub fn to_json(&self, only_ready: bool) -> Value {
        let relevant = self.checks.iter().filter(|check| check.for_ready || !only_ready);
        let checks: serde_json::Map<String, Value> =
            relevant.map(|check| (check.name.to_owned(), check.to_json())).collect();
        let reasons = self.reasons(only_ready);
        json!({ "status": if reasons.is_empty() { "ok" } else { "failing" }, "reasons": reasons, "checks": checks })
    }
}

impl Check {
    fn to_json(&self) -> Value {
        let mut json = self.numbers.clone();
        if let Some(fields) = json.as_object_mut() {
            fields.insert("ok".to_owned(), self.reason.is_none().into());
            fields.extend(self.reason.clone().map(|reason| ("reason".to_owned(), reason.into())));
        }
        json
    }
}

/// Connected peers that are not leaves.
pub(super) fn nodes(peering: &PeeringStatus) -> usize {
    peering.peers.iter().filter(|peer| !peer.connected.leaf).count()
}

/// The other chain to which most peers subscribe, and how many do.
pub(super) fn most_followed(peering: &PeeringStatus) -> Option<(u64, usize)> {
    peering.other_chains.iter().map(|(chain, peers)| (*chain, *peers)).max_by_key(|(_, peers)| *peers)
}

fn peers(status: &Status, findings: &Findings) -> Check {
    let nodes = nodes(&status.peering);
    let leaves = status.peering.peers.len() - nodes;
    let reason = (nodes == 0).then(|| match &findings.last_peer {
        Some(LastPeer { peer, reason }) => format!("no peer is connected; the last one was {peer}: {reason}"),
        None => "no peer is connected".to_owned(),
    });
    Check { name: "peers", for_ready: true, reason, numbers: json!({ "nodes": nodes, "leaves": leaves }) }
}

/// Whether a peer subscribes to the topics of this chain: with a wrong chain id none does.
fn chain(status: &Status, unsubscribed: Duration) -> Check {
    let (id, peering) = (status.chain, &status.peering);
    let other = most_followed(peering);
    let is_alone = nodes(peering) > 0 && peering.subscribed == 0;
    let reason = match other {
        Some((other, _)) if is_alone => Some(format!(
            "no connected peer subscribes to the topics of chain {id}, but to those of chain {other}: check --network or \
             --rollup.config"
        )),
        None if is_alone && unsubscribed >= SUBSCRIPTION_TIME => {
            Some(format!("no connected peer subscribes to the topics of chain {id}"))
        }
        _ => None,
    };
    let (other_chain, other_chain_peers) = other.unzip();
    let numbers = json!({
        "id": id,
        "subscribed": peering.subscribed,
        "other_chain": other_chain,
        "other_chain_peers": other_chain_peers,
    });
    Check { name: "chain", for_ready: true, reason, numbers }
}

fn head(status: &Status, findings: &Findings, now_ms: u64) -> Check {
    let limit_ms = status.interval_ms.saturating_mul(HEAD_INTERVALS).max(millis(HEAD_AGE_MIN));
    let age_ms = findings.head_ms.map(|head_ms| now_ms.saturating_sub(head_ms));
    let number = status.head.map(|head| head.number);
    let reason = match (number, age_ms) {
        (Some(number), Some(age)) if age > limit_ms => {
            let (limit, interval) = (limit_ms as f64 / 1e3, status.interval_ms as f64 / 1e3);
            Some(format!(
                "the head is stale: block {number} is older than {limit} s, with a block due every {interval} s"
            ))
        }
        (Some(_), Some(_)) => None,
        _ => Some("there is no head: no block was verified yet".to_owned()),
    };
    let numbers = json!({ "number": number, "age_ms": age_ms, "limit_ms": limit_ms, "gap": status.gap });
    Check { name: "head", for_ready: true, reason, numbers }
}

fn signer(status: &Status) -> Check {
    let (signer, mismatch) = (status.validation.signer, status.validation.signer_mismatch);
    let reason = match (signer, mismatch) {
        (None, _) => Some("no signer is known: every block is ignored".to_owned()),
        (Some(_), Some(other)) => Some(format!("peers follow another signer, {other}: was it rotated?")),
        (Some(_), None) => None,
    };
    Check { name: "signer", for_ready: true, reason, numbers: json!({ "signer": signer }) }
}

fn clock(status: &Status) -> Check {
    let skew = status.validation.clock_skew;
    let reason = skew.then(|| "most peers' blocks contradict this machine's clock: check it".to_owned());
    let numbers =
        json!({ "offset_ms": status.validation.offset_ms, "sequencer_skew": status.validation.sequencer_skew });
    Check { name: "clock", for_ready: true, reason, numbers }
}

fn store(findings: &Findings) -> Check {
    let reason = findings.store_error.as_ref().map(|error| format!("blocks cannot be stored: {error}"));
    Check { name: "store", for_ready: false, reason, numbers: json!({}) }
}

fn disk(state: DiskState) -> Check {
    let (free, reason) = match state {
        DiskState::Unknown => (None, None),
        DiskState::Free(free) if free < DISK_FREE_MIN => {
            (Some(free), Some(format!("the disk of --datadir has less than {} MiB free", DISK_FREE_MIN >> 20)))
        }
        DiskState::Free(free) => (Some(free), None),
        DiskState::Silent(_) => (None, Some("the disk of --datadir does not answer".to_owned())),
    };
    Check { name: "disk", for_ready: false, reason, numbers: json!({ "free_bytes": free }) }
}

fn l1(silence: Duration) -> Check {
    let reason = (silence > L1_SILENCE)
        .then(|| format!("L1 was not read for {} minutes: see the log", L1_SILENCE.as_secs() / 60));
    Check { name: "l1", for_ready: false, reason, numbers: json!({ "read_secs_ago": silence.as_secs() }) }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use petrel_core::{
        block::BlockRef,
        chain::Chain,
        config::Config,
        event::{Connected, Direction},
        node::{Node, PeerStatus},
        persistence::RestoredState,
        time::Now,
    };

    use super::*;

    const NOW_MS: u64 = 1_760_000_000_000;

    fn peer(leaf: bool) -> PeerStatus {
        let id = libp2p::identity::Keypair::generate_ed25519().public().to_peer_id();
        let connected = Connected {
            peer: PeerId::from_bytes(&id.to_bytes()).unwrap(),
            address: "/ip4/127.0.0.1/tcp/1".to_owned(),
            transport: "tcp",
            direction: Direction::Outbound,
            leaf,
            ip: None,
            tried: Vec::new(),
        };
        PeerStatus { connected, agent: None, score: 0.0, application: 0.0, first_deliveries: 0 }
    }

    /// A node of OP Mainnet (2 s) that is well, with a head of one second.
    fn well() -> (Status, Findings) {
        let config = Config::new(Chain::preset("op-mainnet").unwrap()).settle().unwrap();
        let now = Now { mono: Duration::ZERO, unix: Duration::from_millis(NOW_MS) };
        let mut status = Node::new(config, &RestoredState::default(), [0; 32], now).status(now);
        status.head = Some(BlockRef { number: 7, hash: [1; 32].into() });
        status.peering.peers.push(peer(false));
        status.peering.subscribed = 1;
        (status, Findings { head_ms: Some(NOW_MS - 1_000), disk: DiskState::Free(1 << 40), ..Findings::default() })
    }

    /// The reasons: those of the readiness, and all.
    fn reasons(status: &Status, findings: &Findings) -> [Vec<String>; 2] {
        let health = Health::of(status, findings, NOW_MS);
        [true, false].map(|only_ready| health.reasons(only_ready).into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn a_node_that_is_well_has_no_reason() {
        let (status, findings) = well();
        assert_eq!(reasons(&status, &findings), [Vec::<String>::new(), Vec::new()]);
        let json = Health::of(&status, &findings, NOW_MS).to_json(false);
        assert_eq!((&json["status"], &json["checks"]["head"]["age_ms"]), (&"ok".into(), &1_000.into()), "{json}");
        assert_eq!(json["checks"]["peers"], json!({ "ok": true, "nodes": 1, "leaves": 0 }));
    }

    #[test]
    fn without_a_peer_that_is_no_leaf_it_is_not_ready_and_the_last_peer_is_named() {
        let (mut status, mut findings) = well();
        let gone = status.peering.peers.pop().unwrap().connected.peer;
        status.peering.peers.push(peer(true));
        assert_eq!(reasons(&status, &findings)[0], ["no peer is connected"]);
        findings.last_peer = Some(LastPeer { peer: gone, reason: "reset".to_owned() });
        let [ready, all] = reasons(&status, &findings);
        assert_eq!(ready, [format!("no peer is connected; the last one was {gone}: reset")]);
        assert_eq!(ready, all);
        let json = Health::of(&status, &findings, NOW_MS).to_json(true);
        assert_eq!((&json["status"], &json["checks"]["peers"]["ok"]), (&"failing".into(), &false.into()), "{json}");
        assert_eq!(json["reasons"][0], json["checks"]["peers"]["reason"]);
    }

    #[test]
    fn a_node_whose_peers_follow_another_chain_alone_is_not_ready() {
        let (mut status, mut findings) = well();
        status.peering.other_chains = [(130, 1), (8453, 2)].into();
        assert_eq!(reasons(&status, &findings)[0], Vec::<String>::new(), "a peer follows this one");
        status.peering.subscribed = 0;
        let expected = "no connected peer subscribes to the topics of chain 10, but to those of chain 8453: check --network or \
             --rollup.config";
        assert_eq!(reasons(&status, &findings), [[expected], [expected]]);
        let json = Health::of(&status, &findings, NOW_MS).to_json(true);
        assert_eq!(json["checks"]["chain"]["other_chain"], 8453, "{json}");
        assert_eq!(json["checks"]["chain"]["other_chain_peers"], 2, "{json}");

        // Peers that subscribe to nothing get some time.
        status.peering.other_chains.clear();
        assert_eq!(reasons(&status, &findings)[0], Vec::<String>::new());
        findings.unsubscribed = SUBSCRIPTION_TIME;
        assert_eq!(reasons(&status, &findings)[0], ["no connected peer subscribes to the topics of chain 10"]);
        status.peering.peers.clear();
        assert_eq!(reasons(&status, &findings)[0], ["no peer is connected"]);
    }

    #[test]
    fn a_head_is_stale_by_the_cadence_of_its_chain() {
        for (interval_ms, limit_ms) in [(200, 30_000), (2_000, 30_000), (12_000, 180_000)] {
            let (mut status, mut findings) = well();
            status.interval_ms = interval_ms;
            findings.head_ms = Some(NOW_MS - limit_ms);
            assert_eq!(reasons(&status, &findings)[0], Vec::<String>::new(), "{interval_ms}");
            findings.head_ms = Some(NOW_MS - limit_ms - 1);
            let [ready, _] = reasons(&status, &findings);
            assert!(ready.len() == 1 && ready[0].starts_with("the head is stale: block 7 is older than"), "{ready:?}");
        }
        let (status, mut findings) = well();
        findings.head_ms = None;
        assert_eq!(reasons(&status, &findings)[0], ["there is no head: no block was verified yet"]);
        // A head from the future is a matter of the clock.
        findings.head_ms = Some(NOW_MS + 90_000);
        assert_eq!(reasons(&status, &findings)[0], Vec::<String>::new());
    }

    #[test]
    fn signer_and_clock_are_for_the_readiness() {
        let (mut status, findings) = well();
        status.validation.signer_mismatch = Some([9; 20].into());
        status.validation.clock_skew = true;
        let [ready, _] = reasons(&status, &findings);
        assert!(ready[0].starts_with("peers follow another signer, 0x0909"), "{ready:?}");
        assert!(ready[1].contains("this machine's clock"), "{ready:?}");
        (status.validation.signer, status.validation.clock_skew) = (None, false);
        assert_eq!(reasons(&status, &findings)[0], ["no signer is known: every block is ignored"]);
    }

    #[test]
    fn store_disk_and_l1_are_for_the_health_alone() {
        let (status, well) = well();
        let wrong = [
            (
                Findings { store_error: Some("no space".to_owned()), ..well.clone() },
                "blocks cannot be stored: no space",
            ),
            (Findings { disk: DiskState::Free(DISK_FREE_MIN - 1), ..well.clone() }, "less than 256 MiB free"),
            (Findings { disk: DiskState::Silent(Duration::from_secs(90)), ..well.clone() }, "does not answer"),
            (Findings { l1_silence: Some(L1_SILENCE * 2), ..well.clone() }, "L1 was not read for 30 minutes"),
        ];
        for (findings, expected) in wrong {
            let [ready, all] = reasons(&status, &findings);
            assert!(ready.is_empty() && all.len() == 1 && all[0].contains(expected), "{ready:?} {all:?}");
        }
        let read = Findings { l1_silence: Some(L1_SILENCE), ..well };
        assert!(reasons(&status, &read)[1].is_empty());
    }
}
