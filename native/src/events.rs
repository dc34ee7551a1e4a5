//! `--events json`: one object a line on stdout. A reader that went away ends the printing, never the node.

use std::io::{self, Write};

use petrel_core::Event;

/// Where events go.
#[derive(Debug)]
pub struct Printer<W = io::Stdout> {
    out: Option<W>,
}

impl Printer {
    /// To stdout, or nowhere.
    pub fn stdout(wanted: bool) -> Self {
        Self { out: wanted.then(io::stdout) }
    }
}

impl<W: Write> Printer<W> {
    /// To any writer.
    pub fn new(out: W) -> Self {
        Self { out: Some(out) }
    }

    /// Prints one event and flushes.
    pub fn print(&mut self, event: &Event) {
        let Some(out) = &mut self.out else { return };
        let line = serde_json::to_string(event);
        let printed = line.map_err(io::Error::from).and_then(|line| {
            writeln!(out, "{line}")?;
            out.flush()
        });
        if let Err(error) = printed {
            tracing::warn!(%error, "events can no longer be printed; the node goes on without");
            self.out = None;
        }
    }
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
        Event::Conflict(conflict) => {
            let (number, first, second) = (conflict.number, conflict.first, conflict.second);
            tracing::warn!(number, %first, %second, "the sequencer signed two blocks of one height");
        }
        Event::Connected(peer) => tracing::info!(peer = %peer.peer, address = %peer.address, "connected"),
        Event::Disconnected(gone) => tracing::info!(peer = %gone.peer, reason = %gone.reason, "disconnected"),
        Event::DialFailed(dial) => {
            tracing::info!(peer = %dial.peer, error = %dial.error, retry_ms = dial.retry_ms, "dial failed");
        }
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
        Event::SignerChanged(change) => tracing::warn!(?change, "the signer changed"),
        Event::Listening(listening) => tracing::info!(address = %listening.address, "listening"),
        Event::SharedKey(shared) => {
            tracing::warn!(address = %shared.address, "another node has this node's key: give one of them another");
        }
        Event::PublishFailed(failed) => tracing::warn!(error = %failed.error, "a block of ours was not gossiped"),
        Event::CheckPanicked(panicked) => tracing::error!(peer = ?panicked.peer, "a check panicked"),
        other => tracing::trace!(?other, "event"),
    }
}
