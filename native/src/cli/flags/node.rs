//! Flags of `node`, as written: all groups.

use clap::Args;

use super::{
    chain::ChainFlags, discovery::DiscoveryFlags, http::HttpFlags, l1::L1Flags, metrics::MetricsFlags,
    output::OutputFlags, p2p::P2pFlags, peer_policy::PeerPolicyFlags, sync::SyncFlags,
};

/// The flags of `node`.
#[derive(Clone, Debug, Args)]
pub struct NodeFlags {
    /// Chain and signer.
    #[command(flatten)]
    pub chain: ChainFlags,
    /// Identity, listening, peers, gossip.
    #[command(flatten)]
    pub p2p: P2pFlags,
    /// Discovery and the advertised address.
    #[command(flatten)]
    pub discovery: DiscoveryFlags,
    /// Scores, bans and the number of connections.
    #[command(flatten)]
    pub peers: PeerPolicyFlags,
    /// Range sync and the store.
    #[command(flatten)]
    pub sync: SyncFlags,
    /// The signer on L1.
    #[command(flatten)]
    pub l1: L1Flags,
    /// The HTTP server of the page.
    #[command(flatten)]
    pub http: HttpFlags,
    /// The metrics.
    #[command(flatten)]
    pub metrics: MetricsFlags,
    /// Events and logs.
    #[command(flatten)]
    pub output: OutputFlags,
}
