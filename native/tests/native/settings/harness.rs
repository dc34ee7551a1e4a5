//! Settings from command lines, and checks of the reported mistakes.

use clap::Parser;
use petrel_core::chain::Cadence;
use petrel_node::{
    cli::flags::{Cli, Command},
    cli::settings::NodeSettings,
    command::devnet,
};

/// A peer id.
pub(super) const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

/// The settings of `petrel node`, or the mistakes.
pub(super) fn node(args: &[&str]) -> Result<NodeSettings, Vec<String>> {
    let cli = Cli::try_parse_from([&["petrel"], args].concat()).unwrap();
    assert!(cli.command.is_none(), "without a subcommand `node` runs");
    NodeSettings::resolve(&cli.node).map_err(|mistakes| mistakes.0)
}

/// The settings of `petrel devnet`, or the mistakes.
pub(super) fn devnet(args: &[&str]) -> Result<devnet::DevnetSettings, Vec<String>> {
    let cli = Cli::try_parse_from([&["petrel", "devnet"], args].concat()).unwrap();
    let Some(Command::Devnet(flags)) = cli.command else { panic!("no devnet") };
    devnet::DevnetSettings::resolve(&flags).map_err(|mistakes| mistakes.0)
}

/// Checks that each of `expected` is a part of one mistake, and that there are no other mistakes.
pub(super) fn assert_reported(mistakes: &[String], expected: &[&str]) {
    for part in expected {
        assert_eq!(mistakes.iter().filter(|mistake| mistake.contains(part)).count(), 1, "{part} among {mistakes:#?}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{mistakes:#?}");
}

/// The steps of a cadence: the first block, and the milliseconds between blocks.
pub(super) fn steps(cadence: &Cadence) -> Vec<(u64, u64)> {
    cadence.steps().map(|step| (step.number, step.interval_ms)).collect()
}
