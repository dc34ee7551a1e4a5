//! What `petrel` prints when it is run without arguments and without a chain in the environment.

use super::flags::NodeFlags;

/// The main commands, with one example each.
pub(crate) const TEXT: &str = "\
petrel is an OP Stack P2P node. Give it a command; `petrel COMMAND --help` lists the options.

  petrel --network op-mainnet                         follow a chain and verify its unsafe blocks
  petrel devnet                                       run a local chain with the light-client page
  petrel check --network op-mainnet message.snappy    validate captured messages offline
  petrel chains                                       list the known chains
  petrel key new key.txt                              create a key for a node
  petrel peers                                        list the peers of the running node
  petrel bans list                                    list the bans of a node
";

/// Whether neither the command line nor the environment selects a chain.
pub(crate) fn names_no_chain(flags: &NodeFlags) -> bool {
    flags.chain.network.is_none() && flags.chain.rollup_config.is_none()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{super::flags::Cli, TEXT};

    #[test]
    fn every_example_is_a_valid_command_line() {
        let lines: Vec<&str> = TEXT.lines().filter(|line| line.starts_with("  petrel")).collect();
        assert!(lines.len() > 5 && TEXT.lines().count() <= 10, "{TEXT}");
        for line in lines {
            let command = line.trim().split("  ").next().unwrap();
            assert!(Cli::try_parse_from(command.split(' ')).is_ok(), "{command}");
        }
    }
}
