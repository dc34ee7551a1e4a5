//! `petrel node`: the event loop.
//!
//! [`Daemon`] has one method per event source (`on_…`) and waits for all of them in [`Daemon::run_until`]; [`Daemon::close`] ends
//! its parts in order. [`Daemon::start`] builds it from the settings.

use std::time::Duration;

use futures::StreamExt;
use petrel_core::{Event, net::Driver, node::PeerReport};
use tokio::time::Interval;

mod discovery;
mod error;
mod evidence_files;
mod files;
mod optional;
mod other_relays;
mod outputs;
mod reload;
mod start;

pub use error::DaemonError;

use crate::{
    cli::settings::NodeSettings,
    host::TokioHost,
    identity::Identity,
    network::{
        address::{AddressAction, OurAddresses},
        discovery::{Discovery, DiscoveryEvent, RecordEndpoint},
        nat::{PortMapper, PortMapperConfig, PortMapping},
        relay_finder::RelayFinder,
    },
    serve::control::{self, ControlRequest, ControlService, ControlSocket},
    serve::health::HealthMonitor,
    signer::{L1Error, SignerReading, SignerWatcher},
    store::Store,
    system::{
        hangup::{Hangup, HangupSignal},
        stop_signal::stop_signal,
    },
};
use discovery::DiscoveryStarter;
use files::DaemonFiles;
use outputs::Outputs;
use reload::Reloader;

/// How long closing all connections may take at the end, and then sending the last packets.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
const LAST_PACKETS: Duration = Duration::from_millis(50);
/// How long writing what waits for the disk may take at the end: less than the ten seconds that container runtimes wait.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);

/// Follows the chain until Ctrl-C or SIGTERM, or until its terminal is closed.
///
/// # Errors
/// See [`DaemonError`]; all occur before anything runs, except that discovery cannot start and that L1 is another chain's.
pub async fn run(settings: NodeSettings) -> Result<(), DaemonError> {
    let (stop, hangup) = (stop_signal(), HangupSignal::install());
    let mut stop = std::pin::pin!(stop);
    let Some(files) = DaemonFiles::open(&settings, stop.as_mut()).await? else { return Ok(()) };
    let mut daemon = Daemon::start(settings, files).await?;
    let ended = Box::pin(daemon.run_until(stop, hangup)).await;
    Box::pin(daemon.close()).await;
    ended
}

/// The running node with everything around it.
pub(crate) struct Daemon {
    driver: Driver<TokioHost>,
    store: Store,
    addresses: OurAddresses,
    /// Starts discovery as soon as the TCP port is known.
    discovery_starter: DiscoveryStarter,
    discovery: Option<Discovery>,
    /// With discovery and a page, which tells browsers of other relays.
    relay_finder: Option<RelayFinder>,
    /// Started after discovery, with its UDP port; needs `port_mapper_config`.
    port_mapper: Option<PortMapper>,
    /// With `--p2p.nat`: all of the configuration except the ports.
    port_mapper_config: Option<PortMapperConfig>,
    signer: Option<SignerWatcher>,
    control: ControlService,
    control_socket: Option<ControlSocket>,
    outputs: Outputs,
    health: HealthMonitor,
    score_ticks: Interval,
    reloader: Reloader,
    /// Keeps the key file locked.
    _identity: Identity,
}

impl Daemon {
    /// Handles events until `stop` completes.
    async fn run_until(&mut self, stop: impl Future<Output = ()>, mut hangup: HangupSignal) -> Result<(), DaemonError> {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                event = self.driver.next() => match event {
                    Some(event) => self.on_event(&event),
                    None => return Ok(()),
                },
                started = self.discovery_starter.started() => self.on_discovery_started(started?),
                event = optional::next_discovery_event(&mut self.discovery) => self.on_discovery_event(event),
                mapping = optional::next_mapping(&mut self.port_mapper) => self.on_port_mapping(&mapping),
                reading = optional::next_reading(&mut self.signer) => self.on_signer_reading(reading)?,
                request = self.control.next() => self.on_control_request(request),
                () = self.health.tick() => self.on_health_tick(),
                _ = self.score_ticks.tick() => self.on_score_tick(),
                what = hangup.next() => match what {
                    Hangup::Reload => self.reloader.reload(),
                    Hangup::TerminalClosed => return Ok(()),
                },
                () = &mut stop => return Ok(()),
            }
        }
    }

    fn on_event(&mut self, event: &Event) {
        self.outputs.on_event(event, &mut self.driver);
        self.health.on_event(event);
        if let Some(signer) = &mut self.signer {
            signer.on_event(event);
        }
        match event {
            Event::Connected(_) | Event::Disconnected(_) => {
                if let Some(discovery) = &self.discovery {
                    discovery.set_needs_peers(self.driver.needs_peers());
                }
            }
            Event::Observed(seen) => {
                let actions = self.addresses.observed(seen);
                self.apply(actions);
            }
            Event::Listening(at) => {
                self.addresses.listening(&at.address);
                self.outputs.set_own_addresses(&self.addresses);
                self.on_listening();
            }
            Event::ListenEnded(at) => {
                self.addresses.listen_ended(&at.address);
                self.outputs.set_own_addresses(&self.addresses);
            }
            _ => {}
        }
    }

    /// Starts what needs the TCP port, once it is known: discovery, or without it the port mapper.
    fn on_listening(&mut self) {
        let Some(port) = self.addresses.tcp_port() else { return };
        if !self.discovery_starter.begin(port) && self.discovery_starter.is_idle() && self.port_mapper.is_none() {
            self.start_port_mapper(port);
        }
    }

    fn on_discovery_started(&mut self, discovery: Discovery) {
        let (external, is_fixed, port) = (discovery.external.clone(), discovery.is_fixed(), discovery.tcp);
        discovery.set_needs_peers(self.driver.needs_peers());
        self.discovery = Some(discovery);
        let actions = self.addresses.discovery_started(external, is_fixed);
        self.apply_without_event(actions);
        self.print_record();
        self.start_port_mapper(port);
    }

    fn on_discovery_event(&mut self, event: DiscoveryEvent) {
        match event {
            DiscoveryEvent::Peer(found) => self.driver.discovered(&found.peer, &found.addresses),
            DiscoveryEvent::Relay(relay) => {
                if let Some(finder) = &self.relay_finder {
                    finder.add(relay);
                }
            }
            DiscoveryEvent::Voted(socket) => {
                let actions = self.addresses.voted(socket).into_iter().collect();
                self.apply(actions);
            }
            DiscoveryEvent::Resolved(RecordEndpoint { ip: Some(ip), tcp, udp }) => {
                let actions = self.addresses.resolved(ip, tcp, udp);
                self.apply(actions);
            }
            DiscoveryEvent::Resolved(_) => {}
            DiscoveryEvent::RecordDue => {
                if self.discovery.as_mut().is_some_and(|discovery| discovery.write_due().is_some()) {
                    self.print_record();
                }
            }
        }
    }

    fn on_port_mapping(&mut self, mapping: &PortMapping) {
        let actions = self.addresses.mapped(mapping);
        self.apply(actions);
    }

    fn on_signer_reading(&mut self, reading: Result<SignerReading, L1Error>) -> Result<(), DaemonError> {
        if reading.is_ok() {
            self.health.on_l1_read();
        }
        if let Some(signer) = &mut self.signer {
            signer.apply(reading, &mut self.driver)?;
        }
        Ok(())
    }

    fn on_control_request(&mut self, request: ControlRequest) {
        // A scrape of the metrics is such a request.
        self.outputs.count_requests(&mut self.driver);
        control::respond(request, &mut self.driver, &self.store);
    }

    fn on_health_tick(&mut self) {
        if let Some(report) = self.health.check(&self.driver.status()) {
            self.outputs.print(&report);
        }
    }

    fn on_score_tick(&mut self) {
        if self.outputs.wants_peer_scores() {
            let peers: Vec<PeerReport> = self.driver.peers();
            self.outputs.on_peer_scores(&peers);
        }
    }

    /// Asks the router to forward the TCP port, and discovery's UDP port.
    fn start_port_mapper(&mut self, tcp: u16) {
        if let Some(config) = self.port_mapper_config {
            let udp = self.discovery.as_ref().map(|discovery| discovery.record.udp);
            self.port_mapper = Some(PortMapper::start(PortMapperConfig { tcp, udp, ..config }));
        }
    }

    /// Applies the actions, and prints the node record if it has changed.
    fn apply(&mut self, actions: Vec<AddressAction>) {
        if self.apply_without_event(actions) {
            self.print_record();
        }
    }

    /// Applies the actions; whether the node record has changed. A change that may not be made yet is made later.
    fn apply_without_event(&mut self, actions: Vec<AddressAction>) -> bool {
        let mut has_changed = false;
        for action in actions {
            match action {
                AddressAction::Advertise(address) => self.driver.advertise(address),
                AddressAction::Withdraw(address) => self.driver.withdraw(&address),
                AddressAction::UpdateRecord(update) => {
                    let discovery = self.discovery.as_mut();
                    has_changed |= discovery.is_some_and(|discovery| discovery.update_record(&update).is_some());
                }
            }
        }
        has_changed
    }

    fn print_record(&mut self) {
        if let Some(discovery) = &self.discovery {
            self.outputs.print(&discovery.record);
        }
    }

    /// Ends every part in order: no further requests; the router's ports; connections; what the node has not persisted yet goes to the
    /// store; all tasks that use the store; then the store, which first writes what waits; then the events' last lines.
    async fn close(mut self) {
        drop(self.control_socket.take());
        if let Some(port_mapper) = self.port_mapper.take() {
            port_mapper.close().await;
        }
        self.discovery_starter.cancel().await;
        self.close_connections().await;
        self.driver.persist_rest();
        let Self { driver, store, discovery, discovery_starter, signer, outputs, .. } = self;
        drop((discovery, discovery_starter, driver, signer));
        if let Err(error) = store.close(STORE_TIMEOUT).await {
            tracing::error!("{error}");
        }
        outputs.finish();
        tracing::info!("stopped");
    }

    /// Closes every connection, within [`CLOSE_TIMEOUT`].
    async fn close_connections(&mut self) {
        self.driver.close_connections();
        let closed = async {
            while !self.driver.has_no_connections() {
                self.driver.next().await;
            }
        };
        let _timed_out = tokio::time::timeout(CLOSE_TIMEOUT, closed).await;
        // QUIC sends its last packets from tasks of its own.
        tokio::time::sleep(LAST_PACKETS).await;
    }
}
