//! `plain_relay TOPIC`: a relay of plain libp2p that judges nothing, beside which Petrel's relaying is measured. It tells
//! where it listens as the daemon does, and ends with its standard input.

use std::io::Read;

use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use petrel_tests::plain;

#[tokio::main]
async fn main() {
    let topic = std::env::args().nth(1).expect("usage: plain_relay TOPIC");
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let mut swarm = plain::swarm(&topic);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().expect("a multiaddr")).expect("loopback is there");
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            let address = format!("{address}/p2p/{}", swarm.local_peer_id());
            println!("{}", serde_json::json!({ "event": "listening", "address": address }));
        }
    }
}
