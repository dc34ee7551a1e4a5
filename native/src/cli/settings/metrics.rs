//! Where metrics are served, from the flags.

use std::net::IpAddr;

use super::{Judge, parse};
use crate::cli::flags::MetricsFlags;

impl Judge {
    /// Address and port are judged even where metrics are off.
    pub(super) fn metrics(&mut self, flags: &MetricsFlags) -> Option<(IpAddr, u16)> {
        let ip = self.ip("metrics.addr", &flags.addr);
        let port = self.take("metrics.port", parse::port(&flags.port));
        ip.filter(|_| flags.enabled).map(|ip| (ip, port))
    }
}
