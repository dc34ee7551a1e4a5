//! Names in addresses, resolved anew at each dial.
//!
//! A resolver that lives as long as the node remembers answers for as long as their TTL says (ten minutes where Docker
//! answers) and reads `/etc/hosts` and `/etc/resolv.conf` once: a peer that has moved behind its name would stay lost for
//! as long. Dials are rare, so each one of a name has a resolver of its own, which has read both files as they are now. An
//! address without a name needs none, so that a machine without `/etc/resolv.conf` can have peers.

use std::{
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, MapErr},
};
use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    dns,
    multiaddr::Protocol,
};

/// See the module.
pub(super) struct Names<T> {
    inner: Shared<T>,
    /// Whether an address with a name is for the inner transport: it must not take, and then fail, what is another's.
    takes: fn(&Multiaddr) -> bool,
}

impl<T> Names<T> {
    pub(super) fn new(inner: T, takes: fn(&Multiaddr) -> bool) -> Self {
        Self { inner: Shared(Arc::new(Mutex::new(inner))), takes }
    }
}

fn has_name(address: &Multiaddr) -> bool {
    let is_name =
        |part| matches!(part, Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_));
    address.iter().any(is_name)
}

impl<T> Transport for Names<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
{
    type Output = T::Output;
    type Error = io::Error;
    type ListenerUpgrade = MapErr<T::ListenerUpgrade, fn(T::Error) -> io::Error>;
    type Dial = BoxFuture<'static, io::Result<T::Output>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        self.inner.listen_on(id, address).map_err(|error| error.map(io::Error::other))
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        if !has_name(&address) {
            let dial = self.inner.dial(address, options).map_err(|error| error.map(io::Error::other))?;
            return Ok(dial.map_err(io::Error::other).boxed());
        }
        if !(self.takes)(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        let mut resolving = dns::tokio::Transport::system(self.inner.clone()).map_err(TransportError::Other)?;
        let dial = resolving.dial(address, options).map_err(|error| error.map(io::Error::other))?;
        // What it expects of an answer is a nameserver's to give; a dial that dies would leave its peer dialled for ever.
        let survived = AssertUnwindSafe(dial).catch_unwind();
        let flat = |ended: std::thread::Result<Result<_, dns::Error<T::Error>>>| match ended {
            Ok(dialled) => dialled.map_err(io::Error::other),
            Err(_panic) => Err(io::Error::other("the name's resolution failed: an answer without addresses")),
        };
        Ok(survived.map(flat).boxed())
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(context).map(|event| {
            event.map_upgrade(|upgrade| upgrade.map_err(io::Error::other as fn(_) -> _)).map_err(io::Error::other)
        })
    }
}

/// One transport for whoever dials and whoever listens: a dial may leave from the port that is listened on.
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Transport + Unpin> Transport for Shared<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.lock().listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.lock().remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<T::Dial, TransportError<T::Error>> {
        self.lock().dial(address, options)
    }

    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut *self.lock()).poll(context)
    }
}
