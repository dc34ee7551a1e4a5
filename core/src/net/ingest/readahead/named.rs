//! A message that was read.

use bytes::Bytes;

use crate::message::{Form, MAX_MESSAGE, Message, MessageId};

/// A message that was read.
#[derive(Clone, Debug)]
pub(in crate::net) struct NamedMessage {
    pub(in crate::net) form: Form,
    /// What it inflates to, where it does.
    pub(in crate::net) data: Option<Bytes>,
    pub(in crate::net) id: MessageId,
    /// Bytes that it took: a corrupt one takes as many as a good one.
    pub(in crate::net) work: usize,
}

impl NamedMessage {
    /// Whether it was not looked at, for want of time.
    pub(in crate::net) fn is_surplus(&self) -> bool {
        self.form == Form::Surplus
    }
}

/// Reads a message on a topic of ours: the one way, ahead or not.
pub(in crate::net) fn read(topic: &str, authored: bool, surplus: bool, wire: &Bytes) -> NamedMessage {
    let (message, inflated) = match (authored, surplus) {
        (true, _) => (Message::unread(Form::Authored, wire), 0),
        (false, true) => (Message::unread(Form::Surplus, wire), 0),
        (false, false) => (Message::take(wire), declared(wire)),
    };
    let id = message.id(topic);
    let is_whole = matches!(message.form, Form::Snappy | Form::TooShort);
    NamedMessage { form: message.form, data: is_whole.then_some(message.data), id, work: inflated.max(wire.len()) }
}

/// What a message says that it inflates to, if it may.
pub(in crate::net) fn declared(wire: &[u8]) -> usize {
    snap::raw::decompress_len(wire).ok().filter(|declared| *declared <= MAX_MESSAGE).unwrap_or_default()
}
