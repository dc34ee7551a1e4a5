//! Flags of the metrics, as written.

use clap::Args;

/// The metrics.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics")]
pub struct MetricsFlags {
    /// Serve Prometheus metrics at /metrics: op-node's and Petrel's own
    #[arg(id = "metrics-enabled", value_name = "ENABLED", long = "metrics.enabled", env = "PETREL_METRICS_ENABLED", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub enabled: bool,
    /// IP address of the metrics (op-node's default is 0.0.0.0)
    #[arg(
        id = "metrics-addr",
        long = "metrics.addr",
        value_name = "IP",
        default_value = "127.0.0.1",
        env = "PETREL_METRICS_ADDR"
    )]
    pub addr: String,
    /// Port of the metrics: 1 to 65535, or 0 for any free port
    #[arg(
        id = "metrics-port",
        long = "metrics.port",
        value_name = "PORT",
        default_value = "7300",
        env = "PETREL_METRICS_PORT"
    )]
    pub port: String,
}
