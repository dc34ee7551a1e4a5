//! Listening addresses and certificates, from the flags.

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use libp2p::{Multiaddr, multiaddr::Protocol};

use super::checker::FlagChecker;
use crate::{
    cli::{flags::ListenFlags, parse},
    network::{config::PemFiles, transport::webtransport::certificate::PERIOD},
};

/// The port of each listening transport; 0 stands for any free port.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListenPorts {
    pub(crate) tcp: u16,
    pub(crate) quic: Option<u16>,
    pub(crate) webtransport: Option<u16>,
    pub(crate) ws: Option<u16>,
    pub(crate) wss: Option<u16>,
}

impl ListenPorts {
    /// The listening addresses at `ip`.
    pub(crate) fn on(self, ip: IpAddr) -> impl Iterator<Item = Multiaddr> {
        let tcp = move |port| Multiaddr::from(ip).with(Protocol::Tcp(port));
        let quic = move |port| Multiaddr::from(ip).with(Protocol::Udp(port)).with(Protocol::QuicV1);
        let others = [
            self.quic.map(quic),
            self.webtransport.map(|port| quic(port).with(Protocol::WebTransport)),
            self.ws.map(|port| tcp(port).with(Protocol::Ws("/".into()))),
            self.wss.map(|port| tcp(port).with(Protocol::Tls).with(Protocol::Ws("/".into()))),
        ];
        std::iter::once(tcp(self.tcp)).chain(others.into_iter().flatten())
    }

    /// The flags of two listeners with the same protocol and port.
    fn conflict(self, discovery: Option<u16>) -> Option<(&'static str, &'static str)> {
        let tcp = [("p2p.listen.tcp", Some(self.tcp)), ("p2p.listen.ws", self.ws), ("p2p.listen.wss", self.wss)];
        let udp = [
            ("p2p.listen.udp", discovery),
            ("p2p.listen.quic", self.quic),
            ("p2p.listen.webtransport", self.webtransport),
        ];
        same_port(&tcp).or_else(|| same_port(&udp))
    }
}

fn same_port(ports: &[(&'static str, Option<u16>)]) -> Option<(&'static str, &'static str)> {
    let same = |a: Option<u16>, b: Option<u16>| a.is_some_and(|port| port != 0) && a == b;
    let later = |at: usize| ports.iter().skip(at + 1);
    ports.iter().enumerate().find_map(|(at, (name, port))| {
        later(at).find(|(_, other)| same(*port, *other)).map(|(other, _)| (*name, *other))
    })
}

impl FlagChecker {
    pub(super) fn listen_ips(&mut self, flags: &ListenFlags) -> Vec<IpAddr> {
        let ips = parse::list_or(&flags.ip, ListenFlags::IP).into_iter();
        ips.filter_map(|text| self.ip("p2p.listen.ip", text)).collect()
    }

    /// The ports. `discovery` is the port of discovery, if it is enabled: 0 stands for the number of the TCP port.
    pub(super) fn ports(&mut self, flags: &ListenFlags, discovery: Option<u16>) -> ListenPorts {
        let tcp = self.take("p2p.listen.tcp", parse::port(&flags.tcp));
        let ports = ListenPorts {
            tcp,
            quic: self.port("p2p.listen.quic", flags.quic.as_deref()),
            webtransport: self.port("p2p.listen.webtransport", flags.webtransport.as_deref()),
            ws: self.port("p2p.listen.ws", flags.ws.as_deref()),
            wss: self.port("p2p.listen.wss", flags.wss.as_deref()),
        };
        let discovery = discovery.map(|port| if port == 0 { tcp } else { port });
        if let Some((first, second)) = ports.conflict(discovery) {
            self.0.push(format!("--{second}: its port is used by --{first}: give another one"));
        }
        ports
    }

    /// The networks of the reverse proxies whose word on their clients is taken.
    pub(super) fn trusted_proxies(&mut self, flags: &ListenFlags) -> Vec<IpNet> {
        let proxies: Vec<IpNet> =
            parse::list(&flags.trusted_proxies).filter_map(|text| self.trusted_proxy(text)).collect();
        if !proxies.is_empty() && flags.ws.is_none() && flags.wss.is_none() {
            self.0.push("--p2p.ws.trusted-proxies: needs --p2p.listen.ws or --p2p.listen.wss".to_owned());
        }
        proxies
    }

    fn trusted_proxy(&mut self, text: &str) -> Option<IpNet> {
        let text = text.trim();
        match text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse::<IpNet>()) {
            Ok(net) if net.prefix_len() == 0 => {
                self.0.push(format!("--p2p.ws.trusted-proxies: {text:?} is every address: name the proxies alone"));
                None
            }
            Ok(net) => Some(net.trunc()),
            Err(_) => {
                let expected = "expected an address, or a network like 10.0.0.0/8 or 2001:db8::/32";
                self.0.push(format!("--p2p.ws.trusted-proxies: {text:?} is neither: {expected}"));
                None
            }
        }
    }

    fn port(&mut self, flag: &str, text: Option<&str>) -> Option<u16> {
        text.map(|text| self.take(flag, parse::any_port(text)))
    }

    /// How long a WebTransport certificate is served, which browsers limit.
    pub(super) fn period(&mut self, flags: &ListenFlags) -> Duration {
        let period = self.take("p2p.webtransport.period", parse::duration(&flags.period));
        if !(Duration::from_secs(1)..=PERIOD).contains(&period) {
            self.0.push("--p2p.webtransport.period: expected 1s to 264h, the limit of browsers".to_owned());
        }
        period
    }

    /// The files of secure WebSocket: all of its flags are given, or none.
    pub(super) fn pem_files(&mut self, flags: &ListenFlags) -> Option<PemFiles> {
        match (&flags.wss, &flags.cert, &flags.key) {
            (Some(_), Some(chain), Some(key)) => Some(PemFiles { chain: chain.clone(), key: key.clone() }),
            (None, None, None) => None,
            (Some(_), ..) => {
                self.0.push("--p2p.listen.wss: needs --p2p.wss.cert and --p2p.wss.key".to_owned());
                None
            }
            (None, ..) => {
                self.0.push("--p2p.wss.cert and --p2p.wss.key: they need --p2p.listen.wss".to_owned());
                None
            }
        }
    }
}
