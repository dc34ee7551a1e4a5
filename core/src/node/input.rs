//! The inputs of the [`Node`](crate::Node): what happened, in the past tense, as plain data without handles. Inputs can
//! be recorded and replayed.

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
    payload_by_number::Lookup,
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
        /// The peer.
        peer: PeerId,
        /// The reason, as text.
        reason: String,
    },
    /// A dial that [`Output::Dial`](crate::Output::Dial) asked for failed on every address.
    DialFailed {
        /// The peer that was dialled.
        peer: PeerId,
        /// The transport's error.
        error: String,
    },
    /// A peer subscribed to a topic of the chain, or unsubscribed from it.
    Topic {
        /// The peer.
        peer: PeerId,
        /// The topic, by its payload version.
        version: Version,
        /// Whether it subscribed.
        joined: bool,
    },
    /// A peer subscribed to a topic of another chain. The host gives one for each peer until its last connection ends.
    OtherChain {
        /// The peer.
        peer: PeerId,
        /// The other chain's id; untrusted.
        chain: u64,
    },
    /// gossipsub delivered a message for the first time. gossipsub holds it until
    /// [`Output::Report`](crate::Output::Report).
    Gossiped {
        /// The peer that delivered it.
        peer: PeerId,
        /// The message id.
        id: MessageId,
        /// The topic, by its payload version.
        version: Version,
        /// The decompressed bytes, and the result of decompression.
        message: Message,
    },
    /// A [`ValidationTask`](crate::validation::ValidationTask) ended.
    Validated {
        /// The id of the output that it answers.
        id: ValidationId,
        /// The result.
        outcome: ValidationOutcome,
    },
    /// A peer requested a block by number.
    Asked {
        /// The answer repeats this id; never used twice in a run.
        id: RequestId,
        /// The peer.
        peer: PeerId,
        /// The block number; `None` when the request is malformed.
        number: Option<u64>,
    },
    /// The host looked up a block, as [`Output::Load`](crate::Output::Load) asked.
    Loaded {
        /// The request.
        id: RequestId,
        /// The block, if the host has it.
        found: Lookup,
    },
    /// Our answer to a request was sent, or sending failed.
    Answered {
        /// The request.
        id: RequestId,
    },
    /// Our request was answered, or failed.
    Fetched {
        /// The id of the output that it answers.
        id: FetchId,
        /// The answer's bytes as received, not validated; or one of [`AnswerFault::Timeout`], [`AnswerFault::Closed`]
        /// and [`AnswerFault::Unsupported`].
        answer: Result<Bytes, AnswerFault>,
    },
    /// A [`ResponseTask`](crate::range_sync::ResponseTask) ended, as [`Output::Decode`](crate::Output::Decode) asked.
    Decoded {
        /// The request.
        id: FetchId,
        /// The result.
        outcome: Result<ValidPayload, AnswerFault>,
    },
    /// The host persisted an item, as [`Output::Persist`](crate::Output::Persist) asked, or failed to.
    Persisted {
        /// The id of the output that it answers.
        id: PersistId,
        /// Success or failure.
        result: Persisted,
    },
    /// This node is the sequencer and made a block.
    Produced {
        /// The topic, by its payload version.
        version: Version,
        /// The uncompressed message: signature, parent beacon root where the version has one, SSZ payload.
        data: Bytes,
    },
    /// The host learnt something about the chain's signer.
    Signer(SignerNews),
    /// The host is about to stop: what is persisted at intervals is persisted now.
    StopRequested,
    /// An independent time source (L1, or several relays) agrees with our clock, within that source's precision.
    ClockAgrees,
    /// gossipsub's scores of all connected peers. The host gives them once a second.
    Scored(Vec<(PeerId, f64)>),
    /// One iteration of the event loop took this long and blocked everything else.
    Stalled(Duration),
    /// An operator bans a peer, an address or a network. Replaces an existing ban. Protected peers are not banned.
    Ban {
        /// The target: a peer, an address or a network.
        who: BanTarget,
        /// The end of the ban, and the reason.
        ban: Ban,
    },
    /// An operator lifts a ban.
    Unban {
        /// The target.
        who: BanTarget,
    },
    /// gossipsub could not send messages to this peer for a while, because the peer reads too slowly (`SlowPeer`).
    Slow {
        /// The peer.
        peer: PeerId,
    },
    /// A leaf has read nothing of its send queue for too long.
    SendStalled {
        /// The peer.
        peer: PeerId,
    },
    /// A peer sent its identify information.
    Identified {
        /// The peer.
        peer: PeerId,
        /// Its agent version; untrusted text.
        agent: String,
        /// Its listen multiaddrs; untrusted.
        addresses: Vec<String>,
        /// The multiaddr at which it sees this node (identify's observed address); untrusted.
        seen: Option<String>,
    },
    /// Discovery found a peer of this chain.
    Discovered {
        /// The peer.
        peer: PeerId,
        /// Its multiaddrs; untrusted. Only `/ip4/…/tcp/…` and `/ip6/…/tcp/…` are ever dialled.
        addresses: Vec<String>,
    },
    /// Another node that we dialled, or that dialled us, has our own peer id.
    SharedKey {
        /// Its multiaddr.
        address: String,
    },
    /// Whether the peers that were asked to dial this node could (AutoNAT); given when it changes.
    Reachable(bool),
    /// This node listens on an address.
    Listening {
        /// The multiaddr, with `/p2p/…`.
        address: String,
    },
    /// This node no longer listens on an address.
    ListenEnded {
        /// The multiaddr, as in [`Input::Listening`].
        address: String,
    },
    /// A static peer, as in [`Config::static_peers`](crate::config::Config::static_peers), or its new addresses, from a
    /// source that speaks for the peer itself. It replaces the peer's known addresses.
    StaticPeer(StaticPeer),
    /// A relay that other peers advertise. It adds a static peer, or addresses to one, and never removes an address.
    AdvertisedRelay(StaticPeer),
}
