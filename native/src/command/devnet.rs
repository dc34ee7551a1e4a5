//! `petrel devnet`: a local chain in one command.
//!
//! A sequencer makes valid signed blocks and gossips them over real TCP on loopback; followers, each a whole daemon in itself,
//! verify them; the first one listens on WebSocket and serves the page. All judge every block: the sequencer its own
//! before it publishes, a follower what arrives. With `--drop` part of what arrives is lost, and gaps are seen to be closed.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures::StreamExt;
use petrel_core::{
    Event,
    chain::Chain,
    config::{Config, StaticPeer},
    net::Driver,
    peer::PeerId,
    sign::Key,
};
use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

mod block_builder;
mod chain;
mod follower_heads;
mod sequencer;
mod settings;
mod transactions;
mod view;

pub use block_builder::{Made, Maker};
pub use chain::Upgrade;
pub use settings::Settings;

use crate::{
    cli::flags::Events,
    cli::settings::{Net, Ports},
    daemon::{self, Body, DaemonError},
    host::{MessageLoss, TokioHost},
    identity::Identity,
    serve::events::{self, Printer},
    serve::page::Page,
    store::{Budget, Store},
};
use follower_heads::Heads;
use view::View;

/// How long a gap may stay open with nobody to fill it: on loopback nothing is late.
const PATIENCE: Duration = Duration::from_secs(3);
/// Events that wait to be shown; then their follower waits.
const WAITING: usize = 1024;

/// Runs until `--blocks` are verified, or a signal ends it.
///
/// # Errors
/// See [`DaemonError`]; all of them come before the first block.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let key = fresh_key();
    let chain = settings.chain(key.address()).map_err(|error| unusable(io::Error::other(error)))?;
    let config = config(chain.clone(), Vec::new())?;
    let sequencer = Identity::generate();
    let driver = daemon::driver(&sequencer, config, &net(Ports::default()), body(&chain)?)?;
    let (listening, address) = oneshot::channel();
    let maker = Maker::new(chain.clone(), key, settings.block_bytes);
    let running = tokio::spawn(sequencer::run(driver, maker, listening));

    let address = address.await.unwrap_or_default();
    let peer = PeerId::from_bytes(&sequencer.keypair.public().to_peer_id().to_bytes()).ok();
    let statics = peer.map(|peer| StaticPeer { peer, addresses: vec![address] });
    let followed = follow(&settings, self::config(chain, statics.into_iter().collect())?).await;
    running.abort();
    followed
}

/// Runs the followers, each in a task of its own, and shows what they tell.
async fn follow(settings: &Settings, config: petrel_core::config::Settled) -> Result<(), DaemonError> {
    let mut stop = std::pin::pin!(daemon::stop_signal());
    let first = Identity::generate();
    let page = daemon::serve_page(settings.http, Page::new(&config, true, None), &first).await?;
    let url = page.lock().map(|page| page.url.clone()).unwrap_or_default();
    let json = settings.events == Events::Json;
    let mut view = View::start(json, &config.chain, &url);
    let mut printer = Printer::stdout(json);
    let mut heads = Heads::new(settings.followers, settings.blocks);
    let (tell, mut told) = mpsc::channel(WAITING);
    let (end, ending) = watch::channel(());
    let mut followers = JoinSet::new();
    for which in 0..settings.followers {
        let (ports, identity) = match which {
            0 => (settings.ports, &first),
            _ => (Ports::default(), &Identity::generate()),
        };
        let loss = MessageLoss::percent(settings.loss);
        let body = Body { loss: loss.clone(), ..body(&config.chain)? };
        let driver = daemon::driver(identity, config.clone(), &net(ports), body)?;
        followers.spawn(pass_on(which, driver, tell.clone(), ending.clone(), loss));
    }
    while !heads.are_done() {
        let next = tokio::select! {
            next = told.recv() => next,
            () = &mut stop => None,
            () = heads.patience() => return Err(DaemonError::Apart(heads.in_words())),
        };
        let Some((which, event)) = next else { break };
        if heads.note(which, &event) {
            // From here on nothing is lost, so that all can end at one block.
            end.send_replace(());
        }
        if which == 0 {
            events::log(&event);
            daemon::note(Some(&page), &event);
        }
        if settings.followers == 1 {
            printer.print(&event);
            view.show(&event);
        } else {
            view.show_of(which + 1, &event);
            printer.print(&Labelled { follower: which + 1, event });
        }
    }
    if heads.are_done() && settings.followers > 1 {
        view.say(&heads.in_words());
        printer.print(&heads.told());
    }
    printer.finish();
    if heads.are_done() && !heads.told().equal { Err(DaemonError::Apart(heads.in_words())) } else { Ok(()) }
}

/// Events of one follower, until nobody listens; when the end begins, nothing is lost any more.
async fn pass_on(
    which: usize,
    mut driver: Driver<TokioHost>,
    tell: mpsc::Sender<(usize, Event)>,
    mut ending: watch::Receiver<()>,
    loss: MessageLoss,
) {
    loop {
        tokio::select! {
            event = driver.next() => {
                let Some(event) = event else { return };
                if tell.send((which, event)).await.is_err() {
                    return;
                }
            }
            Ok(()) = ending.changed() => loss.end(),
        }
    }
}

/// An event of one of several followers.
#[derive(Serialize)]
struct Labelled {
    follower: usize,
    #[serde(flatten)]
    event: Event,
}

/// Blocks are kept as long as the devnet lives.
fn body(chain: &Chain) -> Result<Body, DaemonError> {
    let failed = |error: redb::Error| unusable(io::Error::other(error));
    Ok(Body { store: Some(Store::in_memory(chain, Budget::default()).map_err(failed)?), ..Body::default() })
}

fn config(chain: Chain, statics: Vec<StaticPeer>) -> Result<petrel_core::config::Settled, DaemonError> {
    let mut config = Config::new(chain);
    config.static_peers = statics;
    config.gap_patience = PATIENCE;
    config.settle().map_err(|error| unusable(io::Error::other(error)))
}

fn unusable(error: io::Error) -> DaemonError {
    DaemonError::Io { what: "devnet".to_owned(), error }
}

/// Listens on loopback.
fn net(ports: Ports) -> Net {
    Net::new(ports.on(IpAddr::V4(Ipv4Addr::LOCALHOST)).collect(), concat!("petrel-devnet/", env!("CARGO_PKG_VERSION")))
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
