//! A malicious relay: `hostile_relay MODE [CHAIN]`, for the page's tests. It listens on WebSocket as a daemon does, gossips a valid
//! block each second (except in the mode `stall`), and with each block the messages of its mode:
//!
//! - `forge`: blocks that another key signed;
//! - `tamper`: the valid message with one byte of a transaction changed, sent first;
//! - `replay`: validly signed blocks that are two minutes old, and the valid block compressed another way;
//! - `stall`: nothing; it completes handshakes, joins the topics and gossips nothing. Its response to a request by number, on the chain
//!   with this id, is a changed block;
//! - `withhold`: no block after the first one;
//! - `flood`: four hundred further messages, all different and invalid;
//! - `conflict`: a second valid block of the same height, by the same key;
//! - `hang`: it accepts connections and sends nothing on them.
//!
//! On stdout it writes first `{"relay", "chain", "signer"}` for the page, then `{"honest": hash}` for each valid block. It exits at the
//! end of its standard input, or after ten minutes.

use std::{
    io::{Read, Write},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, Bytes, U256, hex};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, Transport,
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
    message::{Form, message_id},
    sign,
    sign::Key,
};

/// The default chain id.
const CHAIN: u64 = 90_211;

/// Bytes of the signature, which precede the signed bytes.
const SIGNATURE: usize = 65;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forge,
    Tamper,
    Replay,
    Stall,
    Withhold,
    Flood,
    Conflict,
    Hang,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mode = match std::env::args().nth(1).as_deref() {
        Some("forge") => Mode::Forge,
        Some("tamper") => Mode::Tamper,
        Some("replay") => Mode::Replay,
        Some("stall") => Mode::Stall,
        Some("withhold") => Mode::Withhold,
        Some("flood") => Mode::Flood,
        Some("conflict") => Mode::Conflict,
        Some("hang") => Mode::Hang,
        _ => {
            eprintln!("usage: hostile_relay forge|tamper|replay|stall|withhold|flood|conflict|hang [CHAIN]");
            std::process::exit(2);
        }
    };
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let chain = std::env::args().nth(2).map_or(CHAIN, |id| id.parse().expect("CHAIN is a number"));
    let _over = tokio::time::timeout(Duration::from_secs(600), run(mode, chain)).await;
}

async fn run(mode: Mode, chain: u64) {
    let key = sequencer_key();
    if mode == Mode::Hang {
        return hang(chain, &key).await;
    }
    let mut swarm = relay(chain);
    tokio::spawn(answer(swarm.behaviour().streams.new_control(), chain, sequencer_key()));
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    let mut number = 0;
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                if let SwarmEvent::NewListenAddr { address, .. } = event {
                    introduce(&address, *swarm.local_peer_id(), chain, &key);
                }
            }
            _ = beat.tick() => {
                if !(mode == Mode::Stall || mode == Mode::Withhold && number > 0) {
                    number += 1;
                    publish_round(&mut swarm.behaviour_mut().gossip, mode, (chain, &key), number);
                }
            }
        }
    }
}

fn sequencer_key() -> Key {
    Key::from_bytes(&[3; 32]).expect("a key")
}

fn introduce(address: &Multiaddr, peer: libp2p::PeerId, chain_id: u64, key: &Key) {
    let relay = address.clone().with(Protocol::P2p(peer));
    let genesis = serde_json::json!({
        "l1": { "hash": B256::ZERO, "number": 0 },
        "l2": { "hash": B256::ZERO, "number": 0 },
        "l2_time": now(),
    });
    let forks = ["regolith", "canyon", "delta", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian"];
    let mut chain = serde_json::json!({
        "genesis": genesis, "block_time": 1, "l1_chain_id": 900, "l2_chain_id": chain_id,
    });
    for fork in forks {
        chain[format!("{fork}_time")] = 0.into();
    }
    println!("{}", serde_json::json!({ "relay": relay.to_string(), "chain": chain, "signer": key.address() }));
}

/// Publishes the valid block and the messages of the mode.
fn publish_round(gossip: &mut gossipsub::Behaviour, mode: Mode, (chain, key): (u64, &Key), number: u64) {
    let block = |key, number, timestamp| block(chain, key, number, timestamp);
    let mut publish = |wire| publish(gossip, chain, wire);
    let (hash, honest) = block(key, number, now());
    let unknown = Key::from_bytes(&[9; 32]).expect("a key");
    match mode {
        Mode::Forge => publish(compress(&block(&unknown, number, now()).1)),
        Mode::Tamper => {
            let mut changed = honest.clone();
            *changed.last_mut().expect("not empty") ^= 1;
            publish(compress(&changed));
        }
        Mode::Replay => publish(compress(&block(key, number + 1000, now() - 120).1)),
        Mode::Flood => {
            for count in 0..400_u64 {
                let mut junk = honest.clone();
                junk[..8].copy_from_slice(&(number * 400 + count).to_le_bytes());
                publish(compress(&junk));
            }
        }
        Mode::Stall | Mode::Withhold | Mode::Hang | Mode::Conflict => {}
    }
    publish(compress(&honest));
    if mode == Mode::Conflict {
        publish(compress(&block(key, number, now() - 1).1));
    }
    if mode == Mode::Replay {
        publish(as_literals(&honest));
    }
    println!("{}", serde_json::json!({ "honest": hash }));
}

/// Accepts connections and keeps them open.
async fn hang(chain: u64, key: &Key) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let port = listener.local_addr().expect("it listens").port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}/ws").parse().expect("a multiaddr");
    introduce(&address, Keypair::generate_secp256k1().public().to_peer_id(), chain, key);
    let mut taken = Vec::new();
    while let Ok(stream) = listener.accept().await {
        taken.push(stream);
    }
}

fn publish(gossip: &mut gossipsub::Behaviour, chain: u64, wire: Vec<u8>) {
    // There may be no peer yet, and a duplicate is refused: both are fine.
    let _refused = gossip.publish(topic(chain, 3), wire);
}

fn topic(chain: u64, version: u8) -> IdentTopic {
    IdentTopic::new(format!("/optimism/{chain}/{version}/blocks"))
}

/// Answers each request with a block of the requested number that does not match its hash.
async fn answer(mut streams: libp2p_stream::Control, chain: u64, key: Key) {
    let protocol = format!("/opstack/req/payload_by_number/{chain}/0");
    let protocol = StreamProtocol::try_from_owned(protocol).expect("it begins with a slash");
    let mut requests = streams.accept(protocol).expect("the protocol is accepted once");
    while let Some((_, mut stream)) = requests.next().await {
        let mut number = [0; 8];
        if stream.read_exact(&mut number).await.is_err() {
            continue;
        }
        let (_, mut message) = block(chain, &key, u64::from_le_bytes(number), now());
        *message.last_mut().expect("not empty") ^= 1;
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(&message[SIGNATURE..]).expect("memory takes it");
        let payload = framed.into_inner().expect("memory takes it");
        let _gone = stream.write_all(&[&[0, 1, 0, 0, 0], payload.as_slice()].concat()).await;
        let _gone = stream.close().await;
    }
}

fn block(chain: u64, key: &Key, number: u64, timestamp: u64) -> (B256, Vec<u8>) {
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
    let message = sign::seal(key, chain, Version::V4, &payload).expect("it encodes");
    (payload.block_hash, message)
}

fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("it fits")
}

/// Another valid snappy encoding of the same bytes: literals of at most 60 bytes.
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

#[derive(libp2p::swarm::NetworkBehaviour)]
struct Relay {
    gossip: gossipsub::Behaviour,
    streams: libp2p_stream::Behaviour,
}

/// A plain swarm instead of a Driver, because a Driver does not publish invalid messages. Its message ids are computed from the bytes
/// on the wire, so that it can send the same content in two encodings.
fn relay(chain: u64) -> Swarm<Relay> {
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
    for version in 0..4 {
        gossip.subscribe(&topic(chain, version)).expect("not filtered");
    }
    let behaviour = Relay { gossip, streams: libp2p_stream::Behaviour::new() };
    let swarm = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let mut swarm = Swarm::new(transport, behaviour, identity.public().to_peer_id(), swarm);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0/ws".parse().expect("a multiaddr")).expect("loopback is there");
    swarm
}
