//! A relay of plain libp2p that judges nothing. It tells where it listens as the daemon does, and ends with its standard
//! input.

use std::io::Read;

use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use petrel_tests::plain;

/// Relays what comes on `topic`.
pub(crate) fn run(topic: &str) {
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut swarm = plain::swarm(topic);
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                let address = format!("{address}/p2p/{}", swarm.local_peer_id());
                println!("{}", serde_json::json!({ "event": "listening", "address": address }));
            }
        }
    });
}
