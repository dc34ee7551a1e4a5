//! `--events json`: one object a line on stdout, from a thread of its own: a reader that is slow, or went away, never
//! holds up the node.

use std::{
    io::{self, Write},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::Duration,
};

use alloy_primitives::Address;
use petrel_core::{
    Event,
    event::{Pruned, Reorg, ScheduleMismatch, SignerChanged},
};
use serde::Serialize;

/// Lines that may wait for a slow reader; later ones are counted and left out.
const WAITING: usize = 4096;
/// How long the last lines may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where events go.
#[derive(Debug)]
pub struct Printer {
    lines: Option<SyncSender<String>>,
    missed: u64,
    /// Closed by the thread at its end.
    ended: Receiver<()>,
}

impl Printer {
    /// To stdout, or nowhere.
    pub fn stdout(wanted: bool) -> Self {
        Self::new(wanted.then(io::stdout))
    }

    /// To any writer, or nowhere.
    pub fn new(out: Option<impl Write + Send + 'static>) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let (alive, ended) = channel::<()>();
        let lines = out.map(|out| {
            thread::spawn(move || {
                let _closed_at_the_end = alive;
                if let Err(error) = copy(&waiting, out) {
                    tracing::warn!(%error, "events can no longer be printed; the node goes on without");
                }
            });
            lines
        });
        Self { lines, missed: 0, ended }
    }

    /// Prints one event, as soon as the reader takes it. When too many wait it is left out, and
    /// `{"event":"missed","count"}` stands in the place of all that were.
    pub fn print(&mut self, event: &impl Serialize) {
        self.tell_missed();
        let Some(lines) = &self.lines else { return };
        let Ok(line) = serde_json::to_string(event) else { return };
        match lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.missed += 1,
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }

    fn tell_missed(&mut self) {
        let Some(lines) = self.lines.as_ref().filter(|_| self.missed > 0) else { return };
        let line = serde_json::json!({ "event": "missed", "count": self.missed }).to_string();
        if lines.try_send(line).is_ok() {
            self.missed = 0;
        }
    }

    /// Waits until everything is printed, but no longer than a second for a reader that does not read.
    pub fn finish(mut self) {
        self.tell_missed();
        if self.lines.take().is_some() && self.ended.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the reader of the events did not take the last of them");
        }
    }
}

/// Line by line, flushed whenever no other waits.
fn copy(waiting: &Receiver<String>, mut out: impl Write) -> io::Result<()> {
    while let Ok(line) = waiting.recv() {
        writeln!(out, "{line}")?;
        for line in waiting.try_iter() {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
    }
    Ok(())
}

/// The same as a log line: a connection INFO, a changed mind DEBUG, what needs an eye WARN, a defect ERROR.
pub fn log(event: &Event) {
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
            tracing::warn!(peer = %failed.peer, number, fault, detail = %failed.detail, "a peer's answer is of no use");
        }
        Event::Store(state) => match &state.error {
            Some(error) => tracing::error!(%error, "blocks can no longer be kept; following goes on"),
            None => tracing::info!("blocks are kept again"),
        },
        Event::Conflict(conflict) => {
            let (number, first, second) = (conflict.number, conflict.first, conflict.second);
            tracing::warn!(number, %first, %second, "the sequencer signed two blocks of one height");
        }
        Event::Reorg(reorg) => {
            let Reorg { from, to, depth, .. } = reorg;
            tracing::warn!(from, to, depth, "another branch leads: these blocks are gone from the leading chain");
        }
        Event::Fork(fork) => {
            tracing::info!(fork = %fork.name, number = fork.number, time = fork.time, "a fork is active")
        }
        Event::ScheduleMismatch(told) => {
            let ScheduleMismatch { number, timestamp, fork, remedy } = told;
            tracing::warn!(fork, number, timestamp, %remedy, "a block contradicts the configured schedule");
        }
        Event::Connected(peer) => tracing::info!(peer = %peer.peer, address = %peer.address, "connected"),
        Event::Disconnected(gone) => tracing::info!(peer = %gone.peer, reason = %gone.reason, "disconnected"),
        Event::DialFailed(dial) => {
            tracing::info!(peer = %dial.peer, error = %dial.error, retry_ms = dial.retry_ms, "dial failed");
        }
        Event::Discovered(found) => tracing::debug!(peer = %found.peer, address = %found.address, "discovered"),
        Event::Rejected(judged) | Event::Ignored(judged) => {
            tracing::debug!(peer = ?judged.peer, fault = judged.fault, detail = %judged.detail, "not accepted");
        }
        Event::SignerMismatch(doubt) => {
            let (expected, found, peers) = (doubt.expected, doubt.found, doubt.peers);
            tracing::warn!(%expected, %found, peers, "peers agree on another signer: has it been rotated?");
        }
        Event::ClockSkew(skew) => {
            tracing::warn!(offset_secs = skew.offset_secs, peers = skew.peers, "is this machine's clock right?");
        }
        Event::SequencerSkew(skew) => {
            let (offset_secs, peers) = (skew.offset_secs, skew.peers);
            tracing::warn!(offset_secs, peers, "the sequencer's clock is wrong: L1's time agrees with this machine's");
        }
        Event::SignerChanged(change) => tell_signer(change),
        Event::SignerRetired(gone) => tracing::info!(retired = %gone.retired, "the previous signer's grace is over"),
        Event::SignerUnread(unread) => {
            tracing::warn!(error = %unread.error, "the signer could not be read from L1; the known one stays");
        }
        Event::Listening(listening) => tracing::info!(address = %listening.address, "listening"),
        Event::ListenEnded(ended) => tracing::info!(address = %ended.address, "no longer listening"),
        Event::Observed(seen) if seen.agreed => tracing::info!(address = %seen.address, "peers see this node here"),
        Event::Observed(seen) => tracing::info!(address = %seen.address, "peers see this node here no longer"),
        Event::Reachable(found) if found.reachable => tracing::info!("peers can dial this node"),
        Event::Reachable(_) => tracing::warn!("peers that were asked cannot dial this node: is its port open?"),
        Event::SharedKey(shared) => {
            tracing::warn!(address = %shared.address, "another node has this node's key: give one of them another");
        }
        Event::PublishFailed(failed) => tracing::warn!(error = %failed.error, "a block of ours was not gossiped"),
        Event::Graylisted(gone) => {
            tracing::warn!(peer = %gone.peer, score = gone.score, "a peer is not listened to any more")
        }
        Event::Banned(ban) => tracing::warn!(who = %ban.who, until = ?ban.until, reason = %ban.reason, "banned"),
        Event::Unbanned(ban) => tracing::info!(who = %ban.who, "a ban has ended"),
        Event::Pruned(tided) => tell_tide(tided),
        Event::Stalled(stalled) => tracing::warn!(millis = stalled.millis, "the loop stood still"),
        Event::CheckPanicked(panicked) => tracing::error!(peer = ?panicked.peer, "a check panicked"),
        other => tracing::trace!(?other, "event"),
    }
}

/// A line for each peer: who stays and who goes is a question that operators ask.
fn tell_tide(tided: &Pruned) {
    let (stay, gone) = (tided.stay.len(), tided.gone.len());
    tracing::info!(low = tided.low, high = tided.high, stay, gone, "too many peers");
    for (fate, peers) in [("stays", &tided.stay), ("goes", &tided.gone)] {
        for peer in peers {
            tracing::info!(peer = %peer.peer, why = %peer.why, "{fate}");
        }
    }
}

fn tell_signer(change: &SignerChanged) {
    let show = |address: Option<Address>| address.map_or_else(|| "nobody".to_owned(), |address| address.to_string());
    let (current, previous) = (show(change.current), show(change.previous));
    match change.grace {
        Some(grace) => tracing::warn!(%current, %previous, still_accepted = %grace, "the signer was rotated"),
        None => tracing::warn!(%current, %previous, "the signer changed"),
    }
}
