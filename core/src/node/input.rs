//! What goes into the [`Node`](crate::Node): facts, in the past tense, plain data without handles.

use core::time::Duration;

use bytes::Bytes;

use crate::{
    ban::{Ban, BanTarget},
    block::ValidPayload,
    config::StaticPeer,
    event::Connected,
    fault::AnswerFault,
    fork::Version,
    message::{Message, MessageId},
    payload_by_number::StoredBlock,
    peer::PeerId,
    persistence::{PersistId, Persisted},
    range_sync::FetchId,
    serving::RequestId,
    validation::{SignerNews, ValidationId, ValidationOutcome},
};

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer's first connection was established.
    Connected(Connected),
    /// A peer's last connection ended.
    Disconnected {
        /// Who.
        peer: PeerId,
        /// Why, in words.
        reason: String,
    },
    /// A dial that [`Output::Dial`](crate::Output::Dial) asked for failed on every address.
    DialFailed {
        /// Who was dialled.
        peer: PeerId,
        /// What the transport said.
        error: String,
    },
    /// A peer subscribed to a topic of the chain (`joined`), or unsubscribed.
    Topic {
        /// Who.
        peer: PeerId,
        /// Which topic.
        version: Version,
        /// Subscribed or unsubscribed.
        joined: bool,
    },
    /// gossipsub delivered a message for the first time. It stays undecided until the node judges it.
    Gossiped {
        /// Who delivered it.
        peer: PeerId,
        /// gossipsub's name for it.
        id: MessageId,
        /// Which topic.
        version: Version,
        /// The bytes, and how decompression went.
        message: Message,
    },
    /// A [`Check`](crate::validation::ValidationTask) ended.
    Validated {
        /// Which.
        id: ValidationId,
        /// What came of it.
        outcome: ValidationOutcome,
    },
    /// A peer asks for a block.
    Asked {
        /// Repeated by the answer; never used twice in a run.
        id: RequestId,
        /// Who.
        peer: PeerId,
        /// Which block; `None` when the request is malformed.
        number: Option<u64>,
    },
    /// A block was looked for, as [`Output::Load`](crate::Output::Load) asked.
    Loaded {
        /// The request that it is for.
        id: RequestId,
        /// What there is.
        found: Option<StoredBlock>,
    },
    /// An answer of ours was sent, or could not be.
    Answered {
        /// The request.
        id: RequestId,
    },
    /// A request of ours was answered, or failed.
    Fetched {
        /// Which.
        id: FetchId,
        /// The answer as it came, not judged; or one of [`AnswerFault::Timeout`], [`AnswerFault::Closed`] and
        /// [`AnswerFault::Unsupported`].
        answer: Result<Bytes, AnswerFault>,
    },
    /// An answer was judged, as [`Output::Decode`](crate::Output::Decode) asked.
    Decoded {
        /// The request.
        id: FetchId,
        /// What came of it.
        outcome: Result<ValidPayload, AnswerFault>,
    },
    /// Something was kept, as [`Output::Persist`](crate::Output::Persist) asked, or could not be.
    Persisted {
        /// Which.
        id: PersistId,
        /// What became of it.
        result: Persisted,
    },
    /// This node is the sequencer and has made a block: the uncompressed message, signature first.
    Produced {
        /// Which topic.
        version: Version,
        /// Signature, parent beacon root where the version has one, SSZ payload.
        data: Bytes,
    },
    /// Something is known of the signer.
    Signer(SignerNews),
    /// An independent time (L1's, or that of several relays) agrees with our clock, as far as it can.
    ClockAgrees,
    /// gossipsub's scores of all connected peers; to be told once a second.
    Scored(Vec<(PeerId, f64)>),
    /// One turn of the loop took this long, in which nothing else could happen.
    Stalled(Duration),
    /// An operator bans somebody, in the place of a ban that it has. Peers that are never banned are left alone.
    Ban {
        /// A peer, an address or a network.
        who: BanTarget,
        /// Until when, and why.
        ban: Ban,
    },
    /// An operator lifts a ban.
    Unban {
        /// Whose.
        who: BanTarget,
    },
    /// gossipsub gave up sending to this peer for a while: it does not take what we send.
    Slow {
        /// Who.
        peer: PeerId,
    },
    /// A leaf has taken nothing of what waits for it for too long.
    SendStalled {
        /// Who.
        peer: PeerId,
    },
    /// A peer told its agent version and where it listens.
    Identified {
        /// Who.
        peer: PeerId,
        /// As it says; untrusted text.
        agent: String,
        /// Multiaddrs, as it says; untrusted.
        addresses: Vec<String>,
        /// The multiaddr at which it sees us, as it says; untrusted.
        seen: Option<String>,
    },
    /// Discovery says that a peer of this chain is there.
    Discovered {
        /// Who.
        peer: PeerId,
        /// Multiaddrs, as they say; untrusted. Only `/ip4/…/tcp/…` and `/ip6/…/tcp/…` are ever dialled.
        addresses: Vec<String>,
    },
    /// Another node answered a dial, or came in, with our own peer id.
    SharedKey {
        /// Where it is.
        address: String,
    },
    /// Peers that were asked to dial this node could, or could not, unlike before.
    Reachable(bool),
    /// This node listens on an address.
    Listening {
        /// The multiaddr, with `/p2p/…`.
        address: String,
    },
    /// This node no longer listens on an address.
    ListenEnded {
        /// As it was told.
        address: String,
    },
    /// Another peer to keep, or where one of them is now, by its own word: as in
    /// [`Config::statics`](crate::config::Config::statics).
    StaticPeer(StaticPeer),
    /// The same by others' word, which takes nothing away.
    AdvertisedRelay(StaticPeer),
}
