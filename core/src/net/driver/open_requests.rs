//! Requests that are open, of both sides.

use core::time::Duration;
use std::collections::BTreeMap;

use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};

use super::ended::{EndedRequest, LatestRequests, RequestSide, UNANSWERED};
use crate::{net::protocols::range::Response, range_sync::FetchId, serving::RequestId};

/// OpenRequests under way, ours and theirs. Bounded by libp2p's streams of each connection.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    ours: BTreeMap<OutboundRequestId, OutboundRequest>,
    theirs: BTreeMap<InboundRequestId, InboundRequest>,
    /// What those were answered that are not ended yet.
    pub(super) codes: BTreeMap<RequestId, u8>,
    /// Those that have ended.
    pub(super) latest: LatestRequests,
    channels: BTreeMap<RequestId, ResponseChannel<Response>>,
    next: u64,
}

/// A request of ours: the node's name for it, for which block, and when it was made (monotonic).
#[derive(Debug)]
struct OutboundRequest {
    fetch: FetchId,
    number: u64,
    at: Duration,
}

/// A request of a peer's: the node's name for it, for which block, and when it came (monotonic).
#[derive(Debug)]
struct InboundRequest {
    ask: RequestId,
    number: Option<u64>,
    at: Duration,
}

impl OpenRequests {
    /// A request of ours was made at `now` (monotonic).
    pub(super) fn made(&mut self, now: Duration, id: OutboundRequestId, fetch: FetchId, number: u64) {
        self.ours.insert(id, OutboundRequest { fetch, number, at: now });
    }

    /// It ended at `now` (monotonic), with this result byte.
    pub(super) fn ended(&mut self, now: Duration, id: OutboundRequestId, code: u8) -> Option<FetchId> {
        let OutboundRequest { fetch, number, at } = self.ours.remove(&id)?;
        self.latest.add(EndedRequest {
            role: RequestSide::Client,
            number: Some(number),
            code,
            took: now.saturating_sub(at),
        });
        Some(fetch)
    }

    /// A peer asks for this block, at `now` (monotonic).
    pub(super) fn came(
        &mut self,
        now: Duration,
        id: InboundRequestId,
        number: Option<u64>,
        channel: ResponseChannel<Response>,
    ) -> RequestId {
        let ask = RequestId(self.next);
        self.next += 1;
        self.theirs.insert(id, InboundRequest { ask, number, at: now });
        self.channels.insert(ask, channel);
        ask
    }

    /// Where it is answered, with this result byte; `None` when it is gone.
    pub(super) fn channel(&mut self, ask: RequestId, code: u8) -> Option<ResponseChannel<Response>> {
        let channel = self.channels.remove(&ask)?;
        self.codes.insert(ask, code);
        Some(channel)
    }

    /// It was answered (`sent`) at `now` (monotonic), or is gone.
    pub(super) fn answered(&mut self, now: Duration, id: InboundRequestId, sent: bool) -> Option<RequestId> {
        let InboundRequest { ask, number, at } = self.theirs.remove(&id)?;
        self.channels.remove(&ask);
        let code = self.codes.remove(&ask).filter(|_| sent).unwrap_or(UNANSWERED);
        self.latest.add(EndedRequest { role: RequestSide::Server, number, code, took: now.saturating_sub(at) });
        Some(ask)
    }
}
