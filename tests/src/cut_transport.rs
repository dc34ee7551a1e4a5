//! A memory transport whose connections can be cut, and that counts received bytes.
//!
//! A node's [`CutTransport`] has all its connections, inbound and outbound. A connection that is cut fails at the next read or
//! write, which is woken, and the other side sees it end. While [new ones are refused](CutTransport::refuse_new) each fails at once.

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
pub struct CutTransport {
    states: Arc<Mutex<Vec<Arc<State>>>>,
    refuses_new: Arc<AtomicBool>,
    received: Arc<AtomicU64>,
}

impl CutTransport {
    /// Cuts all connections.
    pub fn cut_all(&self) {
        for state in self.states.lock().expect("one thread").drain(..) {
            state.cut.store(true, Ordering::Release);
            state.reader.wake();
            state.writer.wake();
        }
    }

    /// Sets whether new connections fail.
    pub fn refuse_new(&self, refuse: bool) {
        self.refuses_new.store(refuse, Ordering::Release);
    }

    /// Received bytes, as on the wire.
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The memory transport with noise and yamux over these connections.
    pub fn transport(&self, identity: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
        let transports = self.clone();
        MemoryTransport::default()
            .map(move |channel, _| transports.connect(channel))
            .upgrade(Version::V1)
            .authenticate(noise::Config::new(identity).expect("a keypair signs its noise key"))
            .multiplex(yamux::Config::default())
            .boxed()
    }

    fn connect<C>(&self, channel: C) -> Connection<C> {
        let state = Arc::new(State::default());
        state.cut.store(self.refuses_new.load(Ordering::Acquire), Ordering::Release);
        self.states.lock().expect("one thread").push(state.clone());
        Connection { channel, state, received: self.received.clone() }
    }
}

/// One connection.
struct Connection<C> {
    channel: C,
    state: Arc<State>,
    received: Arc<AtomicU64>,
}

impl<C> Connection<C> {
    fn whole(&self) -> io::Result<()> {
        if self.state.cut.load(Ordering::Acquire) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Connection<C> {
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

impl<C: AsyncWrite + Unpin> AsyncWrite for Connection<C> {
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
