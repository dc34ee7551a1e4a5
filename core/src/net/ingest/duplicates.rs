//! Duplicate cache: the latest messages, by the tag that gossipsub carries for them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    fork::Version,
    message::{Form, MessageId},
};

/// The value in a message's `sequence_number`: form (3 bits), a serial number (29), length on the wire (32).
#[derive(Clone, Copy)]
pub(in crate::net) struct Tag {
    pub(in crate::net) form: Form,
    serial: u32,
    pub(in crate::net) wire: u32,
}

impl Tag {
    const SERIALS: u32 = 1 << 29;

    /// A tag without a serial number; [`DuplicateCache::insert`] sets it.
    pub(in crate::net) fn new(form: Form, wire: &[u8]) -> Self {
        Self { form, serial: 0, wire: wire.len() as u32 }
    }

    pub(in crate::net) fn bits(self) -> u64 {
        let form = Form::ALL.iter().position(|form| *form == self.form).unwrap_or_default() as u64;
        form | u64::from(self.serial % Self::SERIALS) << 3 | u64::from(self.wire) << 32
    }

    pub(in crate::net) fn from_bits(bits: u64) -> Self {
        let form = Form::ALL.get((bits & 7) as usize).copied().unwrap_or(Form::BadHeader);
        Self { form, serial: (bits >> 3) as u32 % Self::SERIALS, wire: (bits >> 32) as u32 }
    }
}

/// The latest messages, and the bytes of those that gossipsub has not delivered yet.
#[derive(Default)]
pub(in crate::net) struct DuplicateCache {
    /// Newest last.
    entries: VecDeque<CachedMessage>,
    bytes: usize,
    serial: u32,
    /// Serial numbers and bytes of the messages that were passed to gossipsub and that it has not delivered, in that
    /// order: the messages of one RPC, and those that gossipsub has dropped since its last delivery because their ids
    /// are known (the same message in another compression).
    undelivered: VecDeque<(u32, Bytes)>,
    undelivered_bytes: usize,
}

/// A message with its bytes on the wire and decompressed.
pub(in crate::net) struct CachedMessage {
    pub(in crate::net) version: Version,
    pub(in crate::net) authored: bool,
    pub(in crate::net) wire: Bytes,
    pub(in crate::net) data: Bytes,
    pub(in crate::net) tag: Tag,
    pub(in crate::net) id: MessageId,
}

impl DuplicateCache {
    /// Maximum bytes of `entries`, on the wire and decompressed together.
    const BYTES: usize = 32 << 20;
    /// Maximum messages in `entries`: five messages per second for half a minute. A copy is compared with each message
    /// of its length.
    const MESSAGES: usize = 160;
    /// Maximum undelivered messages: more than one RPC may have.
    const MAX_UNDELIVERED: usize = 8192;
    /// Maximum bytes of undelivered messages: more than one turn of the event loop passes to gossipsub. The oldest are
    /// removed first.
    pub(in crate::net) const MAX_UNDELIVERED_BYTES: usize = 64 << 20;

    /// The tag of a cached message with these bytes on the wire. Surplus messages are not found.
    pub(in crate::net) fn find_tag(&self, version: Version, authored: bool, wire: &[u8]) -> Option<Tag> {
        self.read_entries(version, authored).find(|entry| *entry.wire == *wire).map(|entry| entry.tag)
    }

    /// The bytes on the wire of cached messages with this length on the wire.
    pub(in crate::net) fn with_wire_len(&self, version: Version, authored: bool, length: usize) -> Vec<Bytes> {
        let entries = self.read_entries(version, authored).filter(|entry| entry.wire.len() == length);
        entries.map(|entry| entry.wire.clone()).collect()
    }

    /// Newest first, without surplus messages: a later copy of those may be decompressed.
    fn read_entries(&self, version: Version, authored: bool) -> impl Iterator<Item = &CachedMessage> {
        let matches = move |entry: &&CachedMessage| entry.version == version && entry.authored == authored;
        self.entries.iter().rev().filter(|entry| entry.tag.form != Form::Surplus).filter(matches)
    }

    fn entry(&self, tag: Tag) -> Option<&CachedMessage> {
        self.entries.iter().rev().find(|entry| entry.tag.serial == tag.serial)
    }

    /// The id of a cached message.
    pub(in crate::net) fn id(&self, tag: Tag) -> Option<MessageId> {
        self.entry(tag).map(|entry| entry.id)
    }

    /// Adds a message that is passed to gossipsub now. Returns its tag with a serial number.
    pub(in crate::net) fn insert(&mut self, mut entry: CachedMessage) -> Tag {
        self.serial = (self.serial + 1) % Tag::SERIALS;
        entry.tag.serial = self.serial;
        let tag = entry.tag;
        self.add_undelivered(tag, entry.data.clone());
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > Self::BYTES || self.entries.len() > Self::MESSAGES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
        tag
    }

    fn add_undelivered(&mut self, tag: Tag, data: Bytes) {
        self.undelivered_bytes += data.len();
        self.undelivered.push_back((tag.serial, data));
        while self.undelivered.len() > Self::MAX_UNDELIVERED || self.undelivered_bytes > Self::MAX_UNDELIVERED_BYTES {
            self.pop_undelivered();
        }
    }

    /// The bytes of a message that gossipsub delivers. gossipsub does not deliver messages that were passed to it
    /// earlier, so their bytes are removed. A duplicate is not added to `undelivered`: gossipsub delivers it only when
    /// it has forgotten the first copy; its bytes are then in `entries`, or are lost because they are too old.
    pub(in crate::net) fn deliver(&mut self, tag: Tag) -> Option<Bytes> {
        let Some(index) = self.undelivered.iter().position(|(serial, _)| *serial == tag.serial) else {
            return self.entry(tag).map(|entry| entry.data.clone());
        };
        for _ in 0..index {
            self.pop_undelivered();
        }
        self.pop_undelivered()
    }

    /// Bytes of undelivered messages.
    #[cfg(test)]
    pub(in crate::net) fn undelivered_bytes(&self) -> usize {
        let bytes = self.undelivered.iter().map(|(_, data)| data.len()).sum();
        assert_eq!(bytes, self.undelivered_bytes);
        bytes
    }

    fn pop_undelivered(&mut self) -> Option<Bytes> {
        let (_, data) = self.undelivered.pop_front()?;
        self.undelivered_bytes -= data.len();
        Some(data)
    }
}

impl CachedMessage {
    fn bytes(&self) -> usize {
        self.wire.len() + self.data.len()
    }
}
