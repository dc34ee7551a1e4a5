//! The chain's four topics.

use std::sync::Arc;

use libp2p::gossipsub::TopicHash;

use crate::{chain::Chain, fork::Version};

/// The topics of payload versions 1 to 4. Clones share them.
#[derive(Clone, Debug)]
pub(in crate::net) struct Topics(Arc<[TopicHash; 4]>);

impl Topics {
    pub(in crate::net) fn new(chain: &Chain) -> Self {
        Self(Arc::new(Version::ALL.map(|version| TopicHash::from_raw(chain.topic(version)))))
    }

    /// The payload version of a topic; `None` if it is not a topic of the chain.
    pub(in crate::net) fn version(&self, topic: &TopicHash) -> Option<Version> {
        self.find(topic.as_str().as_bytes()).map(|(version, _)| version)
    }

    /// The payload version and the text of a topic, by its bytes.
    pub(in crate::net) fn find(&self, topic: &[u8]) -> Option<(Version, &str)> {
        let index = self.0.iter().position(|known| known.as_str().as_bytes() == topic)?;
        Some((Version::from_topic(u8::try_from(index).ok()?)?, self.0.get(index)?.as_str()))
    }

    /// The topic of a payload version.
    pub(in crate::net) fn topic(&self, version: Version) -> &TopicHash {
        let [v1, v2, v3, v4] = &*self.0;
        match version {
            Version::V1 => v1,
            Version::V2 => v2,
            Version::V3 => v3,
            Version::V4 => v4,
        }
    }

    /// All four topics.
    pub(in crate::net) fn all(&self) -> impl Iterator<Item = &TopicHash> {
        self.0.iter()
    }
}
