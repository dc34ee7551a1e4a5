//! WebTransport's multiaddrs, as sockets and back.

use std::net::{IpAddr, SocketAddr};

use libp2p::{Multiaddr, multiaddr::Protocol, multihash::Multihash};

/// The multihash code of SHA-256 (multicodec table).
const SHA2_256: u64 = 0x12;
/// Hashes of one address that are looked at, at most: libp2p lists two, three over a rotation.
const MAX_HASHES: usize = 8;

/// The SHA-256 of a certificate's DER, as in `/certhash`.
pub(super) type CertificateHash = Multihash<64>;

/// Where to dial, and which certificates are believed there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) socket: SocketAddr,
    /// Every hash of the address, of SHA-256 and whole.
    pub(super) hashes: Vec<CertificateHash>,
}

/// `/ip/udp/quic-v1/webtransport` and nothing more.
pub(super) fn listened(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let socket = socket(&mut parts)?;
    parts.next().is_none().then_some(socket)
}

/// What is listened on, with any number of `/certhash` and a peer at the end.
pub(super) fn dialled(address: &Multiaddr) -> Option<Target> {
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
    Some(Target { socket, hashes })
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

/// The address of a socket with `hashes`; without them it is the address of whoever dialled us.
pub(super) fn of(socket: SocketAddr, hashes: &[CertificateHash]) -> Multiaddr {
    let address = Multiaddr::from(socket.ip().to_canonical()).with(Protocol::Udp(socket.port()));
    let address = address.with(Protocol::QuicV1).with(Protocol::WebTransport);
    hashes.iter().fold(address, |address, hash| address.with(Protocol::Certhash(*hash)))
}

/// SHA-256 as a multihash.
pub(super) fn hash(digest: [u8; 32]) -> CertificateHash {
    // A digest of 32 bytes fits one of 64.
    Multihash::wrap(SHA2_256, &digest).unwrap_or_default()
}
