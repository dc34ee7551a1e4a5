//! How long messages are on the wire.

use std::collections::BTreeMap;

use crate::message::MessageId;

/// Bytes on the wire of the messages that are being judged. Bounded by [`MessageSizes::MAX`]; of one that is unknown none are counted.
#[derive(Debug, Default)]
pub(super) struct MessageSizes(BTreeMap<MessageId, usize>);

impl MessageSizes {
    /// More than the node has under judgement: two messages a peer at most.
    const MAX: usize = 16_384;

    pub(super) fn add(&mut self, id: MessageId, bytes: usize) {
        if self.0.len() < Self::MAX {
            self.0.insert(id, bytes);
        }
    }

    pub(super) fn take(&mut self, id: &MessageId) -> usize {
        self.0.remove(id).unwrap_or_default()
    }
}
