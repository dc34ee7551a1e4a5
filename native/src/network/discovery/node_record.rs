//! Node records (ENR, EIP-778) of OP Stack chains: the `opstack` entry, ours and others'.
//!
//! The entry is one RLP byte string: chain id and version, each as unsigned LEB128; the version is 0. op-node ignores what
//! follows and takes numbers that are longer than they need be; so do we.

use std::net::{IpAddr, SocketAddr};

use alloy_primitives::Bytes;
use discv5::Enr;
use enr::{CombinedKey, CombinedPublicKey, EnrKey};
use libp2p::{
    Multiaddr, PeerId,
    identity::{Keypair, PublicKey, secp256k1},
    multiaddr::Protocol,
};

/// The entry's name.
const OPSTACK: &str = "opstack";
/// Bytes of a LEB128 number of 64 bits at most.
const LEB128: usize = 10;

/// Why a record is not of a peer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPeer {
    /// No `opstack` entry: no node of the OP Stack.
    #[error("it has no opstack entry")]
    NoEntry,
    /// The entry does not decode.
    #[error("its opstack entry does not decode")]
    Malformed,
    /// It follows another chain.
    #[error("it is of chain {0}")]
    OtherChain(u64),
    /// The entry is of a version that is not known.
    #[error("its opstack version is {0}")]
    OtherVersion(u64),
    /// No key that is a libp2p identity here.
    #[error("it has no secp256k1 key")]
    NoKey,
    /// No IP with a TCP port.
    #[error("it names no IP with a TCP port")]
    Nowhere,
}

/// Where a node is to be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its IP, if it is known.
    pub ip: Option<IpAddr>,
    /// Its TCP port.
    pub tcp: u16,
    /// Its UDP port.
    pub udp: u16,
}

/// The value of the entry of a chain.
pub fn entry(chain: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = chain;
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            break;
        }
        bytes.push(low | 0x80);
    }
    bytes.push(0); // the version
    bytes
}

/// One unsigned LEB128 number, and what follows it.
fn leb128(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(LEB128) {
        let part = u64::from(byte & 0x7f);
        let shifted = part << (7 * at);
        if shifted >> (7 * at) != part {
            return None; // more than 64 bits
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// Chain and version of an entry's value.
///
/// # Errors
/// It does not decode.
pub fn read_entry(value: &[u8]) -> Result<(u64, u64), NotAPeer> {
    let (chain, rest) = leb128(value).ok_or(NotAPeer::Malformed)?;
    let (version, _) = leb128(rest).ok_or(NotAPeer::Malformed)?;
    Ok((chain, version))
}

/// Who and where a record is, if it is a peer of this chain. Addresses of IPv4 come first.
///
/// # Errors
/// See [`NotAPeer`].
pub fn peer_of(record: &Enr, chain: u64) -> Result<(PeerId, Vec<Multiaddr>), NotAPeer> {
    record.get_raw_rlp(OPSTACK).ok_or(NotAPeer::NoEntry)?;
    let value: Bytes = record.get_decodable(OPSTACK).and_then(Result::ok).ok_or(NotAPeer::Malformed)?;
    match read_entry(&value)? {
        (other, _) if other != chain => return Err(NotAPeer::OtherChain(other)),
        (_, 0) => {}
        (_, version) => return Err(NotAPeer::OtherVersion(version)),
    }
    let peer = peer_id(record).ok_or(NotAPeer::NoKey)?;
    let v4 = record.tcp4_socket().map(SocketAddr::V4);
    let v6 = record.tcp6_socket().map(SocketAddr::V6);
    let sockets = v4.into_iter().chain(v6).filter(|socket| socket.port() != 0);
    let addresses: Vec<Multiaddr> =
        sockets.map(|socket| Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))).collect();
    if addresses.is_empty() { Err(NotAPeer::Nowhere) } else { Ok((peer, addresses)) }
}

/// The libp2p identity of a record's key.
pub fn peer_id(record: &Enr) -> Option<PeerId> {
    let CombinedPublicKey::Secp256k1(key) = record.public_key() else { return None };
    let key = secp256k1::PublicKey::try_from_bytes(&key.to_sec1_bytes()).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// A node's key as records are signed with it.
///
/// # Errors
/// It is no secp256k1 key.
pub fn signing_key(identity: &Keypair) -> Result<CombinedKey, String> {
    let key = identity.clone().try_into_secp256k1().map_err(|error| error.to_string())?;
    CombinedKey::secp256k1_from_bytes(&mut key.secret().to_bytes()).map_err(|error| error.to_string())
}

/// Our record: what `kept` says when it says the same, otherwise the next of it, so that others take it for newer.
///
/// # Errors
/// It is larger than a record may be, which it is not.
pub fn ours(key: &CombinedKey, chain: u64, place: Place, kept: Option<&Enr>) -> Result<Enr, String> {
    let build = |seq: u64| {
        let mut builder = Enr::builder();
        builder.seq(seq).add_value(OPSTACK, &Bytes::from(entry(chain)));
        match place.ip {
            Some(IpAddr::V4(ip)) => builder.ip4(ip).tcp4(place.tcp).udp4(place.udp),
            Some(IpAddr::V6(ip)) => builder.ip6(ip).tcp6(place.tcp).udp6(place.udp),
            None => builder.tcp4(place.tcp).udp4(place.udp),
        };
        builder.build(key).map_err(|error| error.to_string())
    };
    let Some(kept) = kept.filter(|kept| kept.public_key() == key.public()) else { return build(1) };
    let same = build(kept.seq())?;
    if same.compare_content(kept) { Ok(kept.clone()) } else { build(kept.seq().saturating_add(1)) }
}
