//! The libp2p behaviours of a node, composed.

use core::time::Duration;

use libp2p::{
    StreamProtocol,
    gossipsub::IdentTopic,
    identify,
    identity::Keypair,
    ping,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
};

#[cfg(feature = "autonat")]
use crate::net::protocols::dial_back::DialBack;
use crate::{
    config::Settled,
    net::{
        admission::{gater::ConnectionGater, ip_limits::IpLimits, swarm_limits::SwarmLimits},
        error::NetError,
        gossip::ChainGossip,
        ingest::transform::Transform,
        params,
        protocols::{ping::PingResponder, range::Codec},
    },
    node::DialBacks,
    payload_by_number,
    time::Now,
};

/// Gossip on the chain's four topics, blocks by number, identify and ping; AutoNAT in a daemon. No circuit relay, no
/// peer exchange.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    /// First, so that it decides before the other behaviours.
    pub(super) gater: ConnectionGater,
    ip_limits: IpLimits,
    pub(super) gossip: ChainGossip,
    identify: identify::Behaviour,
    /// Before `ping`: of two behaviours with one protocol the first gets the inbound streams.
    ping_responder: PingResponder,
    ping: ping::Behaviour,
    swarm_limits: SwarmLimits,
    /// Requests of this node. Separate from `range_server`, because one behaviour would have one timeout for both
    /// sides.
    pub(super) range_client: Toggle<request_response::Behaviour<Codec>>,
    /// Requests of peers.
    pub(super) range_server: Toggle<request_response::Behaviour<Codec>>,
    /// Only in a daemon, which can be dialled.
    #[cfg(feature = "autonat")]
    pub(super) dial_back: Toggle<DialBack>,
}

impl Behaviour {
    /// Subscribes to the topics of the chain that are open at `now`: all of them, as op-node does, except on Base's
    /// chains.
    pub(super) fn new(
        config: &Settled,
        identity: &Keypair,
        agent: String,
        transform: &Transform,
        now: Now,
    ) -> Result<Self, NetError> {
        let identify =
            identify::Config::new(String::new(), identity.public()).with_agent_version(agent).with_cache_size(0);
        let ping = ping::Config::new().with_interval(params::PING_INTERVAL).with_timeout(params::PING_TIMEOUT);
        let (sync, serve) = (config.sync, config.sync.enabled && config.sync.serve);
        Ok(Self {
            gater: gater(config),
            ip_limits: params::ip_limits(&config.connections),
            gossip: gossip(config, transform, now)?,
            identify: identify::Behaviour::new(identify),
            ping_responder: PingResponder,
            ping: ping::Behaviour::new(ping),
            swarm_limits: SwarmLimits::new(params::swarm_limits(&config.connections)),
            range_client: sync
                .enabled
                .then(|| range_behaviour(config, ProtocolSupport::Outbound, params::RANGE_CLIENT_TIMEOUT))
                .into(),
            range_server: serve
                .then(|| range_behaviour(config, ProtocolSupport::Inbound, params::RANGE_SERVER_TIMEOUT))
                .into(),
            #[cfg(feature = "autonat")]
            dial_back: config.observe_scope.map(|reach| DialBack::new(identity.public().to_peer_id(), reach)).into(),
        })
    }

    /// Counts of the dial-backs that peers requested.
    pub(super) fn dial_backs(&self) -> DialBacks {
        #[cfg(feature = "autonat")]
        return self.dial_back.as_ref().map(DialBack::counts).unwrap_or_default();
        #[cfg(not(feature = "autonat"))]
        DialBacks::default()
    }
}

fn gater(config: &Settled) -> ConnectionGater {
    let protected = config.static_peers.iter().filter(|_| config.reputation.protect_static).map(|peer| peer.peer);
    ConnectionGater::new(config.reputation.restrict.clone(), protected)
}

fn range_behaviour(config: &Settled, side: ProtocolSupport, timeout: Duration) -> request_response::Behaviour<Codec> {
    // `try_from_owned` only checks for a leading slash, which these names have.
    let names = payload_by_number::protocols(&config.chain)
        .into_iter()
        .filter_map(|name| StreamProtocol::try_from_owned(name).ok());
    let settings = request_response::Config::default()
        .with_request_timeout(timeout)
        .with_max_concurrent_streams(params::REQUEST_STREAMS);
    request_response::Behaviour::with_codec(Codec, names.map(|name| (name, side.clone())), settings)
}

fn gossip(config: &Settled, transform: &Transform, now: Now) -> Result<ChainGossip, NetError> {
    let interval = config.chain.cadence.interval_at(now.millis());
    let id_transform = transform.clone();
    let settings = params::gossipsub(config.mesh, interval, move |message| id_transform.id(message))
        .map_err(|error| NetError::Gossip(error.to_string()))?;
    let mut gossip =
        ChainGossip::new(&config.chain, settings, transform).map_err(|error| NetError::Gossip(error.to_owned()))?;
    if config.reputation.scoring {
        gossip
            .gossipsub
            .with_peer_score(params::peer_score(transform.topics().cloned(), interval), params::thresholds())
            .map_err(NetError::Gossip)?;
    }
    for version in config.chain.open_topics(now.secs()) {
        gossip
            .gossipsub
            .subscribe(&IdentTopic::new(config.chain.topic(version)))
            .map_err(|error| NetError::Gossip(error.to_string()))?;
    }
    Ok(gossip)
}
