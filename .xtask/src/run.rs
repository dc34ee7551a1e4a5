//! `cargo xtask run`: from a fresh clone to a running node in one command.

use std::process::Command;

use anyhow::Result;

use crate::{compile, group::shown, shell::Shell, www};

/// Builds the page and the daemon in release, then becomes the daemon.
pub(crate) fn run(shell: &Shell, args: &[String]) -> Result<()> {
    www::build(shell)?;
    let mut petrel = Command::new(compile::release(shell, "petrel")?);
    petrel.args(subcommand(args)).args(args);
    println!("$ {}", shown(&petrel));
    replace(&mut petrel)
}

/// With a chain in the arguments the subcommand is `node`, without one `devnet`. A first argument that is not a flag is the
/// subcommand.
fn subcommand(args: &[String]) -> Option<&'static str> {
    let is =
        |arg: &String, flag: &str| arg.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let chain = args.iter().any(|arg| is(arg, "--network") || is(arg, "--rollup.config"));
    match args.first() {
        Some(first) if !first.starts_with('-') => None,
        _ if chain => Some("node"),
        _ => Some("devnet"),
    }
}

/// Replaces this process by the child, so that signals and exit status are the child's.
#[cfg(unix)]
fn replace(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Runs the child and exits with its status. Ctrl-C reaches the child through its console.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::subcommand;

    fn of(words: &[&str]) -> Option<&'static str> {
        subcommand(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_chain_of_our_own_unless_one_is_named() {
        assert_eq!(of(&[]), Some("devnet"));
        assert_eq!(of(&["--blocks", "5"]), Some("devnet"));
        assert_eq!(of(&["--events", "json", "--network", "base"]), Some("node"));
        assert_eq!(of(&["--rollup.config=rollup.json"]), Some("node"));
        assert_eq!(of(&["check", "--network", "base", "file"]), None);
    }
}
