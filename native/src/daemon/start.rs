//! Builds the daemon from its settings and files: driver, servers, and the reader of the signer.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{config::AddressScope, persistence::RestoredState};

use super::{
    Daemon, discovery::DiscoveryStarter, error::DaemonError, evidence_files::EvidenceFiles, files::DaemonFiles,
    other_relays, outputs::Outputs, reload::Reloader,
};
use crate::{
    cli::{flags::EventFormat, settings::NodeSettings},
    identity::{Identity, IdentitySource},
    network::{
        DriverResources, OurAddresses,
        browser_address::has_browser_address,
        build_driver,
        nat::{self, PortMapperConfig},
        transport::TrafficCounters,
    },
    serve::{
        control::{self, ControlHandle, ControlService, ControlSocket},
        events::EventPrinter,
        health::{HealthMonitor, SharedHealth},
        metrics::{self, Metrics},
        page,
        peer_log::PeerLog,
        rejection_log::RejectionLog,
        relay_info::{RelayInfo, SharedRelayInfo},
    },
    signer::SignerWatcher,
    store,
    system::{file_limit, private_files},
};

impl Daemon {
    /// Starts everything except discovery and the port mapper, which need the listening port.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub(super) async fn start(mut settings: NodeSettings, files: DaemonFiles) -> Result<Self, DaemonError> {
        file_limit::raise_limit();
        let DaemonFiles { identity, store, memory } = files;
        warn_of_loose_modes(&settings);
        log_start(&settings, &memory);
        let health = HealthMonitor::new(&memory, settings.datadir.clone(), settings.l1.is_some());
        let traffic = TrafficCounters::default();
        let resources = DriverResources {
            store: Some(store.clone()),
            memory,
            traffic: traffic.clone(),
            ..DriverResources::default()
        };
        let mut driver = build_driver(&identity, settings.config.clone(), &settings.network, resources)?;
        let relay_info = match settings.http {
            Some(at) => Some(start_page(at, &mut settings, &identity, health.shared()).await?),
            None => None,
        };
        let control = ControlService::default();
        let metrics = match settings.metrics {
            Some(at) => {
                let metrics = Metrics::new(traffic, store.usage())?;
                Some(start_metrics(at, metrics, control.handle(), &settings.hosts, health.shared()).await?)
            }
            None => None,
        };
        let control_socket = open_control_socket(&settings, control.handle());
        let printer = EventPrinter::stdout(settings.events == EventFormat::Json);
        let port_mapper_config = port_mapper_config(&settings);
        let reloader = Reloader::new(settings.datadir.clone(), settings.network.reread.clone());
        let signer = match settings.l1 {
            Some(source) => Some(SignerWatcher::start(source, store.clone(), &mut driver)?),
            None => None,
        };
        Ok(Self {
            driver,
            addresses: OurAddresses::new(settings.advertised.as_deref()),
            relay_finder: other_relays::start_finder(settings.discovery.as_ref(), relay_info.as_ref()),
            discovery_starter: DiscoveryStarter::new(settings.discovery, identity.keypair.clone(), store.clone()),
            store,
            discovery: None,
            port_mapper: None,
            port_mapper_config,
            signer,
            control,
            control_socket,
            outputs: Outputs {
                printer,
                relay_info,
                metrics,
                log: PeerLog::default(),
                rejections: RejectionLog::default(),
                evidence: EvidenceFiles::new(&settings.datadir, settings.config.chain.id),
            },
            health,
            score_ticks: metrics::peer_score_ticks(),
            reloader,
            _identity: identity,
        })
    }
}

/// Warns if the data directory, the store or the key may be used by other users.
fn warn_of_loose_modes(settings: &NodeSettings) {
    let store = settings.datadir.join(store::FILE);
    let key = match &settings.identity {
        IdentitySource::File(file) => Some(file.as_path()),
        IdentitySource::Raw(_) => None,
    };
    private_files::warn_of_loose_modes([settings.datadir.as_path(), store.as_path()].into_iter().chain(key));
}

fn log_start(settings: &NodeSettings, memory: &RestoredState) {
    let chain = &settings.config.chain;
    let (schedule, signer) = (settings.schedule_origin(), settings.signer_origin());
    tracing::info!(chain = %chain.name, id = chain.id, %schedule, %signer, "following");
    warn_of_isolation(settings, memory.peers.len());
    if let Some(head) = memory.chain.last() {
        tracing::info!(number = head.number, hash = %head.hash, "head of the last run");
    }
}

/// Warns if the settings leave nobody to dial, or nobody to fetch from. `known` is the number of peers of an earlier run.
fn warn_of_isolation(settings: &NodeSettings, known: usize) {
    let statics = &settings.config.static_peers;
    match &settings.discovery {
        None if settings.network.listen.is_empty() => tracing::warn!("--p2p.disable: no peers, no new blocks"),
        None if statics.is_empty() => {
            tracing::warn!(
                "--p2p.no-discovery and no --p2p.static: nobody is dialled, the node waits for peers to connect"
            );
        }
        Some(discovery) if statics.is_empty() && discovery.boot.is_empty() && known == 0 => {
            tracing::warn!("no boot nodes, no --p2p.static and no known peers: the node waits for peers to connect");
        }
        _ => {}
    }
    if settings.config.sync.static_only && statics.is_empty() {
        tracing::warn!("--p2p.sync.onlyreqtostatic without --p2p.static: missed blocks are not fetched");
    }
}

async fn start_page(
    (ip, port): (IpAddr, u16),
    settings: &mut NodeSettings,
    identity: &Identity,
    health: SharedHealth,
) -> Result<SharedRelayInfo, DaemonError> {
    let listens_for_browsers = has_browser_address(&settings.network.listen);
    let relay_info = SharedRelayInfo::new(RelayInfo::new(&settings.config, listens_for_browsers));
    let url =
        page::serve((ip, port).into(), relay_info.clone(), identity.keypair.clone(), &settings.hosts, Some(health))
            .await
            .map_err(DaemonError::io(format!("cannot serve the page on {ip}:{port}")))?;
    if listens_for_browsers {
        other_relays::announce(settings, ip, &url);
    }
    Ok(relay_info)
}

async fn start_metrics(
    (ip, port): (IpAddr, u16),
    metrics: Metrics,
    handle: ControlHandle,
    hosts: &[String],
    health: SharedHealth,
) -> Result<Arc<Metrics>, DaemonError> {
    let metrics = Arc::new(metrics);
    let failed = format!("cannot serve metrics on {ip}:{port}; give another --metrics.addr or --metrics.port");
    let served = metrics::serve((ip, port).into(), metrics.clone(), handle, hosts, health).await;
    let url = served.map_err(DaemonError::io(failed))?;
    tracing::info!(%url, "metrics");
    Ok(metrics)
}

fn open_control_socket(settings: &NodeSettings, handle: ControlHandle) -> Option<ControlSocket> {
    let opened = ControlSocket::open(&settings.datadir, handle).inspect_err(|error| {
        let file = settings.datadir.join(control::FILE);
        tracing::warn!(%error, file = %file.display(), "there is no socket: `petrel peers` and `bans` cannot reach this node");
    });
    opened.ok()
}

/// With `--p2p.nat`: what the router is asked for, except the ports.
fn port_mapper_config(settings: &NodeSettings) -> Option<PortMapperConfig> {
    settings.nat.then(|| PortMapperConfig {
        local: listening_ipv4(&settings.network.listen),
        tcp: 0,
        udp: None,
        private_network: settings.config.dial_scope == Some(AddressScope::Any),
        search: nat::SSDP,
        router: None,
    })
}

/// The IPv4 address on which the node listens, if it is one and not a wildcard.
fn listening_ipv4(listen: &[Multiaddr]) -> Option<Ipv4Addr> {
    let ips = listen.iter().flat_map(|address| address.iter());
    ips.filter_map(|part| if let Protocol::Ip4(ip) = part { Some(ip) } else { None }).find(|ip| !ip.is_unspecified())
}
