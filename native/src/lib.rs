//! # petrel-node: the daemon
//!
//! petrel-core's [`Driver`](petrel_core::net::Driver) on tokio, with what only a machine of one's own can bring: TCP and
//! WebSocket listeners, worker threads with libsecp256k1, a key file, signals, a page to serve.
//!
//! In reading order: [`flags`] (the command line as written), [`env`] (its fallbacks), [`parse`] and [`settings`] (resolved,
//! every mistake named), [`identity`], [`transport`], [`store`], [`host`] and [`primitives`] (what the Driver needs), [`signer`]
//! (who signs, from L1), [`daemon`] (the loop), [`events`], [`health`], [`logs`], [`metrics`] and [`page`] (what comes out), [`desk`]
//! and [`control`] (what is asked of the loop); then the other subcommands: [`devnet`], [`check`], [`chains`], [`key`], [`peers`], [`bans`].

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

pub mod cli;
pub mod command;
pub mod daemon;
pub mod host;
pub mod identity;
pub mod network;
pub mod primitives;
pub mod serve;
pub mod signer;
pub mod store;
mod system;

/// What the daemon allocates with. Blocks of many sizes are made on one thread and dropped on another, for months: under
/// that glibc's allocator grows.
pub use tikv_jemallocator::Jemalloc as Allocator;

use cli::{
    env,
    flags::{Cli, Command, NodeFlags},
    logging,
    settings::Settings,
};
use command::{bans, chains, check, devnet, key, peers};

/// The program could not start: a wrong flag, file, key, address or configuration.
const UNUSABLE: u8 = 2;

/// The program itself failed: what Rust's own panics end with.
const DEFECT: u8 = 101;

/// Runs `petrel` with the process's arguments and environment.
pub fn main() -> ExitCode {
    let command = env::with_fallback(Cli::command(), &|name| std::env::var_os(name));
    let cli = match Cli::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match cli.command {
        None => node(&cli.node),
        Some(Command::Node(flags)) => node(&flags),
        Some(Command::Devnet(flags)) => {
            logging::start(flags.output.log_level.as_deref(), "warn");
            match devnet::Settings::resolve(&flags) {
                Ok(settings) => block_on(devnet::run(settings)),
                Err(mistakes) => unusable(&mistakes),
            }
        }
        Some(Command::Check(flags)) => match check::run(&flags) {
            Ok(all_accepted) => ExitCode::from(u8::from(!all_accepted)),
            Err(mistakes) => unusable(&mistakes),
        },
        Some(Command::Chains(flags)) => match chains::run(&flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(mistakes) => unusable(&mistakes),
        },
        Some(Command::Key(flags)) => match key::run(&flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => unusable(&error),
        },
        Some(Command::Peers(flags)) => match peers::run(&flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => unusable(&error),
        },
        Some(Command::Bans(flags)) => match bans::run(&flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => unusable(&error),
        },
    }
}

fn node(flags: &NodeFlags) -> ExitCode {
    logging::start(flags.output.log_level.as_deref(), "info");
    match Settings::resolve(flags) {
        Ok(settings) => block_on(daemon::run(settings)),
        Err(mistakes) => unusable(&mistakes),
    }
}

/// Runs the body on tokio; what keeps it from starting is said like any other mistake. It runs as a task: a connection and
/// the loop that hears of it are then one thread's work, and need not wake each other.
fn block_on(body: impl Future<Output = Result<(), daemon::DaemonError>> + Send + 'static) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return unusable(&error),
    };
    let ended = runtime.block_on(async { tokio::spawn(body).await });
    // A check that still runs must not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => unusable(&error),
        Err(panicked) => {
            unusable(&panicked);
            ExitCode::from(DEFECT)
        }
    }
}

fn unusable(error: &dyn std::error::Error) -> ExitCode {
    for mistake in error.to_string().lines() {
        eprintln!("petrel: {mistake}");
    }
    ExitCode::from(UNUSABLE)
}
