//! `petrel devnet`: a local chain in one command.
//!
//! A sequencer builds valid signed blocks and gossips them over TCP on loopback; followers, each a complete node, verify them; the
//! first one listens on WebSocket and WebTransport and serves the page. All validate every block: the sequencer its own before it
//! publishes, a follower the received ones. With `--drop` followers drop a share of the received messages, which shows how gaps are
//! closed.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use petrel_core::{
    chain::Chain,
    config::{Config, Settled, StaticPeer},
    peer::PeerId,
    sign::Key,
};
use tokio::sync::oneshot;

mod block_builder;
mod chain;
mod follower_heads;
mod followers;
mod sequencer;
mod settings;
mod transactions;
mod upgrade;
mod view;

pub use block_builder::{BlockBuilder, BuiltBlock};
pub use settings::DevnetSettings;
pub use upgrade::NetworkUpgrade;

use crate::{
    cli::settings::ListenPorts,
    daemon::DaemonError,
    host::MessageLoss,
    identity::{Identity, random_seed},
    network::{DriverResources, NetworkConfig, build_driver},
    store::{Store, StoreBudget},
    system::{hangup::HangupSignal, stop_signal::stop_signal},
};
use followers::Followers;

/// How long a gap may stay open while no peer has its blocks: loopback has no delays.
const GAP_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs until `--blocks` are verified, or a signal ends it.
///
/// # Errors
/// See [`DaemonError`]; all except [`DaemonError::HeadsDiffer`] occur before the first block.
pub async fn run(settings: DevnetSettings) -> Result<(), DaemonError> {
    let key = random_key();
    let chain = settings.chain(key.address()).map_err(|error| devnet_error(io::Error::other(error)))?;
    let config = config(chain.clone(), Vec::new())?;
    let sequencer = Identity::generate();
    let driver = build_driver(&sequencer, config, &network_config(ListenPorts::default()), resources(&chain)?)?;
    let (address_sender, address) = oneshot::channel();
    let builder = BlockBuilder::new(chain.clone(), key, settings.block_bytes);
    let sequencer_task = tokio::spawn(sequencer::run(driver, builder, address_sender));

    let address = address.await.unwrap_or_default();
    let peer = PeerId::from_bytes(&sequencer.keypair.public().to_peer_id().to_bytes()).ok();
    let statics = peer.map(|peer| StaticPeer { peer, addresses: vec![address] });
    let config = self::config(chain, statics.into_iter().collect())?;
    let result = follow(&settings, config).await;
    sequencer_task.abort();
    result
}

/// Runs the followers, each in a task of its own, until the end.
async fn follow(settings: &DevnetSettings, config: Settled) -> Result<(), DaemonError> {
    let (stopped, mut hangup) = (stop_signal(), HangupSignal::install());
    // A devnet has nothing to read again.
    let stop = async move {
        tokio::select! { () = stopped => {}, _ = hangup.next() => {} }
    };
    let first = Identity::generate();
    let mut followers = Followers::new(settings, &config, &first).await?;
    for which in 0..settings.followers {
        let (ports, identity) = match which {
            0 => (settings.ports, &first),
            _ => (ListenPorts::default(), &Identity::generate()),
        };
        let loss = MessageLoss::percent(settings.loss);
        let resources = DriverResources { loss: loss.clone(), ..resources(&config.chain)? };
        let driver = build_driver(identity, config.clone(), &network_config(ports), resources)?;
        followers.spawn(driver, loss);
    }
    followers.run(stop).await
}

/// Blocks are stored in memory, as long as the devnet runs.
fn resources(chain: &Chain) -> Result<DriverResources, DaemonError> {
    let failed = |error: redb::Error| devnet_error(io::Error::other(error));
    let store = Store::in_memory(chain, StoreBudget::default()).map_err(failed)?;
    Ok(DriverResources { store: Some(store), ..DriverResources::default() })
}

fn config(chain: Chain, statics: Vec<StaticPeer>) -> Result<Settled, DaemonError> {
    let mut config = Config::new(chain);
    config.static_peers = statics;
    config.gap_timeout = GAP_TIMEOUT;
    config.settle().map_err(|error| devnet_error(io::Error::other(error)))
}

fn devnet_error(error: io::Error) -> DaemonError {
    DaemonError::io("devnet")(error)
}

/// Listens on loopback.
fn network_config(ports: ListenPorts) -> NetworkConfig {
    let agent = concat!("petrel-devnet/", env!("CARGO_PKG_VERSION"));
    NetworkConfig::new(ports.on(IpAddr::V4(Ipv4Addr::LOCALHOST)).collect(), agent)
}

/// A new key of the sequencer.
fn random_key() -> Key {
    loop {
        // A random scalar is invalid with a probability of 2^-128.
        if let Ok(key) = Key::from_bytes(&random_seed()) {
            return key;
        }
    }
}
