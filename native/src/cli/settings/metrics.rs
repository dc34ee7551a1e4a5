//! Where metrics are served, from the flags.

use std::net::IpAddr;

use super::checker::FlagChecker;
use crate::cli::{flags::MetricsFlags, parse};

impl FlagChecker {
    /// Address and port are checked even if metrics are disabled.
    pub(super) fn metrics(&mut self, flags: &MetricsFlags) -> Option<(IpAddr, u16)> {
        let ip = self.ip("metrics.addr", &flags.addr);
        let port = self.take("metrics.port", parse::any_port(&flags.port));
        ip.filter(|_| flags.enabled).map(|ip| (ip, port))
    }
}
