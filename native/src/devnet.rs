//! `petrel devnet`: a local chain in one command.
//!
//! A sequencer makes valid signed blocks and gossips them over real TCP on loopback; a follower, a whole daemon in itself,
//! verifies them, listens on WebSocket and serves the page. Both judge every block: the sequencer its own before it
//! publishes, the follower what arrives.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures::StreamExt;
use petrel_core::{
    Event,
    config::{Config, Static},
    event::Via,
    peer::PeerId,
    sign::Key,
};
use tokio::sync::oneshot;

mod chain;
mod maker;
mod sequencer;
mod settings;
mod transactions;
mod view;

pub use maker::{Made, Maker};
pub use settings::Settings;

use crate::{
    daemon::{self, DaemonError},
    events::{self, Printer},
    flags::Events,
    identity::Identity,
    settings::{Net, Security, listen_on},
};
use view::View;

/// How long a gap may stay open: on loopback nothing is late.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs until `--blocks` are verified, or a signal ends it.
///
/// # Errors
/// See [`DaemonError`]; all of them come before the first block.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let key = fresh_key();
    let chain = chain::devnet(&settings, key.address());
    let config = config(chain.clone(), Vec::new())?;
    let sequencer = Identity::generate();
    let driver = daemon::driver(&sequencer, config, &net(None))?;
    let (listening, address) = oneshot::channel();
    let maker = Maker::new(chain.clone(), key, settings.block_bytes);
    let running = tokio::spawn(sequencer::run(driver, maker, listening));

    let address = address.await.unwrap_or_default();
    let peer = PeerId::from_bytes(&sequencer.keypair.public().to_peer_id().to_bytes()).ok();
    let statics = peer.map(|peer| Static { peer, addresses: vec![address] });
    let followed = follow(&settings, self::config(chain, statics.into_iter().collect())?).await;
    running.abort();
    followed
}

async fn follow(settings: &Settings, config: petrel_core::config::Settled) -> Result<(), DaemonError> {
    let mut driver = daemon::driver(&Identity::generate(), config.clone(), &net(Some(settings.listen_ws)))?;
    let page = daemon::serve_page(settings.http, &config).await?;
    let url = page.lock().map(|page| page.url.clone()).unwrap_or_default();
    let json = settings.events == Events::Json;
    let mut view = View::start(json, &config.chain, &url);
    let mut printer = Printer::stdout(json);
    let mut stop = std::pin::pin!(daemon::stop_signal());
    let mut verified = 0;
    loop {
        let event = tokio::select! {
            event = driver.next() => event,
            () = &mut stop => None,
        };
        let Some(event) = event else { break };
        events::log(&event);
        daemon::note(Some(&page), &event);
        printer.print(&event);
        view.show(&event);
        verified += u64::from(matches!(&event, Event::Block(block) if block.via == Via::Gossip));
        if settings.blocks.is_some_and(|blocks| verified >= blocks) {
            break;
        }
    }
    printer.finish();
    Ok(())
}

fn config(chain: petrel_core::chain::Chain, statics: Vec<Static>) -> Result<petrel_core::config::Settled, DaemonError> {
    let mut config = Config::new(chain);
    config.statics = statics;
    config.gap_patience = PATIENCE;
    config.settle().map_err(|error| DaemonError::Io { what: "devnet".to_owned(), error: std::io::Error::other(error) })
}

/// TCP on loopback, and WebSocket where a port is given.
fn net(ws: Option<u16>) -> Net {
    Net {
        listen: listen_on(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, ws).collect(),
        security: vec![Security::Noise],
        timeout: Duration::from_secs(10),
        agent: concat!("petrel-devnet/", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// The sequencer's key lives as long as its chain.
fn fresh_key() -> Key {
    loop {
        // A random scalar is a key but for one chance in 2^128.
        if let Ok(key) = Key::from_bytes(&daemon::seed()) {
            return key;
        }
    }
}
