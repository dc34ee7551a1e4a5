//! WebTransport's multiaddrs, as sockets and back.

use std::net::{IpAddr, SocketAddr};

use libp2p::{Multiaddr, multiaddr::Protocol, multihash::Multihash};

/// The multihash code of SHA-256 (multicodec table).
const SHA2_256: u64 = 0x12;
/// Hashes of one address that are read, at most: libp2p lists two, and three during a rotation.
const MAX_HASHES: usize = 8;

/// The SHA-256 of a certificate's DER, as in `/certhash`.
pub(super) type CertificateHash = Multihash<64>;

/// Where to dial, and which certificates are trusted there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DialTarget {
    pub(super) socket: SocketAddr,
    /// Every complete SHA-256 hash in the address.
    pub(super) hashes: Vec<CertificateHash>,
}

/// Parses `/ip/udp/quic-v1/webtransport` without further parts.
pub(super) fn parse_listen_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let socket = socket(&mut parts)?;
    parts.next().is_none().then_some(socket)
}

/// Parses a listen address that may be followed by `/certhash` parts and a peer id.
pub(super) fn parse_dial_address(address: &Multiaddr) -> Option<DialTarget> {
    let mut parts = address.iter();
    let socket = socket(&mut parts)?;
    let mut hashes = Vec::new();
    let mut peer = false;
    for part in parts {
        match part {
            Protocol::Certhash(hash) if !peer && hashes.len() < MAX_HASHES => hashes.push(hash),
            Protocol::P2p(_) if !peer => peer = true,
            _ => return None,
        }
    }
    hashes.retain(|hash| hash.code() == SHA2_256 && hash.digest().len() == 32);
    Some(DialTarget { socket, hashes })
}

fn socket<'a>(parts: &mut impl Iterator<Item = Protocol<'a>>) -> Option<SocketAddr> {
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => IpAddr::V4(ip),
        Protocol::Ip6(ip) => IpAddr::V6(ip),
        _ => return None,
    };
    let Protocol::Udp(port) = parts.next()? else { return None };
    let rest = (parts.next()?, parts.next()?);
    matches!(rest, (Protocol::QuicV1, Protocol::WebTransport)).then_some(SocketAddr::new(ip, port))
}

/// The multiaddr of a socket with `hashes`; without hashes it is the address of an inbound peer.
pub(super) fn to_multiaddr(socket: SocketAddr, hashes: &[CertificateHash]) -> Multiaddr {
    let address = Multiaddr::from(socket.ip().to_canonical()).with(Protocol::Udp(socket.port()));
    let address = address.with(Protocol::QuicV1).with(Protocol::WebTransport);
    hashes.iter().fold(address, |address, hash| address.with(Protocol::Certhash(*hash)))
}

/// Wraps a SHA-256 digest as a multihash.
pub(super) fn sha256_multihash(digest: [u8; 32]) -> CertificateHash {
    // A digest of 32 bytes fits into a multihash of 64.
    Multihash::wrap(SHA2_256, &digest).unwrap_or_default()
}
