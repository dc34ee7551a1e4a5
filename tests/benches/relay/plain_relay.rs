//! A relay of plain libp2p without validation. It exits at the end of its standard input.

use std::io::Read;

use futures::StreamExt;
use petrel_tests::plain_gossipsub;

/// Relays all messages on `topic`, listening on this port.
pub(crate) fn run(topic: &str, port: &str) {
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut swarm = plain_gossipsub::swarm(topic);
        swarm.listen_on(format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()).unwrap();
        loop {
            swarm.select_next_some().await;
        }
    });
}
