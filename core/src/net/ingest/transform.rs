//! gossipsub's transform: from bytes on the wire to a message.
//!
//! gossipsub transforms a message first and computes its id from the result. If the transform fails, there is no id and
//! no event, so the sender cannot be penalised. So this transform succeeds for every message on a topic of the chain,
//! whatever its [`Form`]. It puts a [`Tag`] into `sequence_number`, which anonymous mode does not use and does not
//! send; the id function and the driver read the tag. Messages on other topics are refused, because gossipsub would
//! keep them in its history.
//!
//! The decompressed bytes do not pass through gossipsub, because it would copy them. gossipsub gets the tag alone, and
//! the driver takes the bytes from here when gossipsub delivers the message.
//!
//! gossipsub transforms every copy of a message before it checks whether the message is known. So the latest messages
//! are in a [duplicate cache](DuplicateCache) with their bytes on the wire, and a copy costs one comparison.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use libp2p::gossipsub::{self, DataTransform, RawMessage, TopicHash};

use crate::{
    chain::Chain,
    fork::Version,
    message::{Form, MAX_MESSAGE, Message, message_id},
    net::{
        ingest::{
            duplicates::{CachedMessage, DuplicateCache, Tag},
            readahead::{ReadAhead, ReadMessage, declared_len, read_message},
            topics::Topics,
        },
        params::{MAX_COMPRESSED, MAX_TRANSMIT},
    },
};

/// Clones share all state: gossipsub's transform, its id function and the driver use it in the event loop; read-ahead
/// threads lock the duplicate cache for a short time.
#[derive(Clone)]
pub(in crate::net) struct Transform {
    topics: Topics,
    readahead: ReadAhead,
    duplicates: Arc<Mutex<DuplicateCache>>,
    /// Bytes decompressed in the event loop since [`Transform::begin_turn`].
    loop_work: Arc<AtomicUsize>,
    /// `loop_work`, and the bytes of messages that were read ahead and requested since then.
    total_work: Arc<AtomicUsize>,
}

impl Transform {
    /// Maximum bytes decompressed in one turn of the event loop. gossipsub decodes a whole RPC at once, and 10 MiB of
    /// it may decompress to 200 MiB, which would block the loop for half a second. An honest peer sends one block per
    /// RPC, or a few.
    const MAX_LOOP_WORK: usize = MAX_MESSAGE;
    /// When `total_work` reaches this many bytes, the other messages of the turn are surplus. The messages passed to
    /// gossipsub in one turn must fit in [`DuplicateCache::MAX_UNDELIVERED_BYTES`] until they are delivered, or the
    /// first of them would be lost.
    const MAX_TOTAL_WORK: usize = 3 * Self::MAX_LOOP_WORK;

    pub(in crate::net) fn new(chain: &Chain) -> Self {
        let (topics, duplicates) = (Topics::new(chain), Arc::default());
        let readahead = ReadAhead::new(topics.clone(), Arc::clone(&duplicates));
        Self { topics, readahead, duplicates, loop_work: Arc::default(), total_work: Arc::default() }
    }

    /// The read-ahead of this transform.
    pub(in crate::net) const fn readahead(&self) -> &ReadAhead {
        &self.readahead
    }

    /// Resets the limits on work: a turn of the event loop begins, and the swarm is polled next.
    pub(in crate::net) fn begin_turn(&self) {
        self.loop_work.store(0, Ordering::Relaxed);
        self.total_work.store(0, Ordering::Relaxed);
    }

    /// The payload version of a topic; `None` if it is not a topic of the chain.
    pub(in crate::net) fn version(&self, topic: &TopicHash) -> Option<Version> {
        self.topics.version(topic)
    }

    /// The topic of a payload version.
    pub(in crate::net) fn topic(&self, version: Version) -> &TopicHash {
        self.topics.topic(version)
    }

    /// All topics of the chain.
    pub(in crate::net) fn topics(&self) -> impl Iterator<Item = &TopicHash> {
        self.topics.all()
    }

    /// gossipsub's id function. A message without a tag is published by this node, and uncompressed.
    pub(in crate::net) fn id(&self, message: &gossipsub::Message) -> gossipsub::MessageId {
        let tag = message.sequence_number.map(Tag::from_bits);
        let known = tag.and_then(|tag| self.duplicates().id(tag));
        let form = tag.map_or(Form::Snappy, |tag| tag.form);
        let id = known.unwrap_or_else(|| message_id(message.topic.as_str(), form, &message.data));
        gossipsub::MessageId::from(id.0.to_vec())
    }

    /// The message that gossipsub delivers, with its bytes, which were kept here. Removes the bytes of earlier
    /// messages, which gossipsub has dropped.
    pub(in crate::net) fn message(&self, message: &gossipsub::Message) -> Message {
        let tag = Tag::from_bits(message.sequence_number.unwrap_or_default());
        let found = self.duplicates().deliver(tag);
        // A message without its bytes is not validated.
        let form = if found.is_some() { tag.form } else { Form::Surplus };
        Message { form, data: found.unwrap_or_default(), wire: tag.wire as usize }
    }

    fn duplicates(&self) -> MutexGuard<'_, DuplicateCache> {
        self.duplicates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message may be decompressed in this turn, after `work` bytes: the first one always, others while the
    /// sum with their declared length is at most [`Self::MAX_LOOP_WORK`].
    fn fits(work: &AtomicUsize, wire: &[u8]) -> bool {
        let work = work.load(Ordering::Relaxed);
        // A message that declares more than allowed counts 0: it is not decompressed.
        work == 0 || work.saturating_add(declared_len(wire)) <= Self::MAX_LOOP_WORK
    }

    /// The tag for one copy of a message. The message is in the duplicate cache, or was read ahead, or is read now.
    fn tag_for(&self, version: Version, authored: bool, topic: &str, wire: Bytes) -> Tag {
        if let Some(known) = self.duplicates().find_tag(version, authored, &wire) {
            return known;
        }
        // A message that was surplus in one RPC is not surplus in other RPCs. Large messages that were read ahead do
        // not reduce the work that other messages may need in the event loop.
        let is_over = self.total_work.load(Ordering::Relaxed) >= Self::MAX_TOTAL_WORK;
        let read_ahead = || self.readahead.take(version, authored, &wire, !Self::fits(&self.total_work, &wire));
        let ReadMessage { form, data, id, work } = (!is_over).then(read_ahead).flatten().unwrap_or_else(|| {
            let read = read_message(topic, authored, is_over || !Self::fits(&self.loop_work, &wire), &wire);
            self.loop_work.fetch_add(read.work, Ordering::Relaxed);
            read
        });
        self.total_work.fetch_add(work, Ordering::Relaxed);
        let data = data.unwrap_or_else(|| wire.clone());
        self.duplicates().insert(CachedMessage { version, authored, tag: Tag::new(form, &wire), wire, id, data })
    }
}

/// One turn passes at most this to gossipsub: `MAX_TOTAL_WORK`, one more message of the maximum length, and an RPC of
/// surplus messages.
const _: () = assert!(Transform::MAX_TOTAL_WORK + MAX_MESSAGE + MAX_TRANSMIT <= DuplicateCache::MAX_UNDELIVERED_BYTES);

/// Whether the message has a signature or a key. No message of an OP Stack chain has one, and op-node refuses a message
/// with one.
const fn authored(raw: &RawMessage) -> bool {
    raw.signature.is_some() || raw.key.is_some()
}

impl DataTransform for Transform {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<gossipsub::Message> {
        let version = self.version(&raw.topic).ok_or_else(|| io::Error::other("not a topic of this chain"))?;
        let authored = authored(&raw);
        let tag = self.tag_for(version, authored, raw.topic.as_str(), raw.data.into());
        Ok(gossipsub::Message { source: None, data: Vec::new(), sequence_number: Some(tag.bits()), topic: raw.topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        let compressed = snap::raw::Encoder::new().compress_vec(&data).map_err(io::Error::other)?;
        if compressed.len() > MAX_COMPRESSED {
            let text = format!("{} bytes compressed, at most {MAX_COMPRESSED} fit one RPC", compressed.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(compressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(transform: &Transform, plain: &[u8]) -> RawMessage {
        let data = snap::raw::Encoder::new().compress_vec(plain).unwrap_or_default();
        let topic = transform.topic(Version::V4).clone();
        RawMessage { source: None, data, sequence_number: None, topic, signature: None, key: None, validated: false }
    }

    /// The form and the id of a message.
    fn read(transform: &Transform, raw: &RawMessage) -> (Form, gossipsub::MessageId) {
        let message = transform.inbound_transform(raw.clone()).expect("a topic of the chain");
        let id = transform.id(&message);
        assert!(message.data.is_empty(), "gossipsub gets no bytes");
        (transform.message(&message).form, id)
    }

    #[test]
    fn after_ten_mebibytes_messages_are_surplus_until_the_next_turn() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let (bomb, block) = (raw(&transform, &[7; MAX_MESSAGE]), raw(&transform, &[9; 1000]));
        transform.begin_turn();
        assert_eq!(read(&transform, &bomb).0, Form::Snappy);
        // A copy is not decompressed, and its bytes are available.
        let copy = transform.inbound_transform(bomb.clone()).expect("a topic of the chain");
        assert_eq!(transform.message(&copy).data.len(), MAX_MESSAGE);
        let (form, surplus_id) = read(&transform, &block);
        assert_eq!(form, Form::Surplus);
        transform.begin_turn();
        let (form, id) = read(&transform, &block);
        assert_eq!(form, Form::Snappy);
        assert_ne!(surplus_id, id);
    }

    #[test]
    fn one_message_in_many_compressions_stays_within_the_memory_limit() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        // gossipsub drops all but the first by their id, and delivers none in this test.
        for first in 1..20 {
            let mut wire = raw(&transform, &[7; MAX_MESSAGE]);
            // Each begins with a snappy literal of a different length.
            let header = wire.data[..4].to_vec();
            let mut literal = vec![(first - 1) << 2];
            literal.extend(std::iter::repeat_n(7, usize::from(first)));
            let rest = snap::raw::Encoder::new().compress_vec(&vec![7; MAX_MESSAGE - usize::from(first)]);
            wire.data = [header, literal, rest.expect("it fits")[4..].to_vec()].concat();
            transform.begin_turn();
            let message = transform.inbound_transform(wire).expect("a topic of the chain");
            assert_eq!(Tag::from_bits(message.sequence_number.expect("a tag")).form, Form::Snappy);
        }
        let bytes = transform.duplicates().undelivered_bytes();
        assert!(bytes <= DuplicateCache::MAX_UNDELIVERED_BYTES, "{bytes}");
    }

    #[test]
    fn a_message_is_delivered_with_its_bytes_when_others_were_dropped() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let passed: Vec<_> = (1..=5_u8)
            .map(|fill| transform.inbound_transform(raw(&transform, &[fill; 100])).expect("a topic of the chain"))
            .collect();
        for at in [1, 2, 4] {
            assert_eq!(transform.message(&passed[at]).data[0], at as u8 + 1);
        }
        // A message that was dropped and is delivered late is in the cache.
        assert_eq!(transform.message(&passed[0]).data[0], 1);
        assert_eq!(transform.duplicates().undelivered_bytes(), 0);
    }

    #[test]
    fn a_message_with_a_signature_or_a_key_is_authored() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let honest = raw(&transform, &[9; 1000]);
        let authored = [
            RawMessage { key: Some(Vec::new()), ..honest.clone() },
            RawMessage { signature: Some(vec![1]), ..honest.clone() },
        ];
        let (form, id) = read(&transform, &honest);
        assert_eq!(form, Form::Snappy);
        for message in authored {
            let (form, other) = read(&transform, &message);
            assert_eq!(form, Form::Authored);
            assert_ne!(id, other);
        }
    }
}
