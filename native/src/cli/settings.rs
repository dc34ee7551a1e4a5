//! The command line resolved: every flag judged, every mistake named at once, with its remedy.
//!
//! A [`Settings`] is ready to run. Nothing is made here: files that a node is given (`rollup.json`) and a key that it
//! already has are read, a key that is missing is made later.

use std::{net::IpAddr, path::PathBuf};

use alloy_primitives::Address;
use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    chain::{Chain, Origin},
    config::{Config, Mesh, Settled, StaticPeer},
    peer::PeerId,
};
use url::Url;

mod chain;
mod discovery;
mod listen;
mod metrics;
mod reputation;
mod similar_names;
mod sync;

pub(crate) use chain::chain_named;
pub(crate) use listen::Ports;
pub use listen::{Net, PemFiles, Security};

use crate::{
    cli::flags::{ChainFlags, Events, HttpFlags, L1Flags, NodeFlags, P2pFlags},
    cli::parse,
    network::discovery::Plan,
    signer,
    store::Budget,
};

/// Why the program cannot start: one sentence a mistake, with its remedy; never empty. Exit status 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Mistakes(pub Vec<String>);

/// All that `petrel node` needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Chain, signer, peers, gossip.
    pub config: Settled,
    /// Where the identity comes from.
    pub identity: IdentitySource,
    /// The node's own files.
    pub datadir: PathBuf,
    /// Listening and dialling.
    pub net: Net,
    /// How peers are found, if they are.
    pub discovery: Option<Plan>,
    /// An IP or a name at which we are found, where the operator says so: with discovery and without.
    pub advertised: Option<String>,
    /// Whether a router is asked to forward our ports.
    pub nat: bool,
    /// How much is kept.
    pub budget: Budget,
    /// Where the signer is read, if it is.
    pub l1: Option<signer::Source>,
    /// Where the page is served, if it is.
    pub http: Option<(IpAddr, u16)>,
    /// Where metrics are served, if they are.
    pub metrics: Option<(IpAddr, u16)>,
    /// Events on stdout.
    pub events: Events,
}

/// Where a node's key comes from.
#[derive(Clone)]
pub enum IdentitySource {
    /// A hex file, made when missing.
    File(PathBuf),
    /// The key itself, in hex.
    Raw(String),
}

impl std::fmt::Debug for IdentitySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => write!(f, "File({})", file.display()),
            Self::Raw(_) => f.write_str("Raw(…)"),
        }
    }
}

/// Bytes of the agent version at most: identify's messages are bounded.
const MAX_AGENT: usize = 256;
/// A chain that there always is.
const STAND_IN: &str = "op-mainnet";

impl Settings {
    /// Resolves the flags of `node`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn resolve(flags: &NodeFlags) -> Result<Self, Mistakes> {
        let mut judge = Judge::default();
        let chain = judge.chain(&flags.chain);
        let chain_of = chain.clone();
        let signer = judge.signer(&flags.chain);
        // Without its chain a configuration is judged on any other's, so that its own mistakes are named too.
        let ips = judge.listen_ips(&flags.p2p.listen);
        let mut net = judge.net(flags, &ips);
        let mut discovery = None;
        let config = chain.or_else(|| Chain::preset(STAND_IN)).map(|chain| {
            let mut config = judge.config(chain, signer, &flags.p2p);
            config.sync = judge.sync(&flags.sync, &config.chain.cadence);
            config.reputation = judge.reputation(&flags.peers);
            config.connections = judge.tide(&flags.peers);
            judge.within_restriction(&config);
            discovery = judge.discovery(&flags.discovery, &flags.p2p, &ips, &mut config);
            config
        });
        let budget = judge.budget(&flags.sync, chain_of.as_ref());
        if flags.discovery.disable {
            net.listen.clear();
        }
        let l1 = judge.l1(&flags.l1, chain_of.as_ref());
        let http = judge.http(&flags.http);
        let metrics = judge.metrics(&flags.metrics);
        let identity = judge.identity(&flags.p2p);
        judge.log_level(flags.output.log_level.as_deref());
        let settled = config.and_then(|config| judge.settle(config));
        match settled {
            Some(config) if judge.0.is_empty() => {
                let (datadir, events) = (flags.p2p.datadir.clone(), flags.output.events);
                Ok(Self {
                    config,
                    identity,
                    datadir,
                    net,
                    discovery,
                    advertised: flags.discovery.advertise_ip.as_deref().map(|host| host.trim().to_owned()),
                    nat: flags.discovery.nat,
                    budget,
                    l1,
                    http,
                    metrics,
                    events,
                })
            }
            _ => Err(Mistakes(judge.0)),
        }
    }

    /// Where the schedule came from, for the log at start: a preset's is as old as its data.
    pub fn schedule_origin(&self) -> String {
        match &self.config.chain.origin {
            Origin::Preset { schedule_date, left_registry, .. } => {
                let left = if *left_registry { "; the chain has left the superchain registry since" } else { "" };
                format!("as gathered on {schedule_date}; forks may have been scheduled since{left}")
            }
            Origin::Rollup => "as configured".to_owned(),
        }
    }

    /// Where the signer came from, for the log at start: a preset's is as old as its data.
    pub fn signer_origin(&self) -> String {
        match (self.config.signer, &self.config.chain.origin) {
            (None, _) => "no signer: every block is ignored; give --p2p.unsafe-block-signer".to_owned(),
            (Some(signer), Origin::Preset { signer_date, .. }) if Some(signer) == self.config.chain.signer => {
                format!("{signer}, as the superchain registry had it on {signer_date}; it may have been rotated since")
            }
            (Some(signer), _) => format!("{signer}, as configured"),
        }
    }
}

/// Resolves the chain and signer alone, for `check`.
///
/// # Errors
/// Every mistake at once.
pub fn resolve_chain(flags: &ChainFlags) -> Result<(Chain, Option<Address>), Mistakes> {
    let mut judge = Judge::default();
    let chain = judge.chain(flags);
    let signer = judge.signer(flags);
    match chain {
        Some(chain) if judge.0.is_empty() => {
            let signer = signer.or(chain.signer);
            Ok((chain, signer))
        }
        _ => Err(Mistakes(judge.0)),
    }
}

/// Collects mistakes; what it returns counts only when there are none.
#[derive(Default)]
pub(crate) struct Judge(pub(crate) Vec<String>);

impl Judge {
    /// The value, or the mistake noted under the flag's name and a default in its place.
    pub(crate) fn take<T: Default>(&mut self, flag: &str, value: Result<T, String>) -> T {
        value.unwrap_or_else(|error| {
            self.0.push(format!("--{flag}: {error}"));
            T::default()
        })
    }

    fn config(&mut self, chain: Chain, signer: Option<Address>, flags: &P2pFlags) -> Config {
        let mut config = Config::new(chain);
        config.signer = signer.or(config.signer);
        config.max_age = self.take("p2p.gossip.timestamp.threshold", parse::duration(&flags.timestamp_threshold));
        config.static_peers = parse::list(&flags.statics).filter_map(|text| self.static_peer(text)).collect();
        config.mesh = self.mesh(flags);
        config
    }

    fn settle(&mut self, config: Config) -> Option<Settled> {
        config.settle().map_err(|error| self.0.extend(error.0)).ok()
    }

    fn mesh(&mut self, flags: &P2pFlags) -> Mesh {
        let usual = Mesh::default();
        Mesh {
            d: self.degree("p2p.gossip.mesh.d", &flags.mesh_d, usual.d),
            lo: self.degree("p2p.gossip.mesh.lo", &flags.mesh_lo, usual.lo),
            hi: self.degree("p2p.gossip.mesh.dhi", &flags.mesh_hi, usual.hi),
            lazy: self.degree("p2p.gossip.mesh.dlazy", &flags.mesh_lazy, usual.lazy),
            flood_publish: flags.flood_publish,
        }
    }

    /// `usual` stands in for what is no number: it is named here, and not a second time for being out of bounds.
    fn degree(&mut self, flag: &str, text: &str, usual: usize) -> usize {
        let degree = text.trim().parse().map(Some).map_err(|_| format!("{text:?} is no number"));
        self.take(flag, degree).unwrap_or(usual)
    }

    fn static_peer(&mut self, text: &str) -> Option<StaticPeer> {
        let found = static_peer(text);
        found.map_err(|error| self.0.push(format!("--p2p.static: {error}"))).ok()
    }

    fn net(&mut self, flags: &NodeFlags, ips: &[IpAddr]) -> Net {
        let discovery = &flags.discovery;
        let listens = !discovery.disable && !discovery.no_discovery;
        let flags = &flags.p2p;
        let ports = self.ports(&flags.listen, listens.then(|| parse::port(&discovery.listen_udp).unwrap_or_default()));
        let security = parse::list_or(&flags.security, P2pFlags::SECURITY);
        let security: Vec<Security> = security.into_iter().filter_map(|text| self.security(text)).collect();
        let timeout = self.take("p2p.timeout.dial", parse::duration(&flags.timeout_dial));
        if timeout.is_zero() {
            self.0.push("--p2p.timeout.dial: must be more than 0".to_owned());
        }
        if flags.useragent.len() > MAX_AGENT {
            self.0.push(format!("--p2p.useragent: longer than {MAX_AGENT} bytes"));
        }
        let listen = ips.iter().flat_map(|ip| ports.on(*ip)).collect();
        let (period, certificate) = (self.period(&flags.listen), self.pem_files(&flags.listen));
        Net { listen, security, timeout, agent: flags.useragent.clone(), period, certificate }
    }

    pub(crate) fn ip(&mut self, flag: &str, text: &str) -> Option<IpAddr> {
        let wrong = |_| self.0.push(format!("--{flag}: {text:?} is no IP address"));
        text.trim().parse().map_err(wrong).ok()
    }

    fn security(&mut self, text: &str) -> Option<Security> {
        match text.trim() {
            "noise" => Some(Security::Noise),
            "tls" => Some(Security::Tls),
            other => {
                self.0.push(format!("--p2p.security: {other:?} is not offered: expected noise, tls or both"));
                None
            }
        }
    }

    /// `chain` is `None` when it is a mistake itself.
    fn l1(&mut self, flags: &L1Flags, chain: Option<&Chain>) -> Option<signer::Source> {
        let reload = self.take("l1.runtime-config-reload-interval", parse::duration(&flags.reload));
        let confs = flags.confs.trim().parse().map_err(|_| format!("{:?} is no number of blocks", flags.confs));
        let confs = self.take("verifier.l1-confs", confs);
        let url = self.take("l1", flags.url.as_deref().map(http_url).transpose());
        let (url, chain) = url.zip(chain)?;
        let Some(system_config) = chain.system_config else {
            self.0.push(
                "--l1: the chain's configuration has no l1_system_config_address, where the signer is".to_owned(),
            );
            return None;
        };
        let reload = Some(reload).filter(|reload| !reload.is_zero());
        Some(signer::Source { url, system_config, chain: chain.l1, confs, trust: flags.trust, reload })
    }

    fn http(&mut self, flags: &HttpFlags) -> Option<(IpAddr, u16)> {
        let ip = self.ip("http.addr", &flags.addr);
        let port = flags.port.as_deref().map(|text| self.take("http.port", parse::port(text)));
        ip.zip(port)
    }

    fn identity(&mut self, flags: &P2pFlags) -> IdentitySource {
        let source = match (&flags.priv_raw, &flags.priv_path) {
            (Some(raw), _) => IdentitySource::Raw(raw.clone()),
            (None, Some(path)) => IdentitySource::File(path.clone()),
            (None, None) => IdentitySource::File(flags.datadir.join("p2p_priv.txt")),
        };
        self.0.extend(source.mistake().map(|error| error.to_string()));
        source
    }

    pub(crate) fn log_level(&mut self, text: Option<&str>) {
        if let Some(text) = text
            && let Err(error) = crate::cli::logging::filter(Some(text), "info")
        {
            self.0.push(format!("--log.level: {text:?}: {error}"));
        }
    }
}

/// The text is not repeated: it may hold a secret.
fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("not a URL: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(format!("{}:// is not supported: expected http:// or https://", url.scheme()))
    }
}

/// A static peer's multiaddr; it must say who is expected there.
fn static_peer(text: &str) -> Result<StaticPeer, String> {
    let address: Multiaddr = text.parse().map_err(|error| format!("{text:?} is no multiaddr: {error}"))?;
    let peer = address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    });
    let peer = peer.ok_or_else(|| format!("{text:?} does not say who is there: add /p2p/PEER_ID at its end"))?;
    let peer = PeerId::from_bytes(&peer.to_bytes()).map_err(|error| error.to_string())?;
    Ok(StaticPeer { peer, addresses: vec![text.to_owned()] })
}
