//! op-node's environment variables as a fallback for ours.
//!
//! Each flag knows its `PETREL_…` variable. Ours are named as op-node's are (which do not always follow its flags), so the
//! fallback of `PETREL_X` is `OP_NODE_X`: it counts when ours is not set. The command line wins over both.

use clap::{Arg, Command};

const OURS: &str = "PETREL_";
const FALLBACK: &str = "OP_NODE_";

/// The command with each variable that is not set replaced by op-node's where that one is. `set` tells whether a
/// variable is set.
pub fn with_fallback(command: Command, set: &dyn Fn(&str) -> bool) -> Command {
    let command = command.mut_args(|arg| fall_back(arg, set));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| with_fallback(sub, set)))
}

fn fall_back(arg: Arg, set: &dyn Fn(&str) -> bool) -> Arg {
    let ours = arg.get_env().and_then(|name| name.to_str()).map(str::to_owned);
    let suffix = ours.as_deref().filter(|name| !set(name)).and_then(|name| name.strip_prefix(OURS));
    match suffix.map(|suffix| format!("{FALLBACK}{suffix}")) {
        Some(theirs) if set(&theirs) => arg.env(theirs),
        _ => arg,
    }
}
