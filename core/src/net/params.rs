//! Every value that is given to libp2p, with its source.

use core::time::Duration;
use std::collections::HashMap;

use libp2p::gossipsub::{
    Config, ConfigBuilder, ConfigBuilderError, Message, MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash,
    TopicScoreParams, ValidationMode,
};

use crate::{
    config::{ConnectionLimits, Mesh},
    message::MAX_MESSAGE,
    net::admission::{ip_limits::IpLimits, swarm_limits::SwarmBounds},
    reputation::Reputation,
};

/// Maximum bytes of a compressed message that this node publishes: op-node limits the whole RPC to 10 MiB, so 64 bytes
/// are left for its other fields.
pub const MAX_COMPRESSED: usize = MAX_MESSAGE - 64;
/// Maximum bytes that gossipsub accepts. It compares the whole read buffer, which may contain the next RPC too; at 10
/// MiB a large message followed by another RPC would end the stream.
pub(super) const MAX_TRANSMIT: usize = MAX_MESSAGE + (64 << 10);

/// How long a connection without streams is kept (op-node's TCP connection timeout).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// op-node: `gossipHeartbeat`.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// op-node: `seenMessagesTTL`, 130 heartbeats.
const SEEN: Duration = Duration::from_secs(65);
/// op-node: `fanoutTTL`.
const FANOUT: Duration = Duration::from_secs(24);
/// Heartbeats for which a message is kept while it is validated: a later verdict is lost. op-node has 12; here a
/// message may wait in the validation queue, and its validation may then take 12 s.
const HISTORY: usize = 40;
/// Heartbeats for which a message is offered by IHAVE (op-node: `gossipHistory` 3).
const HISTORY_GOSSIP: usize = 3;
/// Maximum messages in the send queue of one connection. With the default of 5,000 a stalled peer would not be noticed,
/// and 5,000 blocks could be queued.
const SEND_QUEUE: usize = 64;
/// How long a message may wait in a send queue: two block intervals, and at least this.
const FORWARD: Duration = Duration::from_secs(4);
/// How often a peer is pinged, and how long its answer may take until the connection is closed.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(15);
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Timeout of a request of this node: op-node's rate limiter may delay the response by 20 s.
pub(super) const RANGE_CLIENT_TIMEOUT: Duration = Duration::from_secs(25);
/// Timeout of a peer's request: to read it, to wait in the queue, and to write the response.
pub(super) const RANGE_SERVER_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum concurrent requests of one connection, in each direction.
pub(super) const REQUEST_STREAMS: usize = 4;
/// Poll interval: the swarm is polled at least this often. gossipsub's heartbeat resets its timer without polling it
/// again, so on an idle connection it would not be woken.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How long gossipsub keeps the score of a peer that disconnected, if it is not above 0. The score of a new peer is 0, and
/// gossipsub looks at every score once a second: peers that connect under a new id each time would fill the memory and
/// delay the event loop (op-node keeps scores for 100 epochs, 600 s with a block a second). With a block a second the
/// misbehaviour penalty (P7) of a connected peer decays to a hundredth in this time. The offences of the peer itself stay in
/// the peer store, and lead to its ban there.
const RETAIN_SCORE: Duration = Duration::from_secs(60);
// A graylisted peer comes back with a new score.
const _: () = assert!(RETAIN_SCORE.as_secs() < Reputation::GRAYLIST_BAN.as_secs());

/// How often scores decay.
fn score_interval(interval: Duration) -> Duration {
    interval.max(Duration::from_secs(1))
}
/// How often the node gets gossipsub's scores.
pub(super) const SCORE_REFRESH: Duration = Duration::from_secs(1);
/// A turn of the event loop ends after this time; the rest is done in the next one.
pub(super) const TURN_BUDGET: Duration = Duration::from_millis(5);
/// A turn of the event loop that takes longer is reported.
pub(super) const STALL_THRESHOLD: Duration = Duration::from_millis(50);

/// Maximum connections of one peer: two if both sides dial at once, and one that no longer works but is not closed yet.
const MAX_PER_PEER: usize = 3;
/// Maximum concurrent inbound handshakes.
const MAX_PENDING_INBOUND: usize = 128;
/// Maximum concurrent outbound dials.
const MAX_PENDING_OUTBOUND: usize = 64;

/// Connection limits of the swarm. The node itself disconnects peers above its high watermark, with a reason; these
/// limits also bound connections of which the node does not know yet. A leaf has one connection, so leaves do not
/// reduce the number for nodes.
pub(super) fn swarm_limits(limits: &ConnectionLimits) -> SwarmBounds {
    let nodes = limits.most().saturating_mul(MAX_PER_PEER);
    SwarmBounds {
        pending_inbound: MAX_PENDING_INBOUND,
        pending_outbound: MAX_PENDING_OUTBOUND,
        inbound: nodes.saturating_add(limits.leaves).saturating_add(40),
        per_peer: MAX_PER_PEER,
    }
}

/// Limits by IP prefix: one public address may have a quarter of the handshakes and of the leaves, for the devices of a
/// household or an office; one network (/24, /48) may have half of the leaves.
pub(super) fn ip_limits(limits: &ConnectionLimits) -> IpLimits {
    IpLimits::new(MAX_PENDING_INBOUND / 4, (limits.leaves / 4).max(16), (limits.leaves / 2).max(32))
}

/// gossipsub's configuration.
pub(super) fn gossipsub(
    mesh: Mesh,
    interval: Duration,
    id: impl Fn(&Message) -> MessageId + Send + Sync + 'static,
) -> Result<Config, ConfigBuilderError> {
    ConfigBuilder::default()
        .mesh_n(mesh.d)
        .mesh_n_low(mesh.lo)
        .mesh_n_high(mesh.hi)
        .mesh_outbound_min(2.min(mesh.lo).min(mesh.d / 2))
        .gossip_lazy(mesh.lazy)
        .flood_publish(mesh.flood_publish)
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .fanout_ttl(FANOUT)
        .history_length(HISTORY)
        .history_gossip(HISTORY_GOSSIP)
        .duplicate_cache_time(SEEN)
        .max_transmit_size(MAX_TRANSMIT)
        // Not Anonymous and not Permissive: both refuse a message with a signature before the transform sees it, and
        // penalise the relayer. None drops author and sequence number, which are then not forwarded, and leaves
        // signature and key to the transform (libp2p-gossipsub 0.50 `protocol.rs`).
        .validation_mode(ValidationMode::None)
        .validate_messages()
        .message_id_fn(id)
        .connection_handler_queue_len(SEND_QUEUE)
        .forward_queue_duration((interval * 2).max(FORWARD))
        .support_floodsub()
        .build()
}

/// op-node's thresholds.
pub(super) const fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -40.0,
        graylist_threshold: Reputation::GRAYLIST,
        accept_px_threshold: 20.0,
        opportunistic_graft_threshold: 0.05,
    }
}

/// Score parameters: invalid messages (P4) and misbehaviour (P7) are penalised, and nothing else, as in op-node since
/// 2025-05.
///
/// P4: weight [`Reputation::INVALID_MESSAGES`] on the square of the counter, which decays to a tenth in ten minutes. The
/// first invalid message removes its sender from the mesh, and the penalty for a single one has decayed after three minutes. The fifth
/// leads to a ban by the node's own points ([`Score`](crate::score::Score), with the reason for the weight). If bans
/// are off, the ninth leads to the graylist: then gossipsub ignores the peer. P7: op-node's values. P6 (IP colocation)
/// is part of the application score, because browsers and private networks share addresses. The score of a disconnected
/// peer does not decay, so gossipsub removes it before the node's block ends ([`Reputation::GRAYLIST_BAN`]); the peer
/// store keeps the peer's record.
pub(super) fn peer_score(topics: impl Iterator<Item = TopicHash>, interval: Duration) -> PeerScoreParams {
    let interval = score_interval(interval);
    let topics: HashMap<_, _> = topics.map(|topic| (topic, topic_score(interval))).collect();
    PeerScoreParams {
        topics,
        topic_score_cap: 0.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -16.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.01_f64.powf(1.0 / 60.0),
        decay_interval: interval,
        decay_to_zero: 0.5,
        retain_score: RETAIN_SCORE,
        slow_peer_weight: 0.0,
        ..PeerScoreParams::default()
    }
}

fn topic_score(interval: Duration) -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        time_in_mesh_quantum: Duration::from_secs(1),
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: Reputation::INVALID_MESSAGES,
        invalid_message_deliveries_decay: 0.1_f64.powf(interval.as_secs_f64() / 600.0),
        ..TopicScoreParams::default()
    }
}
