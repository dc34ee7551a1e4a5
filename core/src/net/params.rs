//! Every value that this program gives to libp2p, with its source.

use core::time::Duration;
use std::collections::HashMap;

use libp2p::{
    connection_limits::ConnectionLimits as SwarmLimits,
    gossipsub::{
        Config, ConfigBuilder, ConfigBuilderError, Message, MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash,
        TopicScoreParams, ValidationMode,
    },
};

use crate::{
    config::{ConnectionLimits, Mesh},
    message::MAX_MESSAGE,
    net::admission::ip_limits::IpLimits,
    reputation::Reputation,
};

/// Bytes of a compressed message of ours at most: op-node's 10 MiB are for the whole RPC, so room is left for the frame.
pub const MAX_COMPRESSED: usize = MAX_MESSAGE - 64;
/// The limit that gossipsub checks on our side: it measures the whole read buffer, the next RPC included, and at the bare
/// 10 MiB a big message with something behind it would end the stream.
pub(super) const MAX_TRANSMIT: usize = MAX_MESSAGE + (64 << 10);

/// How long a connection without streams is kept (op-node's TCP connection timeout).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// op-node: `gossipHeartbeat`.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// op-node: `seenMessagesTTL`, 130 heartbeats.
const SEEN: Duration = Duration::from_secs(65);
/// op-node: `fanoutTTL`.
const FANOUT: Duration = Duration::from_secs(24);
/// Heartbeats for which an undecided message is kept: a verdict after that is lost. op-node has 12; a check may wait for
/// its turn and then live 12 s.
const HISTORY: usize = 40;
/// Heartbeats for which a message is offered by IHAVE (op-node: `gossipHistory` 3).
const HISTORY_GOSSIP: usize = 3;
/// Messages that wait for one connection. The default of 5,000 hides a stalled peer and may hold as many blocks.
const SEND_QUEUE: usize = 64;
/// How long a message may wait for one connection: two intervals, and at least this.
const FORWARD: Duration = Duration::from_secs(4);
/// How often each side of a connection is pinged, and how long a pong may take; then the connection is closed.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(15);
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an answer may take to come: an op-node may let it wait for its tokens for 20 s.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(25);
/// How long a request may take to be read, to wait for its turn, and to be answered.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests of one connection at once, on either side.
pub(super) const REQUEST_STREAMS: usize = 4;
/// gossipsub's heartbeat resets its timer without polling it again, so its wake-up gets lost on a quiet connection: the
/// swarm is polled at least this often.
pub(super) const BEAT: Duration = Duration::from_millis(200);

/// How often scores decay.
fn score_interval(interval: Duration) -> Duration {
    interval.max(Duration::from_secs(1))
}
/// How often scores are looked at.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// After this long a turn of the loop leaves what is left to the next.
pub(super) const TURN: Duration = Duration::from_millis(5);
/// A turn of the loop that takes longer is told.
pub(super) const STALL: Duration = Duration::from_millis(50);

/// Connections of one peer: two of a dial by both sides, and one that is half-dead.
const OF_ONE_PEER: u32 = 3;
/// Handshakes of those who come in, at once.
const PENDING: u32 = 128;

/// Connections at most: the node refuses beyond the tide with a reason; this bounds those whom it has not met yet too. A leaf
/// has one connection, so what is left of the sum for nodes does not shrink by leaves.
pub(super) fn connection_limits(tide: &ConnectionLimits) -> SwarmLimits {
    let nodes = tide.most().saturating_mul(OF_ONE_PEER as usize);
    let incoming = nodes.saturating_add(tide.leaves).saturating_add(40);
    SwarmLimits::default()
        .with_max_pending_incoming(Some(PENDING))
        .with_max_pending_outgoing(Some(64))
        .with_max_established_incoming(Some(u32::try_from(incoming).unwrap_or(u32::MAX)))
        .with_max_established_per_peer(Some(OF_ONE_PEER))
}

/// Of these one public address has a quarter at most: a household, or an office.
pub(super) fn crowd(tide: &ConnectionLimits) -> IpLimits {
    IpLimits::new(PENDING as usize / 4, (tide.leaves / 4).max(16))
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
        // Not Anonymous and not Permissive: both refuse a message that was given a signature before the transform can name
        // the fault, and charge whoever relayed it. None drops author and sequence number, which are then not passed on,
        // and leaves signature and key to the transform (libp2p-gossipsub 0.50 `protocol.rs`).
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

/// Invalid messages (P4) and misbehaviour (P7) are charged; nothing else of a topic is, as in op-node since 2025-05.
///
/// P4: weight [`Reputation::FALSE_MESSAGES`] on the counter's square, a tenth left after ten minutes. The first invalid message
/// takes its sender out of the mesh, a single one is forgiven in three minutes; the fifth ends in a ban by our own points
/// ([`Score`](crate::score::Score), with the reason for the weight), and where nobody is banned the ninth graylists: then
/// gossipsub takes nothing of that peer any more. P7: op-node's values. P6 (IP colocation) is part of
/// the application score: browsers share addresses, and so do private networks. The score of a peer that is gone does not
/// decay, so it is forgotten before a bar ends ([`Reputation::GRAYLIST_BAN`]): what it did is in our own book.
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
        retain_score: Reputation::GRAYLIST_BAN - Duration::from_secs(60),
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
        invalid_message_deliveries_weight: Reputation::FALSE_MESSAGES,
        invalid_message_deliveries_decay: 0.1_f64.powf(interval.as_secs_f64() / 600.0),
        ..TopicScoreParams::default()
    }
}
