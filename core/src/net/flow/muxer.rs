//! Counting where the transport is its own muxer (QUIC, WebTransport): on the streams, so that what QUIC itself adds
//! (handshakes, acknowledgements, packet headers) is left out.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use libp2p::core::{StreamMuxer, muxing::StreamMuxerEvent};

use super::{Counted, Flow};

/// A muxer whose streams are counted.
#[derive(Debug)]
pub struct CountedMuxer<M> {
    muxer: M,
    flow: Flow,
}

impl Flow {
    /// A muxer whose streams are counted here.
    pub fn count_streams<M>(&self, muxer: M) -> CountedMuxer<M> {
        CountedMuxer { muxer, flow: self.clone() }
    }
}

impl<M> StreamMuxer for CountedMuxer<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
{
    type Substream = Counted<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        Pin::new(&mut self.muxer).poll_inbound(cx).map_ok(|stream| self.flow.count(stream))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        Pin::new(&mut self.muxer).poll_outbound(cx).map_ok(|stream| self.flow.count(stream))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Pin::new(&mut self.muxer).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.muxer).poll(cx)
    }
}
