//! `petrel node`: a Driver on tokio, until a signal ends it.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    Event,
    config::{AddressScope, Settled},
    event::SeenAt,
    net::{Driver, DriverParts, NetError},
    persistence::RestoredState,
};
use tokio::task::JoinSet;

use crate::{
    cli::{
        flags::Events,
        settings::{Net, Settings},
    },
    host::{MessageLoss, TokioHost},
    identity::{Identity, IdentityError},
    network::{
        discovery::{Discovery, Found, OurRecord},
        nat::{self, Mapped, Nat},
        transport::{self, Traffic},
    },
    serve::{
        control,
        control::service::{self, Desk, Door},
        events::{self, Printer},
        health::{self, Health},
        metrics::{self, Metrics},
        page::{self, Page},
    },
    signer::{KeepError, L1Error, Reading, Watch},
    store::{Store, StoreError},
    system::file_limit,
};

/// How long it may take to close all connections at the end, and what was said last to go out.
const PARTING: Duration = Duration::from_millis(500);
const LAST_PACKETS: Duration = Duration::from_millis(50);

/// Why a node stopped before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// What was kept of the chain cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was kept of the signer cannot be used.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// L1 is not the rollup's.
    #[error("--l1: {0}")]
    L1(#[from] L1Error),
    /// Discovery cannot start.
    #[error("{0}")]
    Discovery(String),
    /// A devnet's followers do not agree at its end.
    #[error("the followers are apart: {0}")]
    Apart(String),
    /// The metrics contradict each other: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The transport, the page or the metrics cannot be set up.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Follows the chain until Ctrl-C or SIGTERM.
///
/// # Errors
/// See [`DaemonError`]; all come before anything runs, but for an L1 that is found to be another chain's.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let mut stop = std::pin::pin!(stop_signal());
    file_limit::raise_limit();
    fs::create_dir_all(&settings.datadir).map_err(|error| {
        let what = format!("--datadir {} cannot be made or is no folder", settings.datadir.display());
        DaemonError::Io { what, error }
    })?;
    let identity = Identity::open(&settings.identity)?;
    let chain = &settings.config.chain;
    let (store, memory) = Store::open(&settings.datadir, chain, settings.budget)?;
    tracing::info!(chain = %chain.name, id = chain.id, schedule = %settings.schedule_origin(), signer = %settings.signer_origin(), "following");
    warn_of_loneliness(&settings, memory.peers.len());
    if let Some(head) = memory.chain.last() {
        tracing::info!(number = head.number, hash = %head.hash, "head of the last run");
    }
    let traffic = Traffic::default();
    let body = Body { store: Some(store.clone()), memory, traffic: traffic.clone(), ..Body::default() };
    let mut driver = driver(&identity, settings.config.clone(), &settings.net, body)?;
    let page = match settings.http {
        Some(at) => {
            let page = Page::new(&settings.config, page::listens(&settings.net.listen), settings.advertised.as_deref());
            Some(serve_page(at, page, &identity).await?)
        }
        None => None,
    };
    let mut desk = Desk::default();
    let metrics = match settings.metrics {
        Some(at) => Some(serve_metrics(at, Metrics::new(traffic, store.holdings())?, desk.door()).await?),
        None => None,
    };
    let socket = control::open(&settings.datadir, desk.door()).inspect_err(|error| {
        let file = settings.datadir.join(control::FILE);
        tracing::warn!(%error, file = %file.display(), "there is no socket: `petrel peers` and `bans` cannot ask this node");
    });
    let mut watch = match settings.l1 {
        Some(source) => Some(Watch::start(source, store.clone(), &mut driver)?),
        None => None,
    };
    let mut plan = settings.discovery;
    let mut starting = JoinSet::new();
    let mut discovery = None::<Discovery>;
    let mut nat = None;
    // Where peers were told that the router has us.
    let mut forwarded = None;
    // Where we are: said by the operator, or by a router; then it is not peers' to say.
    let mut is_said = settings.advertised.is_some();
    let near = settings.config.dial_scope == Some(AddressScope::Any);
    let router = settings.nat.then(|| (near, listens_at(&settings.net.listen)));
    let mut printer = Printer::stdout(settings.events == Events::Json);
    let mut health = health::ticks();
    let mut looks = metrics::peer_ticks();
    loop {
        tokio::select! {
            event = driver.next() => {
                let Some(event) = event else { break };
                events::log(&event);
                note(page.as_ref(), &event);
                if let Some(metrics) = &metrics {
                    metrics.note(&event);
                    metrics.ended(driver.take_ended_requests());
                }
                if let Some(watch) = &mut watch {
                    watch.note(&event);
                }
                if let (Event::Connected(_) | Event::Disconnected(_), Some(discovery)) = (&event, &discovery) {
                    discovery.set_needy(driver.needs_peers());
                }
                printer.print(&event);
                if let (Event::Observed(seen), false) = (&event, is_said)
                    && let Some(record) = seen_at(seen, &mut discovery, &mut driver)
                {
                    printer.print(record);
                }
                if let Some(port) = tcp_port(&event) {
                    if let Some(plan) = plan.take() {
                        // A host name is looked up there, which may take long.
                        let (keypair, store) = (identity.keypair.clone(), store.clone());
                        starting.spawn(async move { Discovery::start(plan, &keypair, port, store).await });
                    } else if let (Some((near, local)), None, true) = (router, &nat, starting.is_empty()) {
                        nat = Some(forward(port, discovery.as_ref(), near, local));
                    }
                }
            }
            Some(started) = starting.join_next() => {
                let started = started.map_err(|error| DaemonError::Discovery(error.to_string()))?;
                let mut started = started.map_err(DaemonError::Discovery)?;
                for place in driver.status().peering.observed.iter().filter(|_| !is_said).filter_map(|seen| tcp(seen)) {
                    started.seen(place);
                }
                if let Some(address) = &started.external {
                    driver.advertise(address.clone());
                }
                started.set_needy(driver.needs_peers());
                printer.print(&started.record);
                if let Some((near, local)) = router {
                    nat = Some(forward(started.tcp, Some(&started), near, local));
                }
                discovery = Some(started);
            }
            mapped = next_mapped(&mut nat) => {
                is_said = true;
                if let Some(record) = moved(mapped, &mut forwarded, &mut discovery, &mut driver) {
                    printer.print(record);
                }
            }
            reading = next_reading(&mut watch) => {
                if let Some(watch) = &mut watch {
                    watch.take(reading, &mut driver)?;
                }
            }
            Some(found) = next_found(&mut discovery) => driver.discovered(&found.peer, &found.addresses),
            _ = health.tick() => printer.print(&Health::of(&driver.status())),
            ask = desk.next() => service::answer(ask, &mut driver, &store),
            _ = looks.tick() => look(&driver, metrics.as_deref()),
            () = &mut stop => break,
        }
    }
    drop(socket);
    if let Some(nat) = nat {
        nat.end().await;
    }
    starting.shutdown().await;
    part(&mut driver).await;
    // What waits for the disk is written first.
    drop((discovery, driver, watch, store));
    printer.finish();
    tracing::info!("stopped");
    Ok(())
}

/// Closes every connection, as long as that takes no second.
async fn part(driver: &mut Driver<TokioHost>) {
    driver.close_connections();
    let closed = async {
        while !driver.has_no_connections() {
            driver.next().await;
        }
    };
    let _over = tokio::time::timeout(PARTING, closed).await;
    // QUIC's last packets go out by tasks of its own.
    tokio::time::sleep(LAST_PACKETS).await;
}

/// Says so when nobody will be dialled, or nothing fetched.
fn warn_of_loneliness(settings: &Settings, known: usize) {
    let statics = &settings.config.static_peers;
    match &settings.discovery {
        None if settings.net.listen.is_empty() => tracing::warn!("--p2p.disable: no peers, no new blocks"),
        None if statics.is_empty() => {
            tracing::warn!(
                "--p2p.no-discovery and no --p2p.static: nobody is dialled, the node waits for peers to come"
            );
        }
        Some(plan) if statics.is_empty() && plan.boot.is_empty() && known == 0 => {
            tracing::warn!("no boot nodes, no --p2p.static and nobody known: the node waits for peers to come");
        }
        _ => {}
    }
    if settings.config.sync.static_only && statics.is_empty() {
        tracing::warn!("--p2p.sync.onlyreqtostatic without --p2p.static: missed blocks are fetched from nobody");
    }
}

/// The TCP port on which the node listens for nodes.
fn tcp_port(event: &Event) -> Option<u16> {
    let Event::Listening(listening) = event else { return None };
    tcp(&listening.address).map(|at| at.port())
}

/// IP and TCP port of a multiaddr that has nothing else.
fn tcp(multiaddr: &str) -> Option<SocketAddr> {
    petrel_core::address::tcp(multiaddr).map(SocketAddr::from)
}

/// The IPv4 address on which the node listens, if it is one and no wildcard.
fn listens_at(listen: &[Multiaddr]) -> Option<Ipv4Addr> {
    let ips = listen.iter().flat_map(|address| address.iter());
    ips.filter_map(|part| if let Protocol::Ip4(ip) = part { Some(ip) } else { None }).find(|ip| !ip.is_unspecified())
}

/// Asks the router to forward the port, and discovery's.
fn forward(tcp: u16, discovery: Option<&Discovery>, near: bool, local: Option<Ipv4Addr>) -> Nat {
    let udp = discovery.map(|discovery| discovery.record.udp);
    Nat::start(nat::Plan { local, tcp, udp, near, search: nat::SSDP })
}

/// Never, without `--p2p.nat`.
async fn next_mapped(nat: &mut Option<Nat>) -> Mapped {
    match nat {
        Some(nat) => nat.next().await,
        None => std::future::pending().await,
    }
}

/// Tells peers where the router has us, unless the operator has said where we are, and no more what was told before: where it
/// had us, or where peers saw us; our record where it changes.
fn moved<'a>(
    mapped: Mapped,
    told: &mut Option<Multiaddr>,
    discovery: &'a mut Option<Discovery>,
    driver: &mut Driver<TokioHost>,
) -> Option<&'a OurRecord> {
    if !discovery.as_ref().is_some_and(Discovery::is_fixed) {
        let address = Multiaddr::from(mapped.ip).with(Protocol::Tcp(mapped.tcp));
        let observed = driver.status().peering.observed.into_iter().filter_map(|seen| seen.parse().ok());
        for before in observed.chain(told.take()).filter(|before| *before != address) {
            driver.withdraw(&before);
        }
        driver.advertise(address.clone());
        *told = Some(address);
    }
    discovery.as_mut()?.moved(&mapped)
}

/// Tells peers, and by our record everybody, where peers see us, or peers no more; our record where it changes.
fn seen_at<'a>(
    seen: &SeenAt,
    discovery: &'a mut Option<Discovery>,
    driver: &mut Driver<TokioHost>,
) -> Option<&'a OurRecord> {
    let (address, place) = (seen.address.parse::<Multiaddr>().ok()?, tcp(&seen.address)?);
    let discovery = discovery.as_mut();
    if seen.agreed {
        driver.advertise(address);
        return discovery?.seen(place);
    }
    // Where we listen is where we are, whatever peers say.
    if discovery.and_then(|discovery| discovery.external.as_ref()) != Some(&address) {
        driver.withdraw(&address);
    }
    None
}

/// Never, without discovery.
async fn next_found(discovery: &mut Option<Discovery>) -> Option<Found> {
    match discovery {
        Some(discovery) => discovery.next().await,
        None => std::future::pending().await,
    }
}

/// Never, without L1.
async fn next_reading(watch: &mut Option<Watch>) -> Result<Reading, L1Error> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

/// What a Driver keeps, and what was kept.
#[derive(Debug, Default)]
pub struct Body {
    /// Where things are kept; without it they are not.
    pub store: Option<Store>,
    /// What an earlier run kept.
    pub memory: RestoredState,
    /// Counts the bytes of its connections.
    pub traffic: Traffic,
    /// Messages that are lost on purpose.
    pub loss: MessageLoss,
}

/// A Driver that listens, on the daemon's transport and threads.
///
/// # Errors
/// The transport cannot be made, or an address cannot be listened on.
pub fn driver(identity: &Identity, config: Settled, net: &Net, body: Body) -> Result<Driver<TokioHost>, DaemonError> {
    let transport = transport::build(&identity.keypair, net, &body.traffic)
        .map_err(|error| DaemonError::Io { what: "transport".to_owned(), error })?;
    let mut driver = Driver::new(DriverParts {
        config,
        restored: body.memory,
        identity: identity.keypair.clone(),
        agent: net.agent.clone(),
        transport,
        swarm: libp2p::swarm::Config::with_tokio_executor(),
        seed: seed(),
        host: TokioHost::new(body.store).losing(body.loss),
    })?;
    for address in &net.listen {
        is_free(address)?;
        driver.listen(address.clone())?;
    }
    Ok(driver)
}

/// Whether nobody listens there yet. The transport shares ports, to dial from them: it would share one with another
/// process too, and each would get a part of the other's connections.
fn is_free(address: &Multiaddr) -> Result<(), DaemonError> {
    let (mut ip, mut port) = (None, None);
    for part in address {
        match part {
            Protocol::Ip4(found) => ip = Some(IpAddr::from(found)),
            Protocol::Ip6(found) => ip = Some(IpAddr::from(found)),
            Protocol::Tcp(found) => port = Some(found),
            _ => {}
        }
    }
    let (Some(ip), Some(port)) = (ip, port) else { return Ok(()) };
    let what =
        format!("cannot listen on {ip}:{port}; give another --p2p.listen.ip, --p2p.listen.tcp or --p2p.listen.ws");
    std::net::TcpListener::bind((ip, port)).map(drop).map_err(|error| DaemonError::Io { what, error })
}

/// Serves the page, and a record that `identity` signs, and says where.
///
/// # Errors
/// The address is taken.
pub async fn serve_page(
    (ip, port): (IpAddr, u16),
    page: Page,
    identity: &Identity,
) -> Result<Arc<Mutex<Page>>, DaemonError> {
    let page = Arc::new(Mutex::new(page));
    let url = page::serve((ip, port).into(), page.clone(), identity.keypair.clone())
        .await
        .map_err(|error| DaemonError::Io { what: format!("cannot serve the page on {ip}:{port}"), error })?;
    tracing::info!(%url, "page");
    page.lock().unwrap_or_else(PoisonError::into_inner).url = url;
    Ok(page)
}

/// Serves the metrics and says where.
async fn serve_metrics((ip, port): (IpAddr, u16), metrics: Metrics, door: Door) -> Result<Arc<Metrics>, DaemonError> {
    let metrics = Arc::new(metrics);
    let url = metrics::serve((ip, port).into(), metrics.clone(), door).await.map_err(|error| DaemonError::Io {
        what: format!("cannot serve metrics on {ip}:{port}; give another --metrics.addr or --metrics.port"),
        error,
    })?;
    tracing::info!(%url, "metrics");
    Ok(metrics)
}

/// Looks at each peer's score.
fn look(driver: &Driver<TokioHost>, metrics: Option<&Metrics>) {
    if metrics.is_some() || tracing::enabled!(tracing::Level::DEBUG) {
        let peers = driver.peers();
        metrics::log_peers(&peers);
        if let Some(metrics) = metrics {
            metrics.scores(&peers);
        }
    }
}

/// Tells the page what changes for it.
pub fn note(page: Option<&Arc<Mutex<Page>>>, event: &Event) {
    if let Some(page) = page {
        page.lock().unwrap_or_else(PoisonError::into_inner).note(event);
    }
}

/// Whole seconds since the Unix epoch, by the system's clock.
pub(crate) fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Ends at the first Ctrl-C, SIGTERM, or SIGHUP of a terminal that went away. A second one ends the process at once. They are
/// listened for from this call on, not from the first poll.
pub fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let [term, int, hup] = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    async move {
        let (Ok(mut term), Ok(mut int), Ok(mut hup)) = (term, int, hup) else {
            return std::future::pending().await;
        };
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, _ = hup.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            std::process::exit(130);
        });
    }
}

/// 32 random bytes, from the generator that makes libp2p's keys.
pub(crate) fn seed() -> [u8; 32] {
    libp2p::identity::secp256k1::Keypair::generate().secret().to_bytes()
}
