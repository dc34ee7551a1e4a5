//! The subcommands of `petrel`, one file each, and their exit statuses: 0 for success, 1 if `check` does not accept a
//! message or `store verify` finds a fault, 2 if
//! the program cannot start, 101 after a panic.

use std::process::ExitCode;

use crate::{
    cli::{
        flags::{Cli, Command, DevnetFlags, NodeFlags},
        logging, usage,
    },
    daemon::DaemonError,
};

pub mod bans;
pub mod chains;
pub mod check;
pub mod devnet;
pub mod key;
pub mod node;
pub mod peers;
pub mod store;

/// The program cannot start: an invalid flag, file, key, address or configuration.
const UNUSABLE: u8 = 2;

/// The program failed: the status of Rust's own panics.
const DEFECT: u8 = 101;

/// Runs the subcommand of the command line; `has_arguments` says whether it has any, and `unused` what a node does not use of it.
pub(crate) fn run(cli: Cli, has_arguments: bool, unused: &[String]) -> ExitCode {
    let status = run_command(cli, has_arguments, unused);
    logging::finish();
    status
}

fn run_command(cli: Cli, has_arguments: bool, unused: &[String]) -> ExitCode {
    match cli.command {
        None if !has_arguments && usage::names_no_chain(&cli.node) => {
            logging::print(usage::TEXT);
            ExitCode::from(UNUSABLE)
        }
        None => run_node(&cli.node, unused),
        Some(Command::Node(flags)) => run_node(&flags, unused),
        Some(Command::Devnet(flags)) => run_devnet(&flags),
        Some(Command::Check(flags)) => match check::run(&flags) {
            Ok(all_accepted) => ExitCode::from(u8::from(!all_accepted)),
            Err(errors) => print_error(&errors),
        },
        Some(Command::Chains(flags)) => exit_code(chains::run(&flags)),
        Some(Command::Key(flags)) => exit_code(key::run(&flags)),
        Some(Command::Peers(flags)) => exit_code(peers::run(&flags)),
        Some(Command::Bans(flags)) => exit_code(bans::run(&flags)),
        Some(Command::Store(flags)) => match store::run(&flags) {
            Ok(has_no_fault) => ExitCode::from(u8::from(!has_no_fault)),
            Err(error) => print_error(&error),
        },
    }
}

fn run_node(flags: &NodeFlags, unused: &[String]) -> ExitCode {
    logging::start(&flags.output, "info");
    for sentence in unused {
        tracing::warn!("{sentence}");
    }
    match node::resolve(flags) {
        Ok(settings) => block_on(node::run(settings)),
        Err(errors) => print_error(&errors),
    }
}

fn run_devnet(flags: &DevnetFlags) -> ExitCode {
    logging::start(&flags.output, "warn");
    match devnet::DevnetSettings::resolve(flags) {
        Ok(settings) => block_on(devnet::run(settings)),
        Err(errors) => print_error(&errors),
    }
}

/// Runs a subcommand on tokio. It runs as a task: a connection and the event loop that processes its events are then on one thread,
/// and need not wake each other.
fn block_on(command: impl Future<Output = Result<(), DaemonError>> + Send + 'static) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print_error(&error),
    };
    let result = runtime.block_on(async { tokio::spawn(command).await });
    // A validation that still runs must not delay the end.
    runtime.shutdown_background();
    match result {
        Ok(result) => exit_code(result),
        Err(panic) => {
            print_error(&panic);
            ExitCode::from(DEFECT)
        }
    }
}

fn exit_code<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print_error(&error),
    }
}

fn print_error(error: &dyn std::error::Error) -> ExitCode {
    for line in error.to_string().lines() {
        logging::print(&format!("petrel: {line}"));
    }
    ExitCode::from(UNUSABLE)
}
