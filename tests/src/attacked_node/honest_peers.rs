//! Honest peers that stay connected: a node, and a browser over WebSocket.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::mpsc::{Receiver, channel},
};

use petrel_core::Event;
use petrel_node::network::NetworkConfig;
use tokio::runtime::Runtime;

use crate::{
    attackers::{
        Target,
        addresses::{Role, source},
    },
    local_network::{self, Report, settled},
};

/// The address of the node, and that of the browser.
pub(super) const NODE: Ipv4Addr = source(Role::HonestNode, 1);
pub(super) const BROWSER: Ipv4Addr = source(Role::HonestBrowser, 1);

const NAMES: [&str; 2] = ["the honest node", "the honest browser"];

/// See the module.
#[derive(Debug)]
pub(super) struct HonestPeers {
    runtime: Runtime,
    events: Receiver<Report>,
    identities: Vec<(String, &'static str)>,
}

impl HonestPeers {
    pub(super) fn start(target: &Target) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (sender, events) = channel();
        let addresses = [target.tcp_from(NODE), target.ws_from(BROWSER)];
        let identities = addresses.iter().zip(NAMES).enumerate().map(|(index, (address, name))| {
            let config = settled(&target.chain, Some(&address.to_string()), |_| {});
            let net = NetworkConfig::new(Vec::new(), "honest");
            (local_network::start(&runtime, config, net, (index, &sender), |_| {}).to_string(), name)
        });
        let identities = identities.collect();
        Self { runtime, events, identities }
    }

    /// Their peer ids.
    pub(super) fn identities(&self) -> Vec<(String, &'static str)> {
        self.identities.clone()
    }

    /// Ends them. Returns how many blocks each got.
    pub(super) fn end(self) -> Vec<(&'static str, usize)> {
        let mut blocks = [const { BTreeSet::new() }; NAMES.len()];
        for (index, event) in self.events.try_iter() {
            if let Event::Block(block) = event {
                blocks[index].insert(block.block.payload.number());
            }
        }
        self.runtime.shutdown_background();
        NAMES.into_iter().zip(blocks.map(|blocks| blocks.len())).collect()
    }
}
