//! A sequencer with a store, which listens: five blocks of 50 kB each time that it is due, so that there is much to keep.

use std::{fs, path::Path, sync::mpsc::channel, thread, time::Duration};

use futures::StreamExt;
use petrel_core::{Event, chain::Chain, config::Config, fork::Fork};
use petrel_node::{
    cli::settings::Net,
    command::devnet::Maker,
    daemon,
    identity::Identity,
    store::{Budget, Store},
};
use petrel_tests::{forge, sequencer};

/// Between two blocks.
const PACE: Duration = Duration::from_millis(100);
/// Bytes of a block.
const BLOCK: usize = 50_000;

/// See the module. It runs until the process ends.
pub(crate) struct Sequencer {
    pub(crate) chain: Chain,
    pub(crate) address: String,
    pub(crate) signer: String,
}

impl Sequencer {
    /// Starts it, with its `rollup.json` in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        // Blocks are made faster than one a second: they begin in the past, and are believed all the same.
        let chain = sequencer::chain(Fork::Jovian, 1);
        let chain = forge::begun(&chain, 0, chain.genesis.time - 1_000, Duration::from_secs(1));
        fs::write(folder.join("rollup.json"), chain.to_rollup_json().to_string()).unwrap();
        let mut config = Config::new(chain.clone());
        config.signer = Some(forge::key(1).address());
        config.max_age = Duration::from_secs(3600);
        (config.sync.limits.all, config.sync.limits.peer) = (None, None);
        let (found, address) = channel();
        let mut maker = Maker::new(chain.clone(), forge::key(1), BLOCK);
        let store = Store::in_memory(&chain, Budget::default()).unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let net = Net::new(vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()], "sequencer");
                let body = daemon::Body { store: Some(store), ..daemon::Body::default() };
                let mut driver = daemon::driver(&Identity::generate(), config.settle().unwrap(), &net, body).unwrap();
                let mut ticks = tokio::time::interval(PACE);
                loop {
                    tokio::select! {
                        event = driver.next() => match event {
                            Some(Event::Listening(listening)) => found.send(listening.address).unwrap(),
                            Some(_) => {}
                            None => return,
                        },
                        _ = ticks.tick() => {
                            let made = maker.make().unwrap();
                            driver.publish(made.version, made.message.into());
                        }
                    }
                }
            });
        });
        let address = address.recv().unwrap();
        Self { chain, address, signer: forge::key(1).address().to_string() }
    }
}
