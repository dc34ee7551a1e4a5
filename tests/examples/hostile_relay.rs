//! A relay that lies: `hostile_relay MODE`, for the page's tests. It listens on WebSocket as a daemon does, gossips a valid
//! block each second (except when it stalls), and beside each what its mode says:
//!
//! - `forge`: blocks that another key signed;
//! - `tamper`: the valid message with one byte of a transaction changed, sent first;
//! - `replay`: validly signed blocks that are two minutes old, and the valid block compressed another way;
//! - `stall`: nothing; it shakes hands, joins the topics and stays silent.
//!
//! On stdout, first `{"relay", "chain", "signer"}` as the page takes them, then `{"honest": hash}` for each valid block.
//! It ends with its standard input, or after two minutes.

use std::{
    io::Read,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, Bytes, U256, hex};
use futures::StreamExt;
use libp2p::{
    Multiaddr, Swarm, Transport,
    core::upgrade,
    gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode},
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    swarm::SwarmEvent,
    tcp, websocket, yamux,
};
use petrel_core::{
    block::ExecutionPayload,
    fork::Version,
    gossip::{Form, message_id},
    sign::{self, Key},
};

const CHAIN: u64 = 90_211;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forge,
    Tamper,
    Replay,
    Stall,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mode = match std::env::args().nth(1).as_deref() {
        Some("forge") => Mode::Forge,
        Some("tamper") => Mode::Tamper,
        Some("replay") => Mode::Replay,
        Some("stall") => Mode::Stall,
        _ => {
            eprintln!("usage: hostile_relay forge|tamper|replay|stall");
            std::process::exit(2);
        }
    };
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let _over = tokio::time::timeout(Duration::from_secs(120), run(mode)).await;
}

async fn run(mode: Mode) {
    let key = Key::from_bytes(&[3; 32]).expect("a key");
    let mut swarm = relay();
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    let mut number = 0;
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                if let SwarmEvent::NewListenAddr { address, .. } = event {
                    introduce(&address, *swarm.local_peer_id(), &key);
                }
            }
            _ = beat.tick() => {
                if mode != Mode::Stall {
                    number += 1;
                    lie_and_tell(&mut swarm, mode, &key, number);
                }
            }
        }
    }
}

fn introduce(address: &Multiaddr, peer: libp2p::PeerId, key: &Key) {
    let relay = address.clone().with(Protocol::P2p(peer));
    let genesis = serde_json::json!({
        "l1": { "hash": B256::ZERO, "number": 0 },
        "l2": { "hash": B256::ZERO, "number": 0 },
        "l2_time": now(),
    });
    let forks = ["regolith", "canyon", "delta", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian"];
    let mut chain = serde_json::json!({
        "genesis": genesis, "block_time": 1, "l1_chain_id": 900, "l2_chain_id": CHAIN,
    });
    for fork in forks {
        chain[format!("{fork}_time")] = 0.into();
    }
    println!("{}", serde_json::json!({ "relay": relay.to_string(), "chain": chain, "signer": key.address() }));
}

/// Publishes the valid block, and around it what the mode says.
fn lie_and_tell(swarm: &mut Swarm<gossipsub::Behaviour>, mode: Mode, key: &Key, number: u64) {
    let (hash, honest) = block(key, number, now());
    let stranger = Key::from_bytes(&[9; 32]).expect("a key");
    match mode {
        Mode::Forge => publish(swarm, compress(&block(&stranger, number, now()).1)),
        Mode::Tamper => {
            let mut changed = honest.clone();
            *changed.last_mut().expect("not empty") ^= 1;
            publish(swarm, compress(&changed));
        }
        Mode::Replay => publish(swarm, compress(&block(key, number + 1000, now() - 120).1)),
        Mode::Stall => {}
    }
    publish(swarm, compress(&honest));
    if mode == Mode::Replay {
        publish(swarm, as_literals(&honest));
    }
    println!("{}", serde_json::json!({ "honest": hash }));
}

fn publish(swarm: &mut Swarm<gossipsub::Behaviour>, wire: Vec<u8>) {
    let topic = format!("/optimism/{CHAIN}/3/blocks");
    // Nobody may be there yet, and the same bytes twice are refused: both are fine.
    let _refused = swarm.behaviour_mut().publish(IdentTopic::new(topic), wire);
}

fn block(key: &Key, number: u64, timestamp: u64) -> (B256, Vec<u8>) {
    let mut payload = ExecutionPayload {
        block_number: number,
        timestamp,
        gas_limit: 30_000_000,
        base_fee_per_gas: U256::from(252),
        extra_data: Bytes::from_static(&hex!("01000000fa000000060000000000000000")),
        transactions: vec![Bytes::from(vec![0x7e; 200])],
        ..ExecutionPayload::default()
    };
    payload.block_hash = payload.compute_hash(Version::V4).expect("it encodes");
    let message = sign::seal(key, CHAIN, Version::V4, &payload).expect("it encodes");
    (payload.block_hash, message)
}

fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("it fits")
}

/// Another valid snappy block of the same bytes: literals of 60 bytes at most.
fn as_literals(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut length = message.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    for chunk in message.chunks(60) {
        out.push(((chunk.len() - 1) << 2) as u8);
        out.extend_from_slice(chunk);
    }
    out
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A swarm of its own, not the Driver: the Driver would not publish lies. It names messages by their bytes on the wire, so
/// that it can send the same content in two forms.
fn relay() -> Swarm<gossipsub::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let transport = websocket::Config::new(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)))
        .upgrade(upgrade::Version::V1)
        .authenticate(noise::Config::new(&identity).expect("a keypair signs its noise key"))
        .multiplex(yamux::Config::default())
        .boxed();
    let config = gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(500))
        .max_transmit_size(11 << 20)
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| message_id(message.topic.as_str(), Form::BadHeader, &message.data).0.to_vec().into())
        .build()
        .expect("gossipsub takes it");
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).expect("gossipsub takes it");
    for topic in 0..4 {
        gossip.subscribe(&IdentTopic::new(format!("/optimism/{CHAIN}/{topic}/blocks"))).expect("not filtered");
    }
    let swarm = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let mut swarm = Swarm::new(transport, gossip, identity.public().to_peer_id(), swarm);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0/ws".parse().expect("a multiaddr")).expect("loopback is there");
    swarm
}
