//! The command line resolved: every flag is checked, and every error is reported at once, with its remedy.
//!
//! [`NodeSettings`] are ready to use. Nothing is created here: the given files (`rollup.json`) and an existing key are read, a
//! missing key is created later. Each group of flags has a file of its own here, as in `flags`.

use std::{net::IpAddr, path::PathBuf};

use petrel_core::{
    chain::{Chain, Origin},
    config::Settled,
    fork::Fork,
};

mod chain;
mod checker;
mod discovery;
mod errors;
mod http;
mod l1;
mod listen;
mod metrics;
mod p2p;
mod peer_policy;
mod similar_names;
mod sync;

pub(crate) use chain::chain_named;
pub use chain::resolve_chain;
pub(crate) use checker::FlagChecker;
pub use errors::ConfigErrors;
pub(crate) use listen::ListenPorts;

use super::flags::{EventFormat, NodeFlags};
use crate::{
    identity::IdentitySource,
    network::{config::NetworkConfig, discovery::DiscoveryConfig},
    signer::SignerSource,
    store::StoreBudget,
};

/// All that `petrel node` needs.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Chain, signer, peers, gossip.
    pub config: Settled,
    /// The node's key.
    pub identity: IdentitySource,
    /// Directory of the node's own files.
    pub datadir: PathBuf,
    /// Listening and dialling.
    pub network: NetworkConfig,
    /// Discovery, if it is enabled.
    pub discovery: Option<DiscoveryConfig>,
    /// The advertised IP or host name, if the operator gives one; also without discovery.
    pub advertised: Option<String>,
    /// Whether a router is asked to forward ports.
    pub nat: bool,
    /// How many blocks are stored.
    pub budget: StoreBudget,
    /// Where the signer is read, if it is.
    pub l1: Option<SignerSource>,
    /// Where the page is served, if it is.
    pub http: Option<(IpAddr, u16)>,
    /// The names and addresses at which others reach page and metrics; a request on loopback must have one of them.
    pub hosts: Vec<String>,
    /// Where metrics are served, if they are.
    pub metrics: Option<(IpAddr, u16)>,
    /// Events on stdout.
    pub events: EventFormat,
    /// The forks whose times the operator overrides.
    pub overridden: Vec<Fork>,
}

/// A preset that always exists.
const STAND_IN: &str = "op-mainnet";

impl NodeSettings {
    /// Resolves the flags of `node`.
    ///
    /// # Errors
    /// Every error at once.
    pub fn resolve(flags: &NodeFlags) -> Result<Self, ConfigErrors> {
        let mut checker = FlagChecker::default();
        let chain = checker.chain(&flags.chain);
        let signer = checker.signer(&flags.chain);
        let ips = checker.listen_ips(&flags.p2p.listen);
        let mut network = checker.network(flags, &ips);
        let mut discovery = None;
        // Without its chain the configuration is checked with another one, so that its own errors are reported too.
        let config = chain.clone().or_else(|| Chain::preset(STAND_IN)).map(|chain| {
            let mut config = checker.config(chain, signer, &flags.p2p);
            config.sync = checker.sync(&flags.sync, &config.chain.cadence);
            config.reputation = checker.reputation(&flags.peers);
            config.connections = checker.connection_manager(&flags.peers);
            checker.within_restriction(&config);
            discovery = checker.discovery(&flags.discovery, &flags.p2p, &ips, &mut config);
            config
        });
        if flags.discovery.disable {
            network.listen.clear();
        }
        let budget = checker.budget(&flags.sync, chain.as_ref());
        let l1 = checker.l1(&flags.l1, chain.as_ref());
        let http = checker.http(&flags.http);
        let advertised = flags.discovery.advertise_ip.as_deref().map(|host| host.trim().to_owned());
        let hosts = checker.http_hosts(&flags.http, advertised.as_deref());
        let metrics = checker.metrics(&flags.metrics);
        let identity = checker.identity(&flags.p2p);
        checker.log_level(flags.output.log_level.as_deref());
        let settled = config.and_then(|config| checker.settle(config));
        let Some(config) = settled.filter(|_| checker.0.is_empty()) else { return Err(ConfigErrors(checker.0)) };
        let (datadir, events) = (flags.p2p.datadir.clone(), flags.output.events);
        let nat = flags.discovery.nat;
        Ok(Self {
            config,
            identity,
            datadir,
            network,
            discovery,
            advertised,
            nat,
            budget,
            l1,
            http,
            hosts,
            metrics,
            events,
            overridden: flags.chain.overrides.given().map(|(fork, _)| fork).collect(),
        })
    }

    /// The source of the schedule, for the log at start: a preset's may be out of date.
    pub fn schedule_origin(&self) -> String {
        let names: Vec<&str> = self.overridden.iter().map(|fork| fork.name()).collect();
        let overridden = if names.is_empty() { String::new() } else { format!("; overridden: {}", names.join(", ")) };
        self.configured_origin() + &overridden
    }

    fn configured_origin(&self) -> String {
        match &self.config.chain.origin {
            Origin::Preset { schedule_date, left_registry, .. } => {
                let left = if *left_registry { "; the chain has left the superchain registry since" } else { "" };
                format!("as gathered on {schedule_date}; forks may have been scheduled since{left}")
            }
            Origin::Rollup => "as configured".to_owned(),
        }
    }

    /// The source of the signer, for the log at start: a preset's may be out of date.
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
