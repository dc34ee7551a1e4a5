//! op-node's environment variables as a fallback for ours.
//!
//! Each flag knows its `PETREL_…` variable. Ours are named as op-node's are (which do not always follow its flags), so the
//! fallback of `PETREL_X` is `OP_NODE_X`: it counts when ours is not set. The command line wins over both. A variable that
//! is empty is not set: that is what compose files make of one that they do not know.

use std::ffi::OsString;

use clap::{Arg, Command};

const OURS: &str = "PETREL_";
const FALLBACK: &str = "OP_NODE_";

/// The command with each variable that is not set replaced by op-node's where that one is. `value` is what a variable is
/// set to.
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
        // Empty: clap would take that as a value.
        _ if value(&ours).is_some() => arg.env(None::<&str>),
        _ => arg,
    }
}
