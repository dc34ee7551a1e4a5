//! Boot nodes: the nodes that discovery asks first. Given as a record (`enr:…`), as an `enode://…`, or as a multiaddr with the
//! peer id; the latter two may have a host name, which is resolved at each request.
//!
//! One list serves all chains of an L1: the `opstack` entry of the found nodes separates the chains.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use discv5::Enr;
use libp2p::{
    Multiaddr, PeerId,
    identity::{PublicKey, secp256k1},
    multiaddr::Protocol,
};
use url::{Host, Url};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub enum Bootnode {
    /// Its signed record.
    Record(Box<Enr>),
    /// Its identity and address; its record is requested from it.
    Contact {
        /// Its peer id.
        peer: PeerId,
        /// An IP, or a host name.
        host: String,
        /// UDP port.
        port: u16,
    },
}

impl Bootnode {
    /// Its IP, if it is given. An IPv4-mapped IPv6 address is converted to the IPv4 address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Record(record) => record.ip4().map(IpAddr::V4).or_else(|| record.ip6().map(IpAddr::V6)),
            Self::Contact { host, .. } => host.parse().ok(),
        }
        .map(|ip| ip.to_canonical())
    }

    /// The addresses of a contact, in discv5's form; none for a record.
    ///
    /// # Errors
    /// The name does not resolve.
    pub async fn addresses(&self) -> std::io::Result<Vec<Multiaddr>> {
        let Self::Contact { peer, host, port } = self else { return Ok(Vec::new()) };
        let found = tokio::net::lookup_host((host.as_str(), *port))
            .await
            .map_err(|error| std::io::Error::new(error.kind(), format!("the name {host} does not resolve: {error}")))?;
        let address = |at: SocketAddr| {
            Multiaddr::from(at.ip().to_canonical()).with(Protocol::Udp(at.port())).with(Protocol::P2p(*peer))
        };
        Ok(found.map(address).collect())
    }
}

/// For the log: address and identity.
impl fmt::Display for Bootnode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => {
                let v6 = || record.udp6_socket().map(SocketAddr::V6);
                match record.udp4_socket().map(SocketAddr::V4).or_else(v6) {
                    Some(at) => write!(f, "record of {at} (node id {})", record.node_id()),
                    None => write!(f, "record without a UDP address (node id {})", record.node_id()),
                }
            }
            Self::Contact { peer, host, port } if host.contains(':') => write!(f, "[{host}]:{port} (peer {peer})"),
            Self::Contact { peer, host, port } => write!(f, "{host}:{port} (peer {peer})"),
        }
    }
}

impl FromStr for Bootnode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with("enr:") {
            return text
                .parse()
                .map(|record| Self::Record(Box::new(record)))
                .map_err(|error| format!("{text:?}: {error}"));
        }
        let found = if text.starts_with("enode://") { enode(text) } else { multiaddr(text) };
        found.map_err(|error| {
            format!("{text:?}: {error}; expected enr:…, enode://KEY@HOST:PORT or /ip4/IP/udp/PORT/p2p/PEER_ID")
        })
    }
}

/// `enode://KEY@HOST:TCP?discport=UDP`; without `discport` the port is used for both.
fn enode(text: &str) -> Result<Bootnode, String> {
    let url = Url::parse(&with_brackets(text)?).map_err(|error| error.to_string())?;
    let key: Vec<u8> = alloy_primitives::hex::decode(url.username()).map_err(|_| "the key is no hex".to_owned())?;
    let key = secp256k1::PublicKey::try_from_bytes(&[&[4], &*key].concat())
        .map_err(|_| "the key is no point of secp256k1: expected 128 hex digits".to_owned())?;
    let udp = match url.query_pairs().find(|(name, _)| name == "discport") {
        Some((_, port)) => port.parse().map_err(|_| format!("discport {port:?} is no port"))?,
        None => url.port().unwrap_or_default(),
    };
    let host = match url.host() {
        Some(Host::Ipv6(ip)) => ip.to_canonical().to_string(),
        Some(host) => host.to_string(),
        None => return Err("it names no host".to_owned()),
    };
    contact(PublicKey::from(key).to_peer_id(), host, udp)
}

/// Adds the brackets that a URL needs around an IPv6 address. op-node accepts it without them: the port follows the last colon.
fn with_brackets(text: &str) -> Result<Cow<'_, str>, String> {
    let rest = text.find('@').map_or("", |at| &text[at + 1..]);
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((host, port)) = authority.rsplit_once(':') else { return Ok(text.into()) };
    if !host.contains(':') || host.starts_with('[') {
        return Ok(text.into());
    }
    let (Ok(ip), Ok(port)) = (host.parse::<Ipv6Addr>(), port.parse::<u16>()) else {
        return Err(format!(
            "{authority:?} is no address and port; an IPv6 address is written like [2001:db8::1]:30303"
        ));
    };
    let head = &text[..text.len() - rest.len()];
    Ok(format!("{head}[{ip}]:{port}{tail}").into())
}

fn multiaddr(text: &str) -> Result<Bootnode, String> {
    let address: Multiaddr = text.parse().map_err(|error: libp2p::multiaddr::Error| error.to_string())?;
    let (mut host, mut udp, mut tcp, mut peer) = (None, None, None, None);
    for part in &address {
        match part {
            Protocol::Ip4(ip) => host = Some(ip.to_string()),
            Protocol::Ip6(ip) => host = Some(ip.to_canonical().to_string()),
            Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => host = Some(name.into_owned()),
            Protocol::Udp(port) => udp = Some(port),
            Protocol::Tcp(port) => tcp = Some(port),
            Protocol::P2p(id) => peer = Some(id),
            other => return Err(format!("{other} has no place in it")),
        }
    }
    let peer = peer.ok_or_else(|| "it lacks /p2p/PEER_ID".to_owned())?;
    // The key must be in the id itself, as it is for secp256k1.
    if peer.as_ref().code() != 0 {
        return Err("the peer id does not hold its key".to_owned());
    }
    contact(peer, host.ok_or_else(|| "it names no host".to_owned())?, udp.or(tcp).unwrap_or_default())
}

fn contact(peer: PeerId, host: String, port: u16) -> Result<Bootnode, String> {
    if port == 0 { Err("it names no UDP port".to_owned()) } else { Ok(Bootnode::Contact { peer, host, port }) }
}

/// The default boot nodes for the chains of an L1: Ethereum or Sepolia; none for another L1.
///
/// Sources, as of 2026-06: op-node `op-node/p2p/config.go` (`DefaultBootnodes`) for Ethereum; kona
/// `crates/node/peers/src/nodes.rs` for Sepolia, of which op-node has none.
pub fn default_bootnodes(l1: u64) -> &'static [&'static str] {
    match l1 {
        1 => &ETHEREUM,
        11_155_111 => &SEPOLIA,
        _ => &[],
    }
}

const ETHEREUM: [&str; 13] = [
    "enode://869d07b5932f17e8490990f75a3f94195e9504ddb6b85f7189e5a9c0a8fff8b00aecf6f3ac450ecba6cdabdb5858788a94bde2b613e0f2d82e9b395355f76d1a@34.65.67.101:30305",
    "enode://2d4e7e9d48f4dd4efe9342706dd1b0024681bd4c3300d021f86fc75eab7865d4e0cbec6fbc883f011cfd6a57423e7e2f6e104baad2b744c3cafaec6bc7dc92c1@34.65.43.171:30305",
    "enr:-J24QNz9lbrKbN4iSmmjtnr7SjUMk4zB7f1krHZcTZx-JRKZd0kA2gjufUROD6T3sOWDVDnFJRvqBBo62zuF-hYCohOGAYiOoEyEgmlkgnY0gmlwhAPniryHb3BzdGFja4OFQgCJc2VjcDI1NmsxoQKNVFlCxh_B-716tTs-h1vMzZkSs1FTu_OYTNjgufplG4N0Y3CCJAaDdWRwgiQG",
    "enr:-J24QH-f1wt99sfpHy4c0QJM-NfmsIfmlLAMMcgZCUEgKG_BBYFc6FwYgaMJMQN5dsRBJApIok0jFn-9CS842lGpLmqGAYiOoDRAgmlkgnY0gmlwhLhIgb2Hb3BzdGFja4OFQgCJc2VjcDI1NmsxoQJ9FTIv8B9myn1MWaC_2lJ-sMoeCDkusCsk4BYHjjCq04N0Y3CCJAaDdWRwgiQG",
    "enr:-J24QDXyyxvQYsd0yfsN0cRr1lZ1N11zGTplMNlW4xNEc7LkPXh0NAJ9iSOVdRO95GPYAIc6xmyoCCG6_0JxdL3a0zaGAYiOoAjFgmlkgnY0gmlwhAPckbGHb3BzdGFja4OFQgCJc2VjcDI1NmsxoQJwoS7tzwxqXSyFL7g0JM-KWVbgvjfB8JA__T7yY_cYboN0Y3CCJAaDdWRwgiQG",
    "enr:-J24QHmGyBwUZXIcsGYMaUqGGSl4CFdx9Tozu-vQCn5bHIQbR7On7dZbU61vYvfrJr30t0iahSqhc64J46MnUO2JvQaGAYiOoCKKgmlkgnY0gmlwhAPnCzSHb3BzdGFja4OFQgCJc2VjcDI1NmsxoQINc4fSijfbNIiGhcgvwjsjxVFJHUstK9L1T8OTKUjgloN0Y3CCJAaDdWRwgiQG",
    "enr:-J24QG3ypT4xSu0gjb5PABCmVxZqBjVw9ca7pvsI8jl4KATYAnxBmfkaIuEqy9sKvDHKuNCsy57WwK9wTt2aQgcaDDyGAYiOoGAXgmlkgnY0gmlwhDbGmZaHb3BzdGFja4OFQgCJc2VjcDI1NmsxoQIeAK_--tcLEiu7HvoUlbV52MspE0uCocsx1f_rYvRenIN0Y3CCJAaDdWRwgiQG",
    "enode://d25ce99435982b04d60c4b41ba256b84b888626db7bee45a9419382300fbe907359ae5ef250346785bff8d3b9d07cd3e017a27e2ee3cfda3bcbb0ba762ac9674@bootnode.conduit.xyz:0?discport=30301",
    "enode://2d4e7e9d48f4dd4efe9342706dd1b0024681bd4c3300d021f86fc75eab7865d4e0cbec6fbc883f011cfd6a57423e7e2f6e104baad2b744c3cafaec6bc7dc92c1@34.65.43.171:0?discport=30305",
    "enode://9d7a3efefe442351217e73b3a593bcb8efffb55b4807699972145324eab5e6b382152f8d24f6301baebbfb5ecd4127bd3faab2842c04cd432bdf50ba092f6645@34.65.109.126:0?discport=30305",
    "enode://010800c668896c100e8d64abc388ac5a22a8134a96fb0107c5d0c56d79ba7225c12d9e9e012d3cc0ee2701d7f63dd45f8abf0bbcf6f3c541f91742b1d7a99355@3.134.214.169:9222",
    "enode://b97abcc7011d06299c4bc44742be4a0e631a1a2925a2992adcfe80ed86bec5ff0ddf1b90d015f2dbb5e305560e12c9873b2dad72d84d131ac4be9f2a4c74b763@52.14.30.39:9222",
    "enode://760230a662610620d6d2e4ad846a6dccbceaa4556872dfacf9cdca7c2f5b49e4c66e822ed2e8813debb5fb7391f0519b8d075e565a2a89c79a9e4092e81b3e5b@3.148.100.173:9222",
];

const SEPOLIA: [&str; 8] = [
    "enode://2bd2e657bb3c8efffb8ff6db9071d9eb7be70d7c6d7d980ff80fc93b2629675c5f750bc0a5ef27cd788c2e491b8795a7e9a4a6e72178c14acc6753c0e5d77ae4@34.65.205.244:30305",
    "enode://db8e1cab24624cc62fc35dbb9e481b88a9ef0116114cd6e41034c55b5b4f18755983819252333509bd8e25f6b12aadd6465710cd2e956558faf17672cce7551f@34.65.173.88:30305",
    "enode://bfda2e0110cfd0f4c9f7aa5bf5ec66e6bd18f71a2db028d36b8bf8b0d6fdb03125c1606a6017b31311d96a36f5ef7e1ad11604d7a166745e6075a715dfa67f8a@34.65.229.245:30305",
    "enode://548f715f3fc388a7c917ba644a2f16270f1ede48a5d88a4d14ea287cc916068363f3092e39936f1a3e7885198bef0e5af951f1d7b1041ce8ba4010917777e71f@18.210.176.114:30301",
    "enode://6f10052847a966a725c9f4adf6716f9141155b99a0fb487fea3f51498f4c2a2cb8d534e680ee678f9447db85b93ff7c74562762c3714783a7233ac448603b25f@107.21.251.55:30301",
    "enode://9e138a8ec4291c4f2fe5851aaee44fc73ae67da87fb26b75e3b94183c7ffc15b2795afc816b0aa084151b95b3a3553f1cd0d1e9dd134dcf059a84d4e0b429afc@3.146.117.118:30303",
    "enode://34d87d649e5c58a17a43c1d59900a2020bd82d5b12ea39467c3366bee2946aaa9c759c77ede61089624691291fb2129eeb2a47687b50e2463188c78e1f738cf2@52.15.54.8:30303",
    "enode://c2405194166fe2c0e6c61ee469745fed1a6802f51c8fc39e1c78c21c9a6a15a7c55304f09ee37e430da9a1ce8117ca085263c6b0f474f6946811e398347611ef@3.146.213.65:30303",
];
