//! The command line as written: op-node's flag names and meanings for all that exists here, and our own.
//!
//! Nothing is resolved or checked here; [`crate::cli::settings`] does that and reports every error at once. A new flag of `node` is a
//! field in the file of its group, and is resolved in the file of the same name in `settings`. Each flag can be
//! given as an environment variable: `PETREL_…`, or op-node's own `OP_NODE_…` where it has one (see [`crate::cli::env`]).

use clap::{Parser, Subcommand};

mod bans;
mod chain;
mod chains;
mod check;
mod devnet;
mod discovery;
mod http;
mod key;
mod l1;
mod listen;
mod metrics;
mod node;
mod output;
mod overrides;
mod p2p;
mod peer_list;
mod peer_policy;
mod store;
mod sync;

pub use bans::{BansAction, BansFlags};
pub use chain::ChainFlags;
pub use chains::ChainsFlags;
pub use check::CheckFlags;
pub use devnet::DevnetFlags;
pub use discovery::DiscoveryFlags;
pub use http::HttpFlags;
pub use key::{KeyAction, KeyFlags};
pub use l1::L1Flags;
pub use listen::ListenFlags;
pub use metrics::MetricsFlags;
pub use node::NodeFlags;
pub use output::{EventFormat, LogFormat, OutputFlags};
pub use overrides::OverrideFlags;
pub use p2p::P2pFlags;
pub use peer_list::PeerListFlags;
pub use peer_policy::PeerPolicyFlags;
pub use store::{StoreAction, StoreFlags};
pub use sync::SyncFlags;

/// An OP Stack P2P node: follows a chain's unsafe blocks by gossip and verifies each one itself.
#[derive(Debug, Parser)]
#[command(name = "petrel", version, about, args_conflicts_with_subcommands = true, max_term_width = 120)]
pub struct Cli {
    /// The subcommand; `node` without one.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `node`.
    #[command(flatten)]
    pub node: NodeFlags,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow a chain (the default)
    Node(Box<NodeFlags>),
    /// Run a local chain: a sequencer, a follower that verifies it over TCP, and the light-client page
    Devnet(DevnetFlags),
    /// Validate captured messages offline: one JSON object each, exit status 1 if any is not accepted
    Check(CheckFlags),
    /// List the known chains: forks, cadence, signer, and the date of these data
    Chains(ChainsFlags),
    /// Create or show a node's identity
    Key(KeyFlags),
    /// List the connected peers of a running node with the parts of their scores
    Peers(PeerListFlags),
    /// List or change the bans of a running or stopped node: one JSON object per line
    Bans(BansFlags),
    /// Verify, compact or copy a node's store: one JSON object
    Store(StoreFlags),
}
