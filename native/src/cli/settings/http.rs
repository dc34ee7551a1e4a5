//! Where the page is served, from the flags.

use std::net::IpAddr;

use super::{checker::FlagChecker, discovery::host};
use crate::cli::{flags::HttpFlags, parse};

impl FlagChecker {
    pub(super) fn http(&mut self, flags: &HttpFlags) -> Option<(IpAddr, u16)> {
        let ip = self.ip("http.addr", &flags.addr);
        let port = flags.port.as_deref().map(|text| self.take("http.port", parse::any_port(text)));
        ip.zip(port)
    }

    /// The names and addresses at which others reach what is served over HTTP. `advertised` is checked elsewhere.
    pub(super) fn http_hosts(&mut self, flags: &HttpFlags, advertised: Option<&str>) -> Vec<String> {
        let given: Vec<&str> = parse::list(&flags.hosts).collect();
        let given: Vec<String> =
            given.into_iter().filter_map(|text| self.take("http.hosts", host(text).map(Some))).collect();
        given.into_iter().chain(advertised.map(str::to_owned)).collect()
    }
}
