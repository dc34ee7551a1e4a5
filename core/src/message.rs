//! A gossip message: bounded decompression and op-node's message id.
//!
//! `data` on the wire is one raw snappy block. The declared length is checked before anything is allocated; the bytes
//! are decompressed once, and both the id and the payload are taken from that buffer.
//!
//! The message id includes the topic, as in every version of op-node; the specification's text leaves it out, and nodes
//! that follow the text cannot suppress duplicates among op-nodes.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Maximum length of a decompressed message, bytes: 10 MiB (op-node `maxGossipSize`).
pub const MAX_MESSAGE: usize = 10 << 20;
/// Minimum length of a decompressed message, bytes: a signature and one byte (op-node `minGossipSize`).
pub const MIN_MESSAGE: usize = 66;

/// Maximum factor by which snappy data grows: a copy element of 3 bytes makes 64.
pub const INFLATION: usize = 22;

/// The result of decompressing a message.
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
    /// The header is valid, the block is not.
    Corrupt,
    /// The protobuf carried a signature or a key, but messages must be anonymous; not decompressed.
    Authored,
    /// It came in one read with so many bytes that it was not decompressed: no honest peer sends that much at once.
    Surplus,
}

impl Form {
    /// All forms; the position is the code in `net`'s tag.
    pub const ALL: [Self; 7] =
        [Self::Snappy, Self::BadHeader, Self::TooLarge, Self::TooShort, Self::Corrupt, Self::Authored, Self::Surplus];

    /// Domain of the message id: op-node's *valid* where the block decompressed, its *invalid* where not; and our own
    /// domains for copies with a signature or a key, and for those not decompressed, because otherwise such a copy
    /// would hide the honest message of the same bytes.
    const fn domain(self) -> [u8; 4] {
        match self {
            Self::Snappy | Self::TooShort => [1, 0, 0, 0],
            Self::BadHeader | Self::TooLarge | Self::Corrupt => [0, 0, 0, 0],
            Self::Authored => [0, 0, 0, 1],
            Self::Surplus => [0, 0, 0, 2],
        }
    }
}

/// A received message: the result of decompression, and the bytes of which the id is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The result of decompression.
    pub form: Form,
    /// The decompressed bytes ([`Form::Snappy`], [`Form::TooShort`]), otherwise the bytes on the wire.
    pub data: Bytes,
    /// Bytes on the wire.
    pub wire: usize,
}

impl Message {
    /// Decompresses a message from the wire; never fails, and never allocates more than [`MAX_MESSAGE`] bytes. A
    /// message that does not decompress shares its bytes with `wire`.
    pub fn take(wire: &Bytes) -> Self {
        let (form, data) = match inflate(wire) {
            Ok(data) if data.len() < MIN_MESSAGE => (Form::TooShort, data),
            Ok(data) => (Form::Snappy, data),
            Err(form) => (form, wire.clone()),
        };
        Self { form, data, wire: wire.len() }
    }

    /// The same for borrowed bytes.
    pub fn decompress(wire: &[u8]) -> Self {
        Self::take(&Bytes::copy_from_slice(wire))
    }

    /// A message whose decompressed bytes are given: a signature and a body. One of a length that is not allowed gets
    /// the form that says so.
    pub fn of_decompressed(data: Bytes) -> Self {
        let form = match data.len() {
            ..MIN_MESSAGE => Form::TooShort,
            MIN_MESSAGE..=MAX_MESSAGE => Form::Snappy,
            _ => Form::TooLarge,
        };
        Self { form, wire: data.len(), data }
    }

    /// A message that is not decompressed ([`Form::Authored`], [`Form::Surplus`]): it shares its bytes with `wire`.
    pub fn unread(form: Form, wire: &Bytes) -> Self {
        Self { form, data: wire.clone(), wire: wire.len() }
    }

    /// Upper bound of the bytes that its validation works on.
    pub const fn inflated(&self) -> usize {
        match self.form {
            Form::Authored => self.data.len().saturating_mul(INFLATION),
            _ => self.data.len(),
        }
    }

    /// Its message id on `topic`.
    pub fn id(&self, topic: &str) -> MessageId {
        message_id(topic, self.form, &self.data)
    }
}

/// Decompresses one snappy block. Allocates the declared length only after it was checked.
fn inflate(wire: &[u8]) -> Result<Bytes, Form> {
    let length = match snap::raw::decompress_len(wire) {
        // `snap` accepts empty input as a message of length 0; golang/snappy reports a corrupt header.
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

/// A gossipsub message id: the first 20 bytes of a SHA-256.
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
