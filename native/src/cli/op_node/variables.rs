//! The environment variables of op-node and kona-node.

use std::{collections::BTreeMap, ffi::OsString};

use clap::{Command, CommandFactory as _};

use super::{
    kona,
    names::{KONA, OP_NODE, is_set},
    table::UNUSED,
};
use crate::cli::flags::Cli;

/// Variables by name; empty ones are not set.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The value of this one.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

impl FromIterator<(OsString, OsString)> for Variables {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(all: I) -> Self {
        let named = all.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, is_set(Some(value))?)));
        Self(named.collect())
    }
}

/// Those of the process.
pub fn process() -> Variables {
    std::env::vars_os().collect()
}

/// A sentence for each variable that begins as op-node's or kona's and is none that Petrel knows: misspelt, of a wrapper script, or
/// of another version.
pub(super) fn unknown(variables: &Variables) -> Vec<String> {
    let command = Cli::command();
    let ours: Vec<&str> = command
        .get_arguments()
        .chain(command.get_subcommands().flat_map(Command::get_arguments))
        .filter_map(|arg| arg.get_env().and_then(|name| name.to_str()))
        .filter_map(|name| name.strip_prefix("PETREL_"))
        .collect();
    let is_known = |name: &str| match name.strip_prefix(OP_NODE) {
        Some(suffix) => ours.contains(&suffix) || UNUSED.iter().any(|unused| unused.variable == suffix),
        None => name.strip_prefix(KONA).is_none_or(|suffix| {
            kona::is_used(suffix, &ours) || UNUSED.iter().any(|unused| unused.kona.contains(&suffix))
        }),
    };
    let unknown = variables.0.keys().filter(|name| !is_known(name));
    unknown
        .map(|name| format!("{name} is not used: neither Petrel nor op-node or kona-node has such a setting"))
        .collect()
}
