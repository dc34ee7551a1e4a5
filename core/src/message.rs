//! A gossip message: bounded decompression and op-node's message id.
//!
//! `data` on the wire is one raw snappy block. The declared length is checked before anything is allocated; the bytes
//! are decompressed once, and both the id and the payload are taken from that buffer.
//!
//! The id mixes the topic in, as every version of op-node does; the specification's text leaves it out, and nodes that
//! follow the text cannot suppress duplicates among op-nodes.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Bytes of a decompressed message at most: 10 MiB (op-node `maxGossipSize`).
pub const MAX_MESSAGE: usize = 10 << 20;
/// Bytes of a decompressed message at least: a signature and one byte (op-node `minGossipSize`).
pub const MIN_MESSAGE: usize = 66;

/// How many times as long what snappy decompresses may be: its copy of 64 bytes has three.
pub const INFLATION: usize = 22;

/// How a message came off the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A well-formed snappy block of allowed length.
    Snappy,
    /// The length header does not parse.
    BadHeader,
    /// It declares more than [`MAX_MESSAGE`]; not decompressed.
    TooLarge,
    /// It declares less than [`MIN_MESSAGE`].
    TooShort,
    /// The header is fine, the block is not.
    Corrupt,
    /// The protobuf carried a signature or a key, which no anonymous message has; not decompressed.
    Authored,
    /// It came in one turn with so many bytes that it was not decompressed: nobody who is honest sends that much at once.
    Surplus,
}

impl Form {
    /// All forms; the position is the code in `net`'s tag.
    pub const ALL: [Self; 7] =
        [Self::Snappy, Self::BadHeader, Self::TooLarge, Self::TooShort, Self::Corrupt, Self::Authored, Self::Surplus];

    /// Domain of the message id: op-node's *valid* where the block decompressed, its *invalid* where not, and domains of our
    /// own for copies with a signature or a key and for those that were not looked at, or one of them would hide the honest message of
    /// the same bytes.
    const fn domain(self) -> [u8; 4] {
        match self {
            Self::Snappy | Self::TooShort => [1, 0, 0, 0],
            Self::BadHeader | Self::TooLarge | Self::Corrupt => [0, 0, 0, 0],
            Self::Authored => [0, 0, 0, 1],
            Self::Surplus => [0, 0, 0, 2],
        }
    }
}

/// What arrived: its form, and the bytes that its id is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How it came.
    pub form: Form,
    /// Decompressed where that worked ([`Form::Snappy`], [`Form::TooShort`]), else as on the wire.
    pub data: Bytes,
    /// Bytes on the wire.
    pub wire: usize,
}

impl Message {
    /// Takes a message off the wire; never fails, and never allocates more than [`MAX_MESSAGE`]. What does not decompress
    /// shares its bytes with `wire`.
    pub fn take(wire: &Bytes) -> Self {
        let (form, data) = match inflate(wire) {
            Ok(data) if data.len() < MIN_MESSAGE => (Form::TooShort, data),
            Ok(data) => (Form::Snappy, data),
            Err(form) => (form, wire.clone()),
        };
        Self { form, data, wire: wire.len() }
    }

    /// The same for bytes that are not shared.
    pub fn decompress(wire: &[u8]) -> Self {
        Self::take(&Bytes::copy_from_slice(wire))
    }

    /// A message that is not looked into ([`Form::Authored`], [`Form::Surplus`]): it shares its bytes with `wire`.
    pub fn unread(form: Form, wire: &Bytes) -> Self {
        Self { form, data: wire.clone(), wire: wire.len() }
    }

    /// Bytes that its check works on at most.
    pub const fn inflated(&self) -> usize {
        match self.form {
            Form::Authored => self.data.len().saturating_mul(INFLATION),
            _ => self.data.len(),
        }
    }

    /// Its name on `topic`.
    pub fn id(&self, topic: &str) -> MessageId {
        message_id(topic, self.form, &self.data)
    }
}

/// The declared length is believed only after it was found to be allowed.
fn inflate(wire: &[u8]) -> Result<Bytes, Form> {
    let length = match snap::raw::decompress_len(wire) {
        // `snap` calls empty input a message of length 0; golang/snappy a corrupt header.
        Ok(_) if wire.is_empty() => return Err(Form::BadHeader),
        Ok(length) => length,
        Err(_) => return Err(Form::BadHeader),
    };
    if length > MAX_MESSAGE {
        return Err(Form::TooLarge);
    }
    let mut data = vec![0; length];
    match snap::raw::Decoder::new().decompress(wire, &mut data) {
        Ok(written) if written == length => Ok(data.into()),
        _ => Err(Form::Corrupt),
    }
}

/// gossipsub's name for a message: the first 20 bytes of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 20]);

impl core::fmt::Debug for MessageId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

impl core::fmt::Display for MessageId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&alloy_primitives::hex::encode(self.0))
    }
}

/// `SHA256(domain ‖ u64le(len(topic)) ‖ topic ‖ data)[..20]`, op-node's `BuildMsgIdFn`.
pub fn message_id(topic: &str, form: Form, data: &[u8]) -> MessageId {
    let digest = Sha256::new()
        .chain_update(form.domain())
        .chain_update((topic.len() as u64).to_le_bytes())
        .chain_update(topic)
        .chain_update(data)
        .finalize();
    let mut id = [0; 20];
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    MessageId(id)
}
