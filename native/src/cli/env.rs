//! op-node's environment variables as a fallback for ours.
//!
//! Each flag has a `PETREL_…` variable. Ours have the names of op-node's (which do not always follow its flags), so the fallback
//! of `PETREL_X` is `OP_NODE_X`: it is used if ours is not set. The command line has priority over both. An empty variable counts
//! as not set: compose files set undefined variables to the empty string.

use std::ffi::OsString;

use clap::{Arg, Command};

const OURS: &str = "PETREL_";
const FALLBACK: &str = "OP_NODE_";

/// The command with each unset variable replaced by op-node's, if that is set. `value` returns the value of a variable.
pub fn with_fallback(command: Command, value: &dyn Fn(&str) -> Option<OsString>) -> Command {
    let command = command.mut_args(|arg| fall_back(arg, value));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| with_fallback(sub, value)))
}

fn fall_back(arg: Arg, value: &dyn Fn(&str) -> Option<OsString>) -> Arg {
    let is_set = |name: &str| value(name).is_some_and(|value| !value.is_empty());
    let Some(ours) = arg.get_env().and_then(|name| name.to_str()).map(str::to_owned) else { return arg };
    let theirs = ours.strip_prefix(OURS).map(|suffix| format!("{FALLBACK}{suffix}"));
    match theirs {
        _ if is_set(&ours) => arg,
        Some(theirs) if is_set(&theirs) => arg.env(theirs),
        // clap would use the empty string as a value.
        _ if value(&ours).is_some() => arg.env(None::<&str>),
        _ => arg,
    }
}
