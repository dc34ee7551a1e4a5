//! A node that missed blocks: a Driver with a head from before.

use std::sync::mpsc::Sender;

use futures::StreamExt;
use petrel_core::{
    Event,
    block::BlockInfo,
    chain::Chain,
    config::{Config, StaticPeer},
    peer::PeerId,
};
use petrel_node::{
    identity::Identity,
    network::NetworkConfig,
    network::{self, DriverResources},
};
use petrel_tests::forge;

/// See the module.
pub(crate) struct Follower {
    pub(crate) chain: Chain,
    /// Its static peer; over WebSocket it is a leaf.
    pub(crate) relay: String,
    /// Its head.
    pub(crate) from: BlockInfo,
    /// The last block that it missed.
    pub(crate) to: u64,
}

impl Follower {
    /// Runs the node, and sends `name` for each missed block that it gets.
    pub(crate) async fn follow(self, name: usize, sender: Sender<usize>) {
        let mut config = Config::new(self.chain);
        config.signer = Some(forge::key(1).address());
        let peer: libp2p::PeerId = self.relay.rsplit('/').next().unwrap().parse().unwrap();
        config.static_peers =
            vec![StaticPeer { peer: PeerId::from_bytes(&peer.to_bytes()).unwrap(), addresses: vec![self.relay] }];
        let net = NetworkConfig::new(Vec::new(), "follower");
        let body = DriverResources { memory: vec![self.from].into(), ..DriverResources::default() };
        let mut driver = network::build_driver(&Identity::generate(), config.settle().unwrap(), &net, body).unwrap();
        while let Some(event) = driver.next().await {
            if let Event::Block(block) = event
                && block.block.payload.number() <= self.to
                && sender.send(name).is_err()
            {
                return;
            }
        }
    }
}
