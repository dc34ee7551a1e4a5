//! Flags of events and logs, as written.

use clap::Args;

/// Events and logs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Format of events on stdout: `json` prints one object per line
    #[arg(long, value_enum, default_value_t = EventFormat::None, env = "PETREL_EVENTS")]
    pub events: EventFormat,
    /// Level of logs on stderr: error, warn, info, debug, trace (op-node's crit is error), or by target (info,petrel_core=debug) [default: info; warn for
    /// devnet, which prints its blocks]
    #[arg(long = "log.level", value_name = "LEVEL", env = "PETREL_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// Format of logs on stderr, with op-node's names: text (or terminal), logfmt (or logfmtms), json (or jsonms)
    #[arg(long = "log.format", value_enum, ignore_case = true, value_name = "FORMAT", default_value_t = LogFormat::Text, env = "PETREL_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// Colors in logs of the format text [default: if stderr is a terminal]
    #[arg(long = "log.color", env = "PETREL_LOG_COLOR", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub log_color: Option<bool>,
}

/// The format of logs on stderr. Times have microseconds in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[value(alias = "terminal")]
    Text,
    /// `key=value` pairs on one line.
    #[value(alias = "logfmtms")]
    Logfmt,
    /// One JSON object on a line.
    #[value(alias = "jsonms")]
    Json,
}

/// The format of events on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EventFormat {
    /// No events; a devnet prints its blocks as text.
    None,
    /// One JSON object per line.
    Json,
}
