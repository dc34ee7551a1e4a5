//! Flags of events and logs, as written.

use clap::Args;

/// Events and logs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Format of events on stdout: `json` prints one object per line
    #[arg(long, value_enum, default_value_t = EventFormat::None, env = "PETREL_EVENTS")]
    pub events: EventFormat,
    /// Level of logs on stderr: error, warn, info, debug, trace, or by target (info,petrel_core=debug) [default: info; warn for
    /// devnet, which prints its blocks]
    #[arg(long = "log.level", value_name = "LEVEL", env = "PETREL_LOG_LEVEL")]
    pub log_level: Option<String>,
}

/// The format of events on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EventFormat {
    /// No events; a devnet prints its blocks as text.
    None,
    /// One JSON object per line.
    Json,
}
