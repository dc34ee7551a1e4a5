//! Flags of the HTTP server of the page, as written.

use clap::Args;

/// The HTTP server of the page.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Page")]
pub struct HttpFlags {
    /// IP address of the HTTP server, which serves the light-client page
    #[arg(long = "http.addr", value_name = "IP", default_value = "127.0.0.1", env = "PETREL_HTTP_ADDR")]
    pub addr: String,
    /// Port of the HTTP server: 1 to 65535, or 0 for any free port; without it a node serves no page
    #[arg(long = "http.port", value_name = "PORT", env = "PETREL_HTTP_PORT")]
    pub port: Option<String>,
    /// Host names by which others reach the page or the metrics through a proxy on this machine, comma separated: on a loopback
    /// address only requests for these, for localhost, for --p2p.advertise.ip and for IP addresses are answered. Any name makes the
    /// relay's record readable by pages of every site. With the first one the node record says that the record is at https://NAME
    #[arg(long = "http.hosts", value_name = "LIST", value_delimiter = ',', env = "PETREL_HTTP_HOSTS")]
    pub hosts: Vec<String>,
}
