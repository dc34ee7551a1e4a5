//! Bytes on the wire to a message: the transform that never fails.
//!
//! gossipsub transforms first and makes the id from the result. A transform that fails leaves no id and no event, so
//! nobody could be blamed. Ours returns the message in whatever [`Form`] it came, with a tag in `sequence_number`, which
//! anonymous mode leaves free and never sends: the id function and the driver read it. The one exception are topics that
//! are not ours: gossipsub would keep their messages for its history, so they are refused outright.
//!
//! The bytes go another way than through gossipsub, which would copy them: it gets the tag alone, and the driver finds them
//! here when the message is delivered.
//!
//! Every copy of a message is transformed before gossipsub asks whether it knows the message. Therefore the latest ones
//! are [remembered](DuplicateCache) with their bytes as received, and a copy costs one comparison.

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
            readahead,
            readahead::{NamedMessage, ReadAhead},
            topics::Topics,
        },
        params::{MAX_COMPRESSED, MAX_TRANSMIT},
    },
};

/// Shared by gossipsub's transform, its id function and the driver, all in the loop's turn; what is read readahead asks for a moment.
#[derive(Clone)]
pub(in crate::net) struct Transform {
    topics: Topics,
    readahead: ReadAhead,
    recent: Arc<Mutex<DuplicateCache>>,
    /// Bytes decompressed in the loop since [`Transform::begin`].
    spent: Arc<AtomicUsize>,
    /// The same with those that were read readahead.
    taken: Arc<AtomicUsize>,
}

impl Transform {
    /// Bytes that are decompressed in one turn at most. gossipsub takes a whole RPC at once, and 10 MiB of it may
    /// inflate to 200: half a second in which nothing else happens. An honest peer sends one block in an RPC, or a few.
    const TURN: usize = MAX_MESSAGE;
    /// Bytes of what was read readahead, with the former, after which nothing more is looked at in one turn: what is given to gossipsub
    /// in it must fit in [`DuplicateCache::GIVEN_BYTES`] until it is delivered, or the first of it would be lost.
    const TAKEN: usize = 3 * Self::TURN;

    pub(in crate::net) fn new(chain: &Chain) -> Self {
        let (topics, recent) = (Topics::new(chain), Arc::default());
        let readahead = ReadAhead::new(topics.clone(), Arc::clone(&recent));
        Self { topics, readahead, recent, spent: Arc::default(), taken: Arc::default() }
    }

    /// What is read before gossipsub asks for it.
    pub(in crate::net) const fn readahead(&self) -> &ReadAhead {
        &self.readahead
    }

    /// A turn begins: the swarm is polled next.
    pub(in crate::net) fn begin(&self) {
        self.spent.store(0, Ordering::Relaxed);
        self.taken.store(0, Ordering::Relaxed);
    }

    /// The payload version of a topic of ours.
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

    /// gossipsub's id function. Without a tag the message is our own, uncompressed.
    pub(in crate::net) fn id(&self, message: &gossipsub::Message) -> gossipsub::MessageId {
        let tag = message.sequence_number.map(Tag::from_bits);
        let known = tag.and_then(|tag| self.recent().id(tag));
        let form = tag.map_or(Form::Snappy, |tag| tag.form);
        let id = known.unwrap_or_else(|| message_id(message.topic.as_str(), form, &message.data));
        gossipsub::MessageId::from(id.0.to_vec())
    }

    /// The message that gossipsub delivered, as core knows it. Its bytes were kept here for it; those of messages that
    /// gossipsub has dropped meanwhile are let go.
    pub(in crate::net) fn message(&self, message: &gossipsub::Message) -> Message {
        let tag = Tag::from_bits(message.sequence_number.unwrap_or_default());
        let found = self.recent().deliver(tag);
        // Without its bytes it is not judged.
        let form = if found.is_some() { tag.form } else { Form::Surplus };
        Message { form, data: found.unwrap_or_default(), wire: tag.wire as usize }
    }

    fn recent(&self) -> MutexGuard<'_, DuplicateCache> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this message fits in this turn after so many bytes: the first one always, others while their declared lengths fit.
    fn affords(spent: &AtomicUsize, wire: &[u8]) -> bool {
        let spent = spent.load(Ordering::Relaxed);
        // What declares too much is not decompressed at all.
        spent == 0 || spent.saturating_add(readahead::declared(wire)) <= Self::TURN
    }

    /// The tag for one copy: its message is remembered, or was read readahead, or is decompressed and named now.
    fn take(&self, version: Version, authored: bool, topic: &str, wire: Bytes) -> Tag {
        if let Some(known) = self.recent().find(version, authored, &wire) {
            return known;
        }
        // One that was passed over in its own RPC is not passed over in others, and who comes after others' big ones that were
        // read readahead is not short of time.
        let is_over = self.taken.load(Ordering::Relaxed) >= Self::TAKEN;
        let readahead = || self.readahead.take(version, authored, &wire, !Self::affords(&self.taken, &wire));
        let NamedMessage { form, data, id, work } = (!is_over).then(readahead).flatten().unwrap_or_else(|| {
            let read = readahead::read(topic, authored, is_over || !Self::affords(&self.spent, &wire), &wire);
            self.spent.fetch_add(read.work, Ordering::Relaxed);
            read
        });
        self.taken.fetch_add(work, Ordering::Relaxed);
        let data = data.unwrap_or_else(|| wire.clone());
        self.recent().remember(CachedMessage { version, authored, tag: Tag::new(form, &wire), wire, id, data })
    }
}

/// The last that is looked at may be as long as any, and an RPC has as many bytes that are not.
const _: () = assert!(Transform::TAKEN + MAX_MESSAGE + MAX_TRANSMIT <= DuplicateCache::GIVEN_BYTES);

/// Whether the message has a signature or a key. No message of an OP Stack chain has, and op-node refuses those that have.
const fn authored(raw: &RawMessage) -> bool {
    raw.signature.is_some() || raw.key.is_some()
}

impl DataTransform for Transform {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<gossipsub::Message> {
        let version = self.version(&raw.topic).ok_or_else(|| io::Error::other("not a topic of this chain"))?;
        let authored = authored(&raw);
        let tag = self.take(version, authored, raw.topic.as_str(), raw.data.into());
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

    /// The form of a message, and its id.
    fn take(transform: &Transform, raw: &RawMessage) -> (Form, gossipsub::MessageId) {
        let message = transform.inbound_transform(raw.clone()).expect("a topic of ours");
        let id = transform.id(&message);
        assert!(message.data.is_empty(), "the bytes go their own way");
        (transform.message(&message).form, id)
    }

    #[test]
    fn after_ten_mebibytes_of_one_turn_nothing_more_is_decompressed_and_nothing_is_hidden() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let (bomb, block) = (raw(&transform, &[7; MAX_MESSAGE]), raw(&transform, &[9; 1000]));
        transform.begin();
        assert_eq!(take(&transform, &bomb).0, Form::Snappy);
        // A copy costs nothing, and its bytes are still there.
        let copy = transform.inbound_transform(bomb.clone()).expect("a topic of ours");
        assert_eq!(transform.message(&copy).data.len(), MAX_MESSAGE);
        let (form, passed) = take(&transform, &block);
        assert_eq!(form, Form::Surplus);
        transform.begin();
        let (form, looked_at) = take(&transform, &block);
        assert_eq!(form, Form::Snappy);
        assert_ne!(passed, looked_at);
    }

    #[test]
    fn one_content_in_ever_other_compressions_fills_no_memory() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        // gossipsub drops all but the first of them by their id, and delivers nothing.
        for first in 1..20 {
            let mut wire = raw(&transform, &[7; MAX_MESSAGE]);
            // Each begins with a literal of another length.
            let header = wire.data[..4].to_vec();
            let mut literal = vec![(first - 1) << 2];
            literal.extend(std::iter::repeat_n(7, usize::from(first)));
            let rest = snap::raw::Encoder::new().compress_vec(&vec![7; MAX_MESSAGE - usize::from(first)]);
            wire.data = [header, literal, rest.expect("it fits")[4..].to_vec()].concat();
            transform.begin();
            let message = transform.inbound_transform(wire).expect("a topic of ours");
            assert_eq!(Tag::from_bits(message.sequence_number.expect("a tag")).form, Form::Snappy);
        }
        let held = transform.recent().waiting();
        assert!(held <= DuplicateCache::GIVEN_BYTES, "{held}");
    }

    #[test]
    fn messages_are_delivered_with_their_own_bytes_whatever_was_dropped_between() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let given: Vec<_> = (1..=5_u8)
            .map(|fill| transform.inbound_transform(raw(&transform, &[fill; 100])).expect("a topic of ours"))
            .collect();
        for at in [1, 2, 4] {
            assert_eq!(transform.message(&given[at]).data[0], at as u8 + 1);
        }
        // One that was dropped and is delivered late is still remembered.
        assert_eq!(transform.message(&given[0]).data[0], 1);
        assert_eq!(transform.recent().waiting(), 0);
    }

    #[test]
    fn a_signature_or_a_key_is_seen() {
        let transform = Transform::new(&Chain::preset("op-mainnet").expect("a preset"));
        let honest = raw(&transform, &[9; 1000]);
        let spoilt = [
            RawMessage { key: Some(Vec::new()), ..honest.clone() },
            RawMessage { signature: Some(vec![1]), ..honest.clone() },
        ];
        let (form, id) = take(&transform, &honest);
        assert_eq!(form, Form::Snappy);
        for message in spoilt {
            let (form, other) = take(&transform, &message);
            assert_eq!(form, Form::Authored);
            assert_ne!(id, other);
        }
    }
}
