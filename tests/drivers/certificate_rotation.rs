//! WebTransport certificates that rotate while leaves are connected and blocks arrive: no leaf loses its connection or a block, and
//! the newly reported address can be dialled. Certificates are valid for six seconds, as `--p2p.webtransport.period` sets it.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Sender, channel},
    time::Duration,
};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{chain::Chain, fork::Fork, peer::PeerId};
use petrel_node::network::NetworkConfig;
use petrel_tests::{
    local_network::{self, Observed, RELAY, Report},
    sequencer,
};
use tokio::runtime::Runtime;

/// How long a certificate is served.
const PERIOD: Duration = Duration::from_secs(6);
/// Maximum number of blocks, the number after all leaves have connected, and the time between blocks.
const BLOCKS: u64 = 400;
const MORE: u64 = 10;
const PACE: Duration = Duration::from_millis(200);
/// Block interval of the chain, seconds. A message that is queued for a leaf for longer than two intervals is dropped.
const BLOCK_TIME: u64 = 6;
/// Leaves that connect at the start, and leaves that connect later, one at each new address.
const FIRST: usize = 4;
const LATER: usize = 2;

#[test]
fn certificates_rotate_without_a_missed_block_and_new_leaves_connect_at_the_new_address() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sender, reports) = channel();
    let chain = sequencer::chain(Fork::Jovian, BLOCK_TIME);
    relay(&runtime, &chain, &sender);
    let mut seen = Observed::default();
    seen.until(&reports, "two addresses", |seen| seen.addresses.len() == 2);
    let first = webtransport(&seen).remove(0);
    let mut leaves: Vec<PeerId> = (0..FIRST).map(|name| leaf(&runtime, &chain, &first, name, &sender)).collect();
    seen.until(&reports, "the first leaves", |seen| leaves.iter().all(|leaf| seen.met.contains(leaf)));
    let publisher = sequencer::Publisher::connect(&chain, seen.at("/tcp/").next().unwrap());
    let mut maker = local_network::maker(&chain, BLOCKS, 20_000);
    // By leaf: the last block before the relay saw the leaf join the topic.
    let mut since: BTreeMap<usize, u64> = (0..FIRST).map(|name| (name, 0)).collect();
    let mut dialled = vec![first];
    let mut last = 1000 + BLOCKS;
    for number in 1001..=1000 + BLOCKS {
        if number > last {
            break;
        }
        let made = maker.build().unwrap();
        publisher.publish(made.version, made.message);
        seen.take(&reports, PACE);
        let newest = webtransport(&seen).pop().unwrap();
        if dialled.len() <= LATER && !dialled.contains(&newest) {
            leaves.push(leaf(&runtime, &chain, &newest, leaves.len(), &sender));
            dialled.push(newest);
        }
        for (name, _) in leaves.iter().enumerate().filter(|(_, leaf)| seen.met.contains(leaf)) {
            since.entry(name).or_insert(number);
        }
        if since.len() == FIRST + LATER {
            last = last.min(number + MORE);
        }
    }
    seen.until(&reports, "the last block", |seen| {
        since.keys().all(|name| seen.blocks.get(name).is_some_and(|blocks| blocks.contains(&last)))
    });
    runtime.shutdown_background();

    let addresses = webtransport(&seen);
    assert!(addresses.len() > LATER, "the certificates rotated: {addresses:?}");
    // The first certificate of each address is the second one of the address before.
    for pair in addresses.windows(2) {
        assert_eq!(hashes(&pair[0])[1], hashes(&pair[1])[0]);
    }
    assert_eq!(since.len(), FIRST + LATER, "each new address was dialled, and accepted a leaf");
    assert_eq!(seen.ended, [], "no connection ended");
    assert_eq!(seen.fetched, 0, "no block had to be fetched");
    for (name, since) in since {
        let missed: Vec<u64> = (since.max(1000) + 1..=last).filter(|n| !seen.blocks[&name].contains(n)).collect();
        assert!(missed.is_empty(), "leaf {name} was connected since {since} and missed {missed:?}");
    }
}

/// The relay's WebTransport addresses, in the order of their events.
fn webtransport(seen: &Observed) -> Vec<String> {
    seen.at("/webtransport/").cloned().collect()
}

fn relay(runtime: &Runtime, chain: &Chain, sender: &Sender<Report>) {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1/webtransport"];
    let net = NetworkConfig {
        period: PERIOD,
        ..NetworkConfig::new(listen.map(|address| address.parse().unwrap()).to_vec(), "relay")
    };
    local_network::start(runtime, local_network::settled(chain, None, |_| {}), net, (RELAY, sender), |_| {});
}

fn leaf(runtime: &Runtime, chain: &Chain, relay: &str, name: usize, sender: &Sender<Report>) -> PeerId {
    let config = local_network::settled(chain, Some(relay), |_| {});
    local_network::start(runtime, config, NetworkConfig::new(Vec::new(), "leaf"), (name, sender), |_| {})
}

fn hashes(address: &str) -> Vec<String> {
    let address: Multiaddr = address.parse().unwrap();
    let hash = |part| if let Protocol::Certhash(hash) = part { Some(format!("{hash:?}")) } else { None };
    address.iter().filter_map(hash).collect()
}
