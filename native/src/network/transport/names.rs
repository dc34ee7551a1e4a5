//! Host names in addresses, resolved at each dial.
//!
//! A resolver that lives as long as the node caches answers for their TTL (ten minutes with Docker) and reads `/etc/hosts` and
//! `/etc/resolv.conf` once: a peer whose name gets a new address would be unreachable for that time. Dials are rare, so each dial
//! of a name has a resolver of its own, which reads both files. An address without a name needs no resolver, so a machine
//! without `/etc/resolv.conf` can have peers.
//!
//! When a name does not resolve, the innermost error of the dial contains the name.

use std::{
    future::Future,
    io,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt, TryFutureExt,
    future::{BoxFuture, Either, MapErr, select},
};
use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    dns,
    multiaddr::Protocol,
};

/// See the module.
pub(super) struct ResolvingTransport<T> {
    inner: SharedTransport<T>,
    /// Whether the inner transport supports an address with a name: it must not accept an address of another transport.
    accepts: fn(&Multiaddr) -> bool,
    /// How long a name may take to resolve.
    resolve_timeout: Duration,
}

impl<T> ResolvingTransport<T> {
    /// `timeout` limits a whole dial. Resolution gets nine tenths of it, so that a dial that fails in it ends with an error that
    /// says so.
    pub(super) fn new(inner: T, accepts: fn(&Multiaddr) -> bool, timeout: Duration) -> Self {
        Self { inner: SharedTransport::new(Arc::new(Mutex::new(inner))), accepts, resolve_timeout: timeout * 9 / 10 }
    }
}

/// The first name in an address.
fn first_name(address: &Multiaddr) -> Option<String> {
    address.iter().find_map(|part| match part {
        Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) | Protocol::Dnsaddr(name) => {
            Some(name.into_owned())
        }
        _ => None,
    })
}

fn unresolved(name: &str, why: &str) -> io::Error {
    io::Error::other(format!("the name {name} does not resolve: {why}"))
}

/// Reduces the errors of a dial of a name to one. If an address was found, the error of dialling it is used.
fn flatten_error<E: std::error::Error + Send + Sync + 'static>(name: &str, error: dns::Error<E>) -> io::Error {
    match error {
        dns::Error::Dial(mut errors) => {
            let dialled = |error: &dns::Error<E>| {
                matches!(error, dns::Error::Transport(_) | dns::Error::MultiaddrNotSupported(_))
            };
            let counts = errors.iter().rposition(dialled).or(errors.len().checked_sub(1));
            match counts.map(|at| errors.swap_remove(at)) {
                Some(error) => flatten_error(name, error),
                None => unresolved(name, "no reason was given"),
            }
        }
        dns::Error::ResolveError(error) => unresolved(name, &resolve_reason(&error)),
        dns::Error::TooManyLookups => unresolved(name, "it leads to too many other names"),
        error => io::Error::other(error),
    }
}

fn resolve_reason(error: &dns::ResolveError) -> String {
    match error {
        dns::ResolveError::NoConnections => "no nameserver can be reached".to_owned(),
        dns::ResolveError::Timeout => "no nameserver answers in time".to_owned(),
        error if error.is_nx_domain() => "there is no such name".to_owned(),
        error if error.is_no_records_found() => "it has no address of the requested kind".to_owned(),
        error => error.to_string(),
    }
}

/// Ends a dial whose name is not resolved after `resolve_timeout`; `found` is whether an address was found.
async fn bounded<T>(
    dial: impl Future<Output = io::Result<T>>,
    found: Arc<AtomicBool>,
    name: &str,
    resolve_timeout: Duration,
) -> io::Result<T> {
    match select(pin!(dial), pin!(tokio::time::sleep(resolve_timeout))).await {
        Either::Left((dialled, _)) => dialled,
        Either::Right(((), dial)) if found.load(Ordering::Relaxed) => dial.await,
        Either::Right(_) => Err(unresolved(name, &format!("no answer within {} s", resolve_timeout.as_secs_f64()))),
    }
}

impl<T> Transport for ResolvingTransport<T>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: Send + 'static,
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
        let Some(name) = first_name(&address) else {
            let dial = self.inner.dial(address, options).map_err(|error| error.map(io::Error::other))?;
            return Ok(dial.map_err(io::Error::other).boxed());
        };
        if !(self.accepts)(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        let inner = SharedTransport::new(self.inner.transport.clone());
        let (found, resolve_timeout) = (inner.dialled.clone(), self.resolve_timeout);
        let mut resolving = dns::tokio::Transport::system(inner)
            .map_err(|error| TransportError::Other(unresolved(&name, &format!("/etc/resolv.conf: {error}"))))?;
        let dial = resolving.dial(address, options).map_err(|error| error.map(|error| flatten_error(&name, error)))?;
        let dial = async move {
            // The resolver panics on some answers; without this the panic would leave the peer in the state of being dialled.
            let caught = AssertUnwindSafe(dial).catch_unwind().map(|ended| match ended {
                Ok(dialled) => dialled.map_err(|error| flatten_error(&name, error)),
                Err(_panic) => Err(unresolved(&name, "an answer without addresses")),
            });
            bounded(caught, found, &name, resolve_timeout).await
        };
        Ok(dial.boxed())
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

/// One transport for dialling and listening: a dial may use the listening port.
struct SharedTransport<T> {
    transport: Arc<Mutex<T>>,
    /// Whether this one or its clones have dialled.
    dialled: Arc<AtomicBool>,
}

impl<T> SharedTransport<T> {
    fn new(transport: Arc<Mutex<T>>) -> Self {
        Self { transport, dialled: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport + Unpin> Transport for SharedTransport<T> {
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
        self.dialled.store(true, Ordering::Relaxed);
        self.lock().dial(address, options)
    }

    fn poll(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut *self.lock()).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, atomic::AtomicBool},
        time::Duration,
    };

    use libp2p::dns;

    use super::{bounded, flatten_error};

    fn resolving(error: dns::ResolveError) -> dns::Error<io::Error> {
        dns::Error::ResolveError(error)
    }

    fn message_of(error: dns::Error<io::Error>) -> String {
        flatten_error("a.example", error).to_string()
    }

    #[test]
    fn a_name_that_does_not_resolve_is_named_with_the_reason() {
        let nobody = resolving(dns::ResolveError::NoConnections);
        assert_eq!(message_of(nobody), "the name a.example does not resolve: no nameserver can be reached");
        let all = dns::Error::Dial(vec![dns::Error::TooManyLookups, resolving(dns::ResolveError::Timeout)]);
        assert_eq!(message_of(all), "the name a.example does not resolve: no nameserver answers in time");
        assert!(message_of(dns::Error::Dial(Vec::new())).contains("a.example does not resolve"));
    }

    #[test]
    fn where_an_address_was_found_what_came_of_dialling_it_counts() {
        let refused = dns::Error::Transport(io::Error::other("refused"));
        let both = dns::Error::Dial(vec![refused, resolving(dns::ResolveError::NoConnections)]);
        assert_eq!(message_of(both), "refused");
    }

    #[tokio::test]
    async fn a_name_that_takes_too_long_is_named_and_a_dial_that_has_begun_goes_on() {
        let pending = std::future::pending::<io::Result<()>>();
        let error = bounded(pending, Arc::default(), "a.example", Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "the name a.example does not resolve: no answer within 0.001 s");
        let dial = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(7)
        };
        let found = Arc::new(AtomicBool::new(true));
        assert_eq!(bounded(dial, found, "a.example", Duration::from_millis(1)).await.unwrap(), 7);
    }
}
