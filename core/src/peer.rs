//! Peer ids: the multihash of a peer's public key, as libp2p defines it, without a dependency on libp2p.
//!
//! Bounded and `Copy`, because the machines keep thousands of them in ordered maps. `net` converts to and from libp2p's
//! own type.

use core::{fmt, str::FromStr};

/// Maximum length of a multihash, bytes: an identity hash of a 42-byte protobuf key, and some more.
const MAX: usize = 64;

/// A libp2p peer id: up to 64 bytes of multihash. Displays and parses as base58 (`16Uiu2…`, `12D3Koo…`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    bytes: [u8; MAX],
    len: u8,
}

/// Text or bytes that are no peer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a libp2p peer id: expected base58 of a multihash of at most 64 bytes, like 16Uiu2HA…")]
pub struct NotAPeerId;

impl PeerId {
    /// From the multihash bytes.
    ///
    /// # Errors
    /// Empty, or longer than 64 bytes.
    pub fn from_bytes(multihash: &[u8]) -> Result<Self, NotAPeerId> {
        let len = u8::try_from(multihash.len()).map_err(|_| NotAPeerId)?;
        let mut bytes = [0; MAX];
        let slot = bytes.get_mut(..multihash.len()).ok_or(NotAPeerId)?;
        slot.copy_from_slice(multihash);
        if len == 0 { Err(NotAPeerId) } else { Ok(Self { bytes, len }) }
    }

    /// The multihash bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.as_bytes()).into_string())
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeerId {
    type Err = NotAPeerId;

    fn from_str(text: &str) -> Result<Self, NotAPeerId> {
        if text.len() > 2 * MAX {
            return Err(NotAPeerId);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| NotAPeerId)?;
        Self::from_bytes(&bytes)
    }
}

impl serde::Serialize for PeerId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
