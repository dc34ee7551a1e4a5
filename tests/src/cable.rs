//! A memory transport whose connections can be cut, and that counts what comes in.
//!
//! A node's [`Cables`] know all its connections, dialled or taken. Cut ones fail at the next read or write, which is woken,
//! and the other side sees them end; while the node is [away](Cables::away) each new one fails at once.

use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures::{AsyncRead, AsyncWrite, task::AtomicWaker};
use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, MemoryTransport},
        upgrade::Version,
    },
    identity::Keypair,
    noise, yamux,
};

/// One connection's state.
#[derive(Default)]
struct State {
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// All connections of one node. See the module.
#[derive(Clone, Default)]
pub struct Cables {
    states: Arc<Mutex<Vec<Arc<State>>>>,
    away: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
}

impl Cables {
    /// Cuts every connection that there is.
    pub fn cut(&self) {
        for state in self.states.lock().expect("one thread").drain(..) {
            state.cut.store(true, Ordering::Release);
            state.reader.wake();
            state.writer.wake();
        }
    }

    /// Whether new connections fail from now on.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::Release);
    }

    /// Bytes that came in so far, as they were on the wire.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Memory, noise, yamux over these.
    pub fn transport(&self, identity: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
        let cables = self.clone();
        MemoryTransport::default()
            .map(move |channel, _| cables.connect(channel))
            .upgrade(Version::V1)
            .authenticate(noise::Config::new(identity).expect("a keypair signs its noise key"))
            .multiplex(yamux::Config::default())
            .boxed()
    }

    fn connect<C>(&self, channel: C) -> Cable<C> {
        let state = Arc::new(State::default());
        state.cut.store(self.away.load(Ordering::Acquire), Ordering::Release);
        self.states.lock().expect("one thread").push(state.clone());
        Cable { channel, state, received: self.received.clone() }
    }
}

/// One connection.
struct Cable<C> {
    channel: C,
    state: Arc<State>,
    received: Arc<AtomicU64>,
}

impl<C> Cable<C> {
    fn whole(&self) -> io::Result<()> {
        if self.state.cut.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Cable<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        self.state.reader.register(context.waker());
        self.whole()?;
        let read = Pin::new(&mut self.channel).poll_read(context, to);
        if let Poll::Ready(Ok(count)) = read {
            self.received.fetch_add(count as u64, Ordering::Relaxed);
        }
        read
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Cable<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.state.writer.register(context.waker());
        self.whole()?;
        Pin::new(&mut self.channel).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.channel).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_close(context)
    }
}
