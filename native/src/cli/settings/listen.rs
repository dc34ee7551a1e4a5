//! Where the node listens, from the flags.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::{Judge, parse};
use crate::{cli::flags::ListenFlags, network::transport::PERIOD};

/// Listening and dialling.
#[derive(Clone, Debug)]
pub struct Net {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Encryption in order of preference.
    pub security: Vec<Security>,
    /// How long a dial or a handshake may take.
    pub timeout: Duration,
    /// What the node calls itself.
    pub agent: String,
    /// How long a WebTransport certificate is served.
    pub period: Duration,
    /// The certificate of secure WebSocket; there when an address of it is listened on.
    pub certificate: Option<PemFiles>,
}

impl Net {
    /// Listens on these, with Noise and what the flags say by default.
    pub fn new(listen: Vec<Multiaddr>, agent: &str) -> Self {
        let (security, timeout) = (vec![Security::Noise], Duration::from_secs(10));
        Self { listen, security, timeout, agent: agent.to_owned(), period: PERIOD, certificate: None }
    }
}

/// A certificate and its key, in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// The certificate, then those that vouch for it.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An encryption that can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// libp2p noise.
    Noise,
    /// libp2p TLS 1.3.
    Tls,
}

/// A port for each transport that listens; 0 lets the system choose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ports {
    pub(crate) tcp: u16,
    pub(crate) quic: Option<u16>,
    pub(crate) webtransport: Option<u16>,
    pub(crate) ws: Option<u16>,
    pub(crate) wss: Option<u16>,
}

impl Ports {
    /// What is listened on at `ip`.
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

    /// Two listeners of one protocol on one port, by the names of their flags.
    fn clash(self, discovery: Option<u16>) -> Option<(&'static str, &'static str)> {
        let tcp = [("p2p.listen.tcp", Some(self.tcp)), ("p2p.listen.ws", self.ws), ("p2p.listen.wss", self.wss)];
        let udp = [
            ("p2p.listen.udp", discovery),
            ("p2p.listen.quic", self.quic),
            ("p2p.listen.webtransport", self.webtransport),
        ];
        twice(&tcp).or_else(|| twice(&udp))
    }
}

fn twice(ports: &[(&'static str, Option<u16>)]) -> Option<(&'static str, &'static str)> {
    let same = |a: Option<u16>, b: Option<u16>| a.is_some_and(|port| port != 0) && a == b;
    let later = |at: usize| ports.iter().skip(at + 1);
    ports.iter().enumerate().find_map(|(at, (name, port))| {
        later(at).find(|(_, other)| same(*port, *other)).map(|(other, _)| (*name, *other))
    })
}

impl Judge {
    pub(super) fn listen_ips(&mut self, flags: &ListenFlags) -> Vec<IpAddr> {
        let ips = parse::list_or(&flags.ip, ListenFlags::IP).into_iter();
        ips.filter_map(|text| self.ip("p2p.listen.ip", text)).collect()
    }

    /// The ports. `discovery` is the port on which discovery listens, if it does: 0 there means that of TCP.
    pub(super) fn ports(&mut self, flags: &ListenFlags, discovery: Option<u16>) -> Ports {
        let tcp = self.take("p2p.listen.tcp", parse::port(&flags.tcp));
        let ports = Ports {
            tcp,
            quic: self.port("p2p.listen.quic", flags.quic.as_deref()),
            webtransport: self.port("p2p.listen.webtransport", flags.webtransport.as_deref()),
            ws: self.port("p2p.listen.ws", flags.ws.as_deref()),
            wss: self.port("p2p.listen.wss", flags.wss.as_deref()),
        };
        let discovery = discovery.map(|port| if port == 0 { tcp } else { port });
        if let Some((first, second)) = ports.clash(discovery) {
            self.0.push(format!("--{second}: its port is taken by --{first}: give another"));
        }
        ports
    }

    fn port(&mut self, flag: &str, text: Option<&str>) -> Option<u16> {
        text.map(|text| self.take(flag, parse::port(text)))
    }

    /// How long a WebTransport certificate is served: browsers allow no more.
    pub(super) fn period(&mut self, flags: &ListenFlags) -> Duration {
        let period = self.take("p2p.webtransport.period", parse::duration(&flags.period));
        if !(Duration::from_secs(1)..=PERIOD).contains(&period) {
            self.0.push("--p2p.webtransport.period: expected 1s to 264h, for browsers allow no more".to_owned());
        }
        period
    }

    /// The files of secure WebSocket, all of the flags or none.
    pub(super) fn pem_files(&mut self, flags: &ListenFlags) -> Option<PemFiles> {
        match (&flags.wss, &flags.cert, &flags.key) {
            (Some(_), Some(chain), Some(key)) => Some(PemFiles { chain: chain.clone(), key: key.clone() }),
            (None, None, None) => None,
            (Some(_), ..) => {
                self.0.push("--p2p.listen.wss: needs --p2p.wss.cert and --p2p.wss.key".to_owned());
                None
            }
            (None, ..) => {
                self.0.push("--p2p.wss.cert and --p2p.wss.key: serve --p2p.listen.wss, which is not given".to_owned());
                None
            }
        }
    }
}
