//! Logs on stderr, with levels by target.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::parse;

/// gossipsub logs a warning for each invalid message of a peer, sometimes with all its bytes: any peer could fill the disk. Our own
/// events report invalid messages; gossipsub's lines appear with `debug`, or when its target is named.
const MUTED: &str = "libp2p_gossipsub";

/// A level, or directives by target: `info,petrel_core=debug,libp2p_swarm=warn`; `default` if none is given.
///
/// # Errors
/// It is not such a list.
pub fn filter(given: Option<&str>, default: &str) -> Result<EnvFilter, String> {
    let text = parse::list_or(given.as_slice(), default).join(",").to_ascii_lowercase();
    // A single word would be parsed as a target.
    if !text.contains('=') && text.split(',').any(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(
            "expected off, error, warn, info, debug or trace, or directives like info,petrel_core=debug".to_owned()
        );
    }
    let is_wanted = text.contains(MUTED) || text.parse::<LevelFilter>().is_ok_and(|level| level >= LevelFilter::DEBUG);
    let text = if is_wanted { text } else { format!("{text},{MUTED}=off") };
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

/// Starts logging; a second call changes nothing.
pub fn start(given: Option<&str>, default: &str) {
    if let Ok(filter) = filter(given, default) {
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let logs = logs.with_ansi(std::io::stderr().is_terminal());
        // Fails if a test of the same process has started it before.
        let _already = logs.try_init();
    }
}
