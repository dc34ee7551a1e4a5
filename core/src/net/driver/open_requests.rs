//! Open requests of both directions: the node's ids, libp2p's ids and response channels.

use core::time::Duration;
use std::collections::BTreeMap;

use libp2p::request_response::{InboundRequestId, OutboundRequestId, ResponseChannel};

use super::ended::{EndedRequest, LatestRequests, RequestSide, UNANSWERED};
use crate::{net::protocols::range::Response, range_sync::FetchId, serving::RequestId};

/// Open requests. Bounded by libp2p's limit of request streams per connection.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    outbound: BTreeMap<OutboundRequestId, OutboundRequest>,
    inbound: BTreeMap<InboundRequestId, InboundRequest>,
    /// Result bytes of responses that are being sent.
    pub(super) codes: BTreeMap<RequestId, u8>,
    /// Ended requests.
    pub(super) latest: LatestRequests,
    channels: BTreeMap<RequestId, ResponseChannel<Response>>,
    next: u64,
}

/// A request of this node: its id, the block's number, and when it was sent (monotonic).
#[derive(Debug)]
struct OutboundRequest {
    fetch: FetchId,
    number: u64,
    at: Duration,
}

/// A request of a peer: its id, the block's number, and when it was received (monotonic).
#[derive(Debug)]
struct InboundRequest {
    request: RequestId,
    number: Option<u64>,
    at: Duration,
}

impl OpenRequests {
    /// Adds a request that was sent at `now` (monotonic).
    pub(super) fn add_outbound(&mut self, now: Duration, id: OutboundRequestId, fetch: FetchId, number: u64) {
        self.outbound.insert(id, OutboundRequest { fetch, number, at: now });
    }

    /// Removes a request of this node that ended at `now` (monotonic), with this result byte.
    pub(super) fn end_outbound(&mut self, now: Duration, id: OutboundRequestId, code: u8) -> Option<FetchId> {
        let OutboundRequest { fetch, number, at } = self.outbound.remove(&id)?;
        self.latest.add(EndedRequest {
            role: RequestSide::Client,
            number: Some(number),
            code,
            took: now.saturating_sub(at),
        });
        Some(fetch)
    }

    /// Adds a request that was received at `now` (monotonic). Returns its id.
    pub(super) fn add_inbound(
        &mut self,
        now: Duration,
        id: InboundRequestId,
        number: Option<u64>,
        channel: ResponseChannel<Response>,
    ) -> RequestId {
        let request = RequestId(self.next);
        self.next += 1;
        self.inbound.insert(id, InboundRequest { request, number, at: now });
        self.channels.insert(request, channel);
        request
    }

    /// Removes and returns the response channel of a request that is answered with this result byte; `None` if the
    /// request has ended.
    pub(super) fn take_channel(&mut self, request: RequestId, code: u8) -> Option<ResponseChannel<Response>> {
        let channel = self.channels.remove(&request)?;
        self.codes.insert(request, code);
        Some(channel)
    }

    /// Removes a peer's request that ended at `now` (monotonic): its response was `sent`, or it failed.
    pub(super) fn end_inbound(&mut self, now: Duration, id: InboundRequestId, sent: bool) -> Option<RequestId> {
        let InboundRequest { request, number, at } = self.inbound.remove(&id)?;
        self.channels.remove(&request);
        let code = self.codes.remove(&request).filter(|_| sent).unwrap_or(UNANSWERED);
        self.latest.add(EndedRequest { role: RequestSide::Server, number, code, took: now.saturating_sub(at) });
        Some(request)
    }
}
