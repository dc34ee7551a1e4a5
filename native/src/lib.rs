//! # petrel-node: the daemon
//!
//! petrel-core's [`Driver`](petrel_core::net::Driver) on tokio, with what a program on a server adds: TCP, QUIC, WebSocket and
//! WebTransport listeners, worker threads with libsecp256k1, a key file, a database, signals, and a page to serve.
//!
//! # Map
//!
//! | folder | what is in it | add here |
//! |---|---|---|
//! | [`cli`] | flags, environment variables, settings | a flag: `cli/flags/<group>.rs`, resolved in `cli/settings/<group>.rs` |
//! | [`command`] | the subcommands: node, devnet, check, key, chains, peers, bans, store | a subcommand |
//! | [`daemon`] | the event loop: one method per event source | a source of events |
//! | [`network`] | transports, discovery, port mapping, our own addresses | a transport: `network/transport/<name>.rs` |
//! | [`serve`] | page, relay record, metrics, control socket, JSON events, health | a metric: `serve/metrics/petrel/<group>.rs`; a control (RPC) method: `serve/control/`; an HTTP endpoint: `serve/page.rs` |
//! | [`signer`] | the signer, read from L1 and proven | |
//! | [`store`] | the database: blocks, peers, bans; its repair, compaction and copies | a table: `store/tables.rs` |
//! | [`host`], [`identity`], [`primitives`] | what the driver needs: clock, threads, key, signatures and hashes | |
//! | [`secret`] | values that are never shown: keys, and URLs with credentials | |
//! | `system` | clock, signals, file locks and modes, limits of the operating system | |
//!
//! Dependency direction: `system`, `secret`, `primitives`, `identity`, `store`, `host`, then `network` and `signer`, then `serve`, then
//! `cli`, then `daemon`, then `command`. No two files import each other.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub mod cli;
pub mod command;
pub mod daemon;
pub mod host;
pub mod identity;
pub mod network;
pub mod primitives;
pub mod secret;
pub mod serve;
pub mod signer;
pub mod store;
mod system;

/// The daemon's allocator. Blocks of many sizes are allocated on one thread and freed on another, for months; glibc's allocator
/// grows under that load.
pub use tikv_jemallocator::Jemalloc as Allocator;

use cli::{env, flags::Cli, op_node};

/// Runs `petrel` with the process's arguments and environment.
pub fn main() -> ExitCode {
    system::private_files::create_privately();
    let clap = op_node::take(env::with_fallback(Cli::command(), &|name| std::env::var_os(name)));
    let matches = clap.get_matches();
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => command::run(cli, std::env::args_os().len() > 1, &op_node::warnings(&matches, &op_node::process())),
        Err(error) => error.exit(),
    }
}
