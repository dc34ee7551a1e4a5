//! Node records (ENR, EIP-778) with the `opstack` entry: building ours, reading others'.
//!
//! The entry is one RLP byte string: chain id and version, each as unsigned LEB128; the version is 0. op-node ignores
//! further bytes and accepts numbers with superfluous bytes; so does this code.

use std::net::{IpAddr, SocketAddr};

use alloy_primitives::Bytes;
use discv5::Enr;
use enr::{CombinedKey, CombinedPublicKey, EnrKey};
use libp2p::{
    Multiaddr, PeerId,
    identity::{Keypair, PublicKey, secp256k1},
    multiaddr::Protocol,
};

use super::relay_entry::{PETREL, RelayEntry};

/// The entry's name.
const OPSTACK: &str = "opstack";
/// Bytes of a LEB128 number of 64 bits at most.
const LEB128: usize = 10;

/// Why a record does not belong to a peer of this chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordRejection {
    /// No `opstack` entry: not a node of the OP Stack.
    #[error("it has no opstack entry")]
    NoEntry,
    /// The entry does not decode.
    #[error("its opstack entry does not decode")]
    Malformed,
    /// Its node follows another chain.
    #[error("it is of chain {0}")]
    OtherChain(u64),
    /// The entry has an unknown version.
    #[error("its opstack version is {0}")]
    OtherVersion(u64),
    /// No secp256k1 key, which is the libp2p identity.
    #[error("it has no secp256k1 key")]
    NoKey,
    /// No IP with a TCP port.
    #[error("it names no IP with a TCP port")]
    NoAddress,
}

/// The address in a node record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordEndpoint {
    /// The IP, if it is known.
    pub ip: Option<IpAddr>,
    /// The TCP port.
    pub tcp: u16,
    /// The UDP port.
    pub udp: u16,
}

/// The value of a chain's `opstack` entry.
pub fn opstack_entry(chain: u64) -> Vec<u8> {
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

/// One unsigned LEB128 number, and the bytes after it.
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

/// Chain id and version of an entry's value.
///
/// # Errors
/// It does not decode.
pub fn decode_opstack_entry(value: &[u8]) -> Result<(u64, u64), RecordRejection> {
    let (chain, rest) = leb128(value).ok_or(RecordRejection::Malformed)?;
    let (version, _) = leb128(rest).ok_or(RecordRejection::Malformed)?;
    Ok((chain, version))
}

/// Peer id and addresses of a record, if it belongs to a peer of this chain. IPv4 addresses come first.
///
/// # Errors
/// See [`RecordRejection`].
pub fn peer_from_record(record: &Enr, chain: u64) -> Result<(PeerId, Vec<Multiaddr>), RecordRejection> {
    record.get_raw_rlp(OPSTACK).ok_or(RecordRejection::NoEntry)?;
    let value: Bytes = record.get_decodable(OPSTACK).and_then(Result::ok).ok_or(RecordRejection::Malformed)?;
    match decode_opstack_entry(&value)? {
        (other, _) if other != chain => return Err(RecordRejection::OtherChain(other)),
        (_, 0) => {}
        (_, version) => return Err(RecordRejection::OtherVersion(version)),
    }
    let peer = peer_id(record).ok_or(RecordRejection::NoKey)?;
    let v4 = record.tcp4_socket().map(SocketAddr::V4);
    let v6 = record.tcp6_socket().map(SocketAddr::V6);
    let sockets = v4.into_iter().chain(v6).filter(|socket| socket.port() != 0);
    let addresses: Vec<Multiaddr> =
        sockets.map(|socket| Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port()))).collect();
    if addresses.is_empty() { Err(RecordRejection::NoAddress) } else { Ok((peer, addresses)) }
}

/// The libp2p identity of a record's key.
pub fn peer_id(record: &Enr) -> Option<PeerId> {
    let CombinedPublicKey::Secp256k1(key) = record.public_key() else { return None };
    let key = secp256k1::PublicKey::try_from_bytes(&key.to_sec1_bytes()).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// A node's key in the form that signs records.
///
/// # Errors
/// It is not a secp256k1 key.
pub fn signing_key(identity: &Keypair) -> Result<CombinedKey, String> {
    let key = identity.clone().try_into_secp256k1().map_err(|error| error.to_string())?;
    CombinedKey::secp256k1_from_bytes(&mut key.secret().to_bytes()).map_err(|error| error.to_string())
}

/// Our record: `stored` itself if its content is the same, otherwise a record with the next sequence number, so that others
/// accept it as newer. `relay`: this node serves browsers.
///
/// # Errors
/// It is larger than a record may be: a host in `relay` that is longer than [`RelayEntry::MAX_HOST`].
pub fn build_record(
    key: &CombinedKey,
    chain: u64,
    endpoint: RecordEndpoint,
    relay: Option<&RelayEntry>,
    stored: Option<&Enr>,
) -> Result<Enr, String> {
    let build = |seq: u64| {
        let mut builder = Enr::builder();
        builder.seq(seq).add_value(OPSTACK, &Bytes::from(opstack_entry(chain)));
        match endpoint.ip {
            Some(IpAddr::V4(ip)) => builder.ip4(ip).tcp4(endpoint.tcp).udp4(endpoint.udp),
            Some(IpAddr::V6(ip)) => builder.ip6(ip).tcp6(endpoint.tcp).udp6(endpoint.udp),
            None => builder.tcp4(endpoint.tcp).udp4(endpoint.udp),
        };
        if let Some(relay) = relay {
            builder.add_value(PETREL, relay);
        }
        builder.build(key).map_err(|error| error.to_string())
    };
    let Some(stored) = stored.filter(|stored| stored.public_key() == key.public()) else { return build(1) };
    let same = build(stored.seq())?;
    if same.compare_content(stored) { Ok(stored.clone()) } else { build(stored.seq().saturating_add(1)) }
}
