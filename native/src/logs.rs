//! Logs: to stderr, level by target.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// `info`, or directives by target: `info,petrel_core=debug,libp2p_swarm=warn`.
///
/// # Errors
/// Not such a list.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let text = text.to_ascii_lowercase();
    // A lone word would be taken for a target.
    if !text.contains('=') && text.split(',').any(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(
            "expected off, error, warn, info, debug or trace, or directives like info,petrel_core=debug".to_owned()
        );
    }
    EnvFilter::try_new(text).map_err(|error| error.to_string())
}

/// Starts logging; a second call changes nothing.
pub fn start(level: &str) {
    if let Ok(filter) = filter(level) {
        let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // Refused when a test of the same process has started it before.
        let _already = logs.try_init();
    }
}
