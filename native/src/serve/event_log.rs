//! Events as log lines: a connection INFO, a changed state DEBUG, what an operator should look at WARN, a defect ERROR. A new event
//! gets a line here.

use alloy_primitives::Address;
use petrel_core::{
    Event,
    event::{Pruned, Reorg, ScheduleMismatch, SignerChanged},
};

/// Logs an event.
pub fn log_event(event: &Event) {
    let is_logged = log_chain(event) || log_peer(event) || log_signer_and_clock(event) || log_own(event);
    if !is_logged {
        tracing::trace!(?event, "event");
    }
}

/// Logs an event of blocks, sync or the store; false for any other event.
fn log_chain(event: &Event) -> bool {
    match event {
        Event::Block(new) => {
            let payload = &new.block.payload;
            let (number, hash, txs) = (payload.number(), new.block.hash, payload.transaction_count());
            tracing::info!(number, %hash, txs, bytes = new.block.bytes, delay_ms = new.delay_ms, "block verified");
        }
        Event::Head(head) => tracing::debug!(number = head.number, hash = %head.hash, why = ?head.why, "head"),
        Event::Gap(gap) => tracing::warn!(from = gap.from, to = gap.to, state = ?gap.state, "gap"),
        Event::Synced(synced) => {
            let (from, to, done, rate) = (synced.from, synced.to, synced.done, synced.blocks_per_sec);
            tracing::info!(from, to, done, blocks_per_sec = format!("{rate:.1}"), "closing a gap");
        }
        Event::FetchFailed(failed) => {
            let (number, fault) = (failed.number, failed.fault);
            tracing::warn!(peer = %failed.peer, number, fault, detail = %failed.detail, "a peer's response is not usable");
        }
        Event::Store(state) => match &state.error {
            Some(error) => tracing::error!(%error, "blocks can no longer be stored; the node still follows the chain"),
            None => tracing::info!("blocks are stored again"),
        },
        Event::Conflict(conflict) => {
            let (number, first, second) = (conflict.number, conflict.first, conflict.second);
            tracing::warn!(number, %first, %second, "the sequencer signed two blocks of one height");
        }
        Event::Reorg(reorg) => {
            let Reorg { from, to, depth, .. } = reorg;
            tracing::warn!(from, to, depth, "reorg: these blocks are no longer canonical");
        }
        Event::Fork(fork) => {
            tracing::info!(fork = %fork.name, number = fork.number, time = fork.time, "a fork is active")
        }
        Event::ScheduleMismatch(mismatch) => {
            let ScheduleMismatch { number, timestamp, fork, remedy } = mismatch;
            tracing::warn!(fork, number, timestamp, %remedy, "a block contradicts the configured schedule");
        }
        Event::Rejected(message) | Event::Ignored(message) => {
            tracing::debug!(peer = ?message.peer, fault = message.fault, detail = %message.detail, "not accepted");
        }
        Event::PublishFailed(failed) => tracing::warn!(error = %failed.error, "a block of this node was not gossiped"),
        _ => return false,
    }
    true
}

/// Logs an event of a peer or a ban; false for any other event.
fn log_peer(event: &Event) -> bool {
    match event {
        Event::Connected(peer) => tracing::info!(peer = %peer.peer, address = %peer.address, "connected"),
        Event::Disconnected(peer) => tracing::info!(peer = %peer.peer, reason = %peer.reason, "disconnected"),
        Event::DialFailed(dial) => {
            tracing::info!(peer = %dial.peer, error = %dial.error, retry_ms = dial.retry_ms, "dial failed");
        }
        Event::Discovered(found) => tracing::debug!(peer = %found.peer, address = %found.address, "discovered"),
        Event::Graylisted(peer) => {
            tracing::warn!(peer = %peer.peer, score = peer.score, "a peer is graylisted")
        }
        Event::Banned(ban) => tracing::warn!(who = %ban.who, until = ?ban.until, reason = %ban.reason, "banned"),
        Event::Unbanned(ban) => tracing::info!(who = %ban.who, "a ban has ended"),
        Event::Pruned(pruned) => log_pruned(pruned),
        _ => return false,
    }
    true
}

/// Logs an event of the signer or a clock; false for any other event.
fn log_signer_and_clock(event: &Event) -> bool {
    match event {
        Event::SignerMismatch(mismatch) => {
            let (expected, found, peers) = (mismatch.expected, mismatch.found, mismatch.peers);
            tracing::warn!(%expected, %found, peers, "peers agree on another signer: was it rotated?");
        }
        Event::ClockSkew(skew) => {
            tracing::warn!(
                offset_secs = skew.offset_secs,
                peers = skew.peers,
                "most peers' blocks contradict this machine's clock: check it"
            );
        }
        Event::SequencerSkew(skew) => {
            let (offset_secs, peers) = (skew.offset_secs, skew.peers);
            tracing::warn!(
                offset_secs,
                peers,
                "the sequencer's clock is wrong: L1's time agrees with this machine's clock"
            );
        }
        Event::SignerChanged(change) => log_signer_change(change),
        Event::SignerRetired(signer) => {
            tracing::info!(retired = %signer.retired, "the previous signer's grace period is over")
        }
        Event::SignerUnread(unread) => {
            tracing::warn!(error = %unread.error, "the signer could not be read from L1; the known one stays in use");
        }
        _ => return false,
    }
    true
}

/// Logs an event of this node itself: its addresses, its key, its event loop; false for any other event.
fn log_own(event: &Event) -> bool {
    match event {
        Event::Listening(listening) => tracing::info!(address = %listening.address, "listening"),
        Event::ListenEnded(ended) => tracing::info!(address = %ended.address, "no longer listening"),
        Event::Observed(seen) if seen.agreed => {
            tracing::info!(address = %seen.address, "peers observe this node at this address")
        }
        Event::Observed(seen) => {
            tracing::info!(address = %seen.address, "peers no longer observe this node at this address")
        }
        Event::Reachable(found) if found.reachable => tracing::info!("peers can dial this node"),
        Event::Reachable(_) => tracing::warn!("the asked peers cannot dial this node: check that its port is open"),
        Event::SharedKey(shared) => {
            tracing::warn!(address = %shared.address, "another node uses this node's key: give one of them another key");
        }
        Event::Stalled(stalled) => tracing::warn!(millis = stalled.millis, "the event loop was blocked"),
        Event::CheckPanicked(panicked) => tracing::error!(peer = ?panicked.peer, "a validation panicked"),
        _ => return false,
    }
    true
}

/// One line per peer, so that operators see which peers are kept and which are closed.
fn log_pruned(pruned: &Pruned) {
    let (stay, gone) = (pruned.stay.len(), pruned.gone.len());
    tracing::info!(low = pruned.low, high = pruned.high, stay, gone, "too many peers");
    for (decision, peers) in [("kept", &pruned.stay), ("closed", &pruned.gone)] {
        for peer in peers {
            tracing::info!(peer = %peer.peer, why = %peer.why, "{decision}");
        }
    }
}

fn log_signer_change(change: &SignerChanged) {
    let show = |address: Option<Address>| address.map_or_else(|| "nobody".to_owned(), |address| address.to_string());
    let (current, previous) = (show(change.current), show(change.previous));
    match change.grace {
        Some(grace) => tracing::warn!(%current, %previous, still_accepted = %grace, "the signer was rotated"),
        None => tracing::warn!(%current, %previous, "the signer changed"),
    }
}
