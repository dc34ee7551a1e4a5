//! Where the page is served, from the flags.

use std::net::IpAddr;

use super::checker::FlagChecker;
use crate::cli::{flags::HttpFlags, parse};

impl FlagChecker {
    pub(super) fn http(&mut self, flags: &HttpFlags) -> Option<(IpAddr, u16)> {
        let ip = self.ip("http.addr", &flags.addr);
        let port = flags.port.as_deref().map(|text| self.take("http.port", parse::port(text)));
        ip.zip(port)
    }
}
