//! Settings of op-node and kona-node that Petrel takes and does not use: an operator's command line and environment start Petrel
//! unchanged, and a warning says what each of them does not do here, and why. None ends the start, none is ignored in silence.
//!
//! What Petrel has itself has op-node's name in [`flags`](super::flags). The table of the rest is [`table::UNUSED`].

use clap::{Arg, ArgAction, ArgMatches, Command};

mod kona;
mod names;
mod table;
mod variables;

pub use kona::{KonaValue, fallback as kona_fallback};
pub(crate) use names::is_set;
pub use table::{Takes, UNUSED, Unused};
pub use variables::{Variables, process};

/// The command that takes these flags in addition to its own; also its subcommand `node`.
pub fn take(command: Command) -> Command {
    with_flags(command).mut_subcommand("node", with_flags)
}

fn with_flags(command: Command) -> Command {
    UNUSED.iter().fold(command, |command, unused| command.arg(arg(unused)))
}

/// A switch may have a value, `--rpc.enable-admin=true`, whatever it is: op-node's own mistakes are not ours to refuse.
fn arg(unused: &Unused) -> Arg {
    let arg = Arg::new(id(unused)).long(unused.flag).hide(true).action(ArgAction::Append).allow_hyphen_values(true);
    match unused.takes {
        Takes::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Takes::Value => arg.num_args(1),
    }
}

/// No id of our own flags begins so.
fn id(unused: &Unused) -> String {
    format!("unused {}", unused.flag)
}

/// One sentence for each setting that was given and is not used.
pub fn warnings(matches: &ArgMatches, variables: &Variables) -> Vec<String> {
    let matches = matches.subcommand_matches("node").unwrap_or(matches);
    let given = UNUSED.iter().filter_map(|unused| {
        let on_command_line = matches.get_many::<String>(&id(unused)).and_then(|mut values| values.next_back());
        if on_command_line.is_some_and(|value| unused.is_on(value)) {
            return Some(format!("--{} is not used: {}", unused.flag, unused.why));
        }
        let variable = unused.variables().find(|name| variables.get(name).is_some_and(|value| unused.is_on(&value)))?;
        on_command_line.is_none().then(|| format!("{variable} is not used: {}", unused.why))
    });
    given.chain(variables::unknown(variables)).collect()
}

impl Unused {
    /// A switch that is off asks for nothing.
    fn is_on(&self, value: &str) -> bool {
        let is_off = ["false", "0", "f", "no", "off", ""].contains(&value.trim().to_ascii_lowercase().as_str());
        !(is_off && self.takes == Takes::Switch)
    }

    /// Its environment variables.
    fn variables(&self) -> impl Iterator<Item = String> {
        let op_node = (!self.variable.is_empty()).then(|| format!("{}{}", names::OP_NODE, self.variable));
        op_node.into_iter().chain(self.kona.iter().map(|suffix| format!("{}{suffix}", names::KONA)))
    }
}
