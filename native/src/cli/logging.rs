//! Logs: to stderr, level by target.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::cli::parse;

/// gossipsub warns of what peers send, a line for each message and sometimes with all its bytes: whoever connects could fill
/// the disk. What is wrong with a message is told by our own events; its lines come with `debug`, or when named.
const MUTED: &str = "libp2p_gossipsub";

/// `info`, or directives by target: `info,petrel_core=debug,libp2p_swarm=warn`; `usual` where none is given.
///
/// # Errors
/// Not such a list.
pub fn filter(given: Option<&str>, usual: &str) -> Result<EnvFilter, String> {
    let text = parse::list_or(given.as_slice(), usual).join(",").to_ascii_lowercase();
    // A lone word would be taken for a target.
    if !text.contains('=') && text.split(',').any(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(
            "expected off, error, warn, info, debug or trace, or directives like info,petrel_core=debug".to_owned()
        );
    }
    let asked = text.contains(MUTED) || text.parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::DEBUG);
    let text = if asked { text } else { format!("{text},{MUTED}=off") };
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

/// Starts logging; a second call changes nothing.
pub fn start(given: Option<&str>, usual: &str) {
    if let Ok(filter) = filter(given, usual) {
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let logs = logs.with_ansi(std::io::stderr().is_terminal());
        // Refused when a test of the same process has started it before.
        let _already = logs.try_init();
    }
}
