//! Flags of the HTTP server of the page, as written.

use clap::Args;

/// The HTTP server of the page.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Page")]
pub struct HttpFlags {
    /// IP address of the HTTP server, which serves the light-client page
    #[arg(long = "http.addr", value_name = "IP", default_value = "127.0.0.1", env = "PETREL_HTTP_ADDR")]
    pub addr: String,
    /// Port of the HTTP server: 1024 to 65535, or 0 for any free port; without it a node serves no page
    #[arg(long = "http.port", value_name = "PORT", env = "PETREL_HTTP_PORT")]
    pub port: Option<String>,
}
