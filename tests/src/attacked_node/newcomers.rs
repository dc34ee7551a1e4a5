//! New browsers, one after the other, each of a network of its own: how long they wait for their first block.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use futures::StreamExt;
use petrel_core::Event;
use petrel_node::{
    identity::Identity,
    network::{self, DriverResources, NetworkConfig},
};

use super::waits::Waits;
use crate::{
    attackers::{Target, addresses::source},
    local_network::settled,
};

/// Time between two of them.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug)]
pub(super) struct Newcomers {
    waits: Receiver<Option<Duration>>,
}

impl Newcomers {
    pub(super) fn start(target: &Target) -> Self {
        let target = target.clone();
        let (sender, waits) = channel();
        thread::spawn(move || run(&target, &sender));
        Self { waits }
    }

    pub(super) fn end(self) -> Waits {
        Waits::new(self.waits.try_iter())
    }
}

/// Runs one after the other until nobody reads their waits.
fn run(target: &Target, waits: &Sender<Option<Duration>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut interval = tokio::time::interval(INTERVAL);
        for network in (0..=u8::MAX).cycle() {
            interval.tick().await;
            let wait = first_block(target, network).await;
            if waits.send(wait).is_err() {
                return;
            }
        }
    });
}

/// The time until the first block; `None` when none came in time.
async fn first_block(target: &Target, network: u8) -> Option<Duration> {
    let config = settled(&target.chain, Some(&target.ws_from(source(204, network, 1)).to_string()), |_| {});
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
