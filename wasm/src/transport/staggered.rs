//! Dials the addresses of a peer staggered by their kind of transport ("happy eyeballs", RFC 8305).
//!
//! The addresses of one kind are tried one after another. The first kind begins at once; the next one [`DELAY`](race::DELAY) after it, or as soon
//! as all addresses of the first have failed. First is the kind by which the peer was connected last, otherwise the one with the
//! lowest [`Kind`]. The first address that connects ends the dial: those that have begun by then fail with
//! [`StaggeredError::Overtaken`], so that the event of the connection names them, and their connections are closed.
//!
//! The swarm asks for the dials of all addresses of a peer in one call, before it polls any of them, and dials no peer twice at once:
//! so the dials of one peer that nobody has polled yet belong together. All of them have to be polled, that is the swarm's dial
//! concurrency factor has to be above the number of addresses.
//!
//! Bounds: the swarm's dials; [`PEERS`] peers whose last kind is remembered.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use libp2p::{
    Multiaddr, PeerId,
    core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent},
    multiaddr::Protocol,
};
use send_wrapper::SendWrapper;

mod race;

pub(crate) use race::Kind;
use race::{Race, Step};

/// How often a dial that has connected waits for a turn of those that it has overtaken, at most: it may have been woken before them.
const TURNS: u8 = 3;
/// Peers whose last kind is remembered; one more takes the place of any other.
const PEERS: usize = 256;

/// The kind of an address; `None` for what a browser cannot dial.
type KindOf = fn(&Multiaddr) -> Option<Kind>;

/// The kind by which each peer was connected last.
pub(crate) type LastKinds = BTreeMap<PeerId, Kind>;

/// The clock: monotonic time, and a future that ends after a while.
#[derive(Debug)]
pub(crate) struct Clock<S> {
    pub(crate) now: fn() -> Duration,
    pub(crate) sleep: fn(Duration) -> S,
}

// Derived, it would ask for `S: Copy`.
impl<S> Copy for Clock<S> {}

impl<S> Clone for Clock<S> {
    fn clone(&self) -> Self {
        *self
    }
}

/// Why an address did not connect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StaggeredError<E> {
    /// The transport's own error.
    #[error(transparent)]
    Failed(#[from] E),
    /// Another address of the peer connected first.
    #[error("no answer in {} ms, when another address of the relay had answered{}", .after.as_millis(), hint(*.kind))]
    Overtaken {
        /// The kind of this address.
        kind: Kind,
        /// How long this attempt had lasted.
        after: Duration,
    },
}

const fn hint(kind: Kind) -> &'static str {
    match kind {
        Kind::WebTransport => ": UDP is slow or blocked",
        Kind::WebSocket => "",
    }
}

/// The transport.
pub(crate) struct Staggered<T, S> {
    inner: T,
    kind_of: KindOf,
    clock: Clock<S>,
    last: Arc<Mutex<LastKinds>>,
    /// The dials that were asked for last, and their peer.
    newest: Option<(PeerId, Weak<Mutex<Race>>)>,
}

impl<T, S> Staggered<T, S> {
    /// `last`: the kind by which an earlier run was connected to each peer.
    pub(crate) fn new(inner: T, kind_of: KindOf, clock: Clock<S>, last: LastKinds) -> Self {
        Self { inner, kind_of, clock, last: Arc::new(Mutex::new(last)), newest: None }
    }

    /// The race that a dial of this peer belongs to.
    fn race(&mut self, peer: PeerId) -> Arc<Mutex<Race>> {
        let newest = self.newest.as_ref().filter(|(of, _)| *of == peer).and_then(|(_, race)| race.upgrade());
        if let Some(race) = newest.filter(|race| !lock(race).has_begun()) {
            return race;
        }
        let race = Arc::new(Mutex::new(Race::new(lock(&self.last).get(&peer).copied())));
        self.newest = Some((peer, Arc::downgrade(&race)));
        race
    }
}

impl<T, S> Transport for Staggered<T, S>
where
    T: Transport + Unpin,
    T::Dial: Unpin + 'static,
    T::Output: Unpin + 'static,
    T::Error: 'static,
    S: Future<Output = ()> + Unpin + 'static,
{
    type Output = T::Output;
    type Error = StaggeredError<T::Error>;
    type ListenerUpgrade = core::future::Pending<Result<T::Output, Self::Error>>;
    type Dial = Pin<Box<dyn Future<Output = Result<T::Output, Self::Error>> + Send>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<Self::Error>> {
        let (Some(kind), Some(Protocol::P2p(peer))) = ((self.kind_of)(&address), address.iter().last()) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let dial = self.inner.dial(address, options).map_err(|error| error.map(StaggeredError::Failed))?;
        let race = self.race(peer);
        let index = lock(&race).add(kind);
        let (clock, last) = (self.clock, Arc::clone(&self.last));
        let attempt = Attempt {
            peer,
            kind,
            index,
            race,
            clock,
            last,
            dial: Some(dial),
            sleep: None,
            connected: None,
            turns: TURNS,
        };
        Ok(Box::pin(SendWrapper::new(attempt)))
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Poll::Pending
    }
}

/// The dial of one address.
struct Attempt<D, O, S> {
    peer: PeerId,
    kind: Kind,
    /// Its place in the race.
    index: usize,
    race: Arc<Mutex<Race>>,
    clock: Clock<S>,
    last: Arc<Mutex<LastKinds>>,
    /// `None` when it has ended.
    dial: Option<D>,
    sleep: Option<S>,
    /// What it has connected, while those that it has overtaken end.
    connected: Option<O>,
    /// Turns for which it waits for these at most.
    turns: u8,
}

impl<D, O, E, S> Future for Attempt<D, O, S>
where
    D: Future<Output = Result<O, E>> + Unpin,
    O: Unpin,
    S: Future<Output = ()> + Unpin,
{
    type Output = Result<O, StaggeredError<E>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.connected.is_some() {
            return self.deliver(context).map(Ok);
        }
        loop {
            let now = (self.clock.now)();
            let step = lock(&self.race).step(self.index, now, context.waker());
            match step {
                Step::Run => return self.run(context),
                Step::Overtaken { after } => {
                    self.dial = None;
                    return Poll::Ready(Err(StaggeredError::Overtaken { kind: self.kind, after }));
                }
                Step::Wait => return Poll::Pending,
                Step::WaitFor(duration) => {
                    let mut sleep = (self.clock.sleep)(duration);
                    if Pin::new(&mut sleep).poll(context).is_pending() {
                        self.sleep = Some(sleep);
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<D, O, E, S> Attempt<D, O, S>
where
    D: Future<Output = Result<O, E>> + Unpin,
{
    fn run(&mut self, context: &mut Context<'_>) -> Poll<Result<O, StaggeredError<E>>> {
        self.sleep = None;
        let Some(dial) = &mut self.dial else { return Poll::Pending };
        let dialled = core::task::ready!(Pin::new(dial).poll(context));
        self.dial = None;
        match dialled {
            Err(error) => {
                wake(lock(&self.race).failed(self.index));
                Poll::Ready(Err(error.into()))
            }
            Ok(connected) => {
                let overtaken = lock(&self.race).won(self.index);
                remember(&mut lock(&self.last), self.peer, self.kind);
                self.connected = Some(connected);
                wake(overtaken);
                self.deliver(context).map(Ok)
            }
        }
    }
}

impl<D, O, S> Attempt<D, O, S> {
    /// The connection. The swarm drops the other dials when it has it: those that have begun get a turn before, to end with an error.
    fn deliver(&mut self, context: &mut Context<'_>) -> Poll<O> {
        if self.turns > 0 && lock(&self.race).has_running() {
            self.turns -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.connected.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<D, O, S> Drop for Attempt<D, O, S> {
    fn drop(&mut self) {
        wake(lock(&self.race).failed(self.index));
    }
}

fn remember(last: &mut LastKinds, peer: PeerId, kind: Kind) {
    if last.len() >= PEERS && !last.contains_key(&peer) {
        last.pop_first();
    }
    last.insert(peer, kind);
}

fn wake(wakers: Vec<core::task::Waker>) {
    wakers.into_iter().for_each(core::task::Waker::wake);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
