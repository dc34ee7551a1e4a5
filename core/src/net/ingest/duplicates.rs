//! The latest messages, under the tag by which gossipsub knows them.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    fork::Version,
    message::{Form, MessageId},
};

/// What travels in `sequence_number`: form (3 bits), a serial number (29), length on the wire (32).
#[derive(Clone, Copy)]
pub(in crate::net) struct Tag {
    pub(in crate::net) form: Form,
    serial: u32,
    pub(in crate::net) wire: u32,
}

impl Tag {
    const SERIALS: u32 = 1 << 29;

    /// Its serial number is given by [`DuplicateCache::remember`].
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

/// The latest messages.
#[derive(Default)]
pub(in crate::net) struct DuplicateCache {
    /// Newest last.
    entries: VecDeque<CachedMessage>,
    bytes: usize,
    serial: u32,
    /// What gossipsub was given and has not delivered yet, in that order: the messages of an RPC, and those that it has
    /// dropped since its last delivery because it knows them in another compression.
    given: VecDeque<(u32, Bytes)>,
    given_bytes: usize,
}

/// A message, as received and as read.
pub(in crate::net) struct CachedMessage {
    pub(in crate::net) version: Version,
    pub(in crate::net) authored: bool,
    pub(in crate::net) wire: Bytes,
    pub(in crate::net) data: Bytes,
    pub(in crate::net) tag: Tag,
    pub(in crate::net) id: MessageId,
}

impl DuplicateCache {
    /// Bytes remembered at most, as received and decompressed.
    const BYTES: usize = 32 << 20;
    /// Messages remembered at most, half a minute of five a second: a copy is compared with each of its length.
    const MESSAGES: usize = 160;
    /// Messages that wait for their delivery at most: more than an RPC may have.
    const GIVEN: usize = 8192;
    /// Their bytes at most: more than one turn may give. The oldest make room.
    pub(in crate::net) const GIVEN_BYTES: usize = 64 << 20;

    /// The tag of a message that is remembered, if it was looked at.
    pub(in crate::net) fn find(&self, version: Version, authored: bool, wire: &[u8]) -> Option<Tag> {
        self.looked_at(version, authored).find(|entry| *entry.wire == *wire).map(|entry| entry.tag)
    }

    /// The messages of this length, as on the wire.
    pub(in crate::net) fn alike(&self, version: Version, authored: bool, length: usize) -> Vec<Bytes> {
        let entries = self.looked_at(version, authored).filter(|entry| entry.wire.len() == length);
        entries.map(|entry| entry.wire.clone()).collect()
    }

    /// Newest first. What was not looked at may be looked at now.
    fn looked_at(&self, version: Version, authored: bool) -> impl Iterator<Item = &CachedMessage> {
        let same = move |entry: &&CachedMessage| entry.version == version && entry.authored == authored;
        self.entries.iter().rev().filter(|entry| entry.tag.form != Form::Surplus).filter(same)
    }

    fn entry(&self, tag: Tag) -> Option<&CachedMessage> {
        self.entries.iter().rev().find(|entry| entry.tag.serial == tag.serial)
    }

    /// Its id.
    pub(in crate::net) fn id(&self, tag: Tag) -> Option<MessageId> {
        self.entry(tag).map(|entry| entry.id)
    }

    /// Remembers it, and that gossipsub was given it; its tag, with its serial number.
    pub(in crate::net) fn remember(&mut self, mut entry: CachedMessage) -> Tag {
        self.serial = (self.serial + 1) % Tag::SERIALS;
        entry.tag.serial = self.serial;
        let tag = entry.tag;
        self.give(tag, entry.data.clone());
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.bytes > Self::BYTES || self.entries.len() > Self::MESSAGES {
            let Some(old) = self.entries.pop_front() else { break };
            self.bytes -= old.bytes();
        }
        tag
    }

    fn give(&mut self, tag: Tag, data: Bytes) {
        self.given_bytes += data.len();
        self.given.push_back((tag.serial, data));
        while self.given.len() > Self::GIVEN || self.given_bytes > Self::GIVEN_BYTES {
            self.forget_given();
        }
    }

    /// The bytes of a message that gossipsub delivers. What it was given before that is not delivered any more. A copy was
    /// not given a second time: it is delivered only when gossipsub has forgotten the first, and is remembered here or old.
    pub(in crate::net) fn deliver(&mut self, tag: Tag) -> Option<Bytes> {
        let Some(at) = self.given.iter().position(|(serial, _)| *serial == tag.serial) else {
            return self.entry(tag).map(|entry| entry.data.clone());
        };
        for _ in 0..at {
            self.forget_given();
        }
        self.forget_given()
    }

    /// Bytes that wait for their delivery.
    #[cfg(test)]
    pub(in crate::net) fn waiting(&self) -> usize {
        let held = self.given.iter().map(|(_, data)| data.len()).sum();
        assert_eq!(held, self.given_bytes);
        held
    }

    fn forget_given(&mut self) -> Option<Bytes> {
        let (_, data) = self.given.pop_front()?;
        self.given_bytes -= data.len();
        Some(data)
    }
}

impl CachedMessage {
    fn bytes(&self) -> usize {
        self.wire.len() + self.data.len()
    }
}
