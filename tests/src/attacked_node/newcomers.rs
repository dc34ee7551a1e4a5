//! New browsers, one after the other, each of a network of its own: how long they wait for their first block.

use std::time::{Duration, Instant};

use futures::StreamExt;
use petrel_core::Event;
use petrel_node::{
    identity::Identity,
    network::{self, DriverResources, NetworkConfig},
};

use super::waits::Attempts;
use crate::{
    attackers::{
        Target,
        addresses::{Role, source},
    },
    local_network::settled,
};

/// Time between two of them.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub(super) fn start(target: &Target) -> Attempts {
    let target = target.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut networks = (0..=u8::MAX).cycle();
    Attempts::repeat(INTERVAL, move || runtime.block_on(first_block(&target, networks.next()?)))
}

/// The time until the first block; `None` when none came in time.
async fn first_block(target: &Target, network: u8) -> Option<Duration> {
    let config = settled(&target.chain, Some(&target.ws_from(source(Role::Newcomer, network)).to_string()), |_| {});
    let net = NetworkConfig::new(Vec::new(), "newcomer");
    let begin = Instant::now();
    let mut driver = network::build_driver(&Identity::generate(), config, &net, DriverResources::default()).ok()?;
    let block = async {
        loop {
            if let Event::Block(_) = driver.next().await? {
                return Some(begin.elapsed());
            }
        }
    };
    tokio::time::timeout(PATIENCE, block).await.ok().flatten()
}
