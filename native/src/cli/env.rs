//! op-node's and kona-node's environment variables as a fallback for ours.
//!
//! Each flag has a `PETREL_…` variable. Ours have the names of op-node's (which do not always follow its flags), so the fallback
//! of `PETREL_X` is `OP_NODE_X`: it is used if ours is not set, and then kona-node's `KONA_NODE_X`, which has other names for some
//! ([`op_node`]). The command line has priority over all. An empty variable counts
//! as not set: compose files set undefined variables to the empty string.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::op_node::{self, KonaValue};

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
        _ if let Some(found) = of_kona(&ours, value) => match found {
            KonaValue::In(name) => arg.env(name),
            KonaValue::Converted(value) => arg.env(None::<&str>).default_value(value),
        },
        // clap would use the empty string as a value.
        _ if value(&ours).is_some() => arg.env(None::<&str>),
        _ => arg,
    }
}

/// kona's variable for this one of ours, if it is set.
fn of_kona(ours: &str, value: &dyn Fn(&str) -> Option<OsString>) -> Option<KonaValue> {
    op_node::kona_fallback(ours.strip_prefix(OURS)?, |name| op_node::is_set(value(name)))
}
