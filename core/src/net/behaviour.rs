//! The libp2p behaviours of a node, composed.

use core::time::Duration;
use std::collections::HashSet;

use libp2p::{
    allow_block_list::{self, BlockedPeers},
    connection_limits,
    gossipsub::{self, IdentTopic, MessageAuthenticity, WhitelistSubscriptionFilter},
    identify,
    identity::Keypair,
    ping,
    swarm::NetworkBehaviour,
};

use super::{error::NetError, params, transform::Transform};
use crate::{config::Settled, fork::Version};

/// Gossip over the chain's four topics, identify and ping. No relay, no peer exchange.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gossip: gossipsub::Behaviour<Transform, WhitelistSubscriptionFilter>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    limits: connection_limits::Behaviour,
    /// Those who are not listened to any more.
    pub(super) barred: allow_block_list::Behaviour<BlockedPeers>,
}

impl Behaviour {
    /// Joins all topics of the chain, as every op-node does, for ever.
    pub(super) fn new(
        config: &Settled,
        identity: &Keypair,
        agent: String,
        transform: &Transform,
    ) -> Result<Self, NetError> {
        let identify =
            identify::Config::new(String::new(), identity.public()).with_agent_version(agent).with_cache_size(0);
        let ping = ping::Config::new().with_interval(params::PING_INTERVAL).with_timeout(params::PING_TIMEOUT);
        Ok(Self {
            gossip: gossip(config, transform)?,
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping),
            limits: connection_limits::Behaviour::new(params::connection_limits()),
            barred: allow_block_list::Behaviour::default(),
        })
    }
}

fn gossip(
    config: &Settled,
    transform: &Transform,
) -> Result<gossipsub::Behaviour<Transform, WhitelistSubscriptionFilter>, NetError> {
    let block_time = Duration::from_secs(config.chain.block_time);
    let naming = transform.clone();
    let settings = params::gossipsub(config.mesh, block_time, move |message| naming.id(message))
        .map_err(|error| NetError::Gossip(error.to_string()))?;
    let topics: HashSet<_> = transform.topics().cloned().collect();
    let mut gossip = gossipsub::Behaviour::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        settings,
        WhitelistSubscriptionFilter(topics.clone()),
        transform.clone(),
    )
    .map_err(|error| NetError::Gossip(error.to_owned()))?;
    gossip
        .with_peer_score(params::peer_score(topics.into_iter(), block_time), params::thresholds())
        .map_err(NetError::Gossip)?;
    for version in Version::ALL {
        gossip
            .subscribe(&IdentTopic::new(config.chain.topic(version)))
            .map_err(|error| NetError::Gossip(error.to_string()))?;
    }
    Ok(gossip)
}
