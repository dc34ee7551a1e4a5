//! Names in addresses, resolved anew at each dial.
//!
//! A resolver that lives as long as the node remembers answers for as long as their TTL says (ten minutes where Docker
//! answers) and reads `/etc/hosts` and `/etc/resolv.conf` once: a peer that has moved behind its name would stay lost for
//! as long. Dials are rare, so each one of a name has a resolver of its own, which has read both files as they are now. An
//! address without a name needs none, so that a machine without `/etc/resolv.conf` can have peers.
//!
//! A name that does not resolve is said to be that: the innermost error of such a dial names it.

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
pub(super) struct Names<T> {
    inner: Shared<T>,
    /// Whether an address with a name is for the inner transport: it must not take, and then fail, what is another's.
    takes: fn(&Multiaddr) -> bool,
    /// How long a name may take to resolve.
    patience: Duration,
}

impl<T> Names<T> {
    /// `timeout` is what a whole dial may take. A name has nine tenths of it, so that a dial that is still at the name then
    /// ends with an error that says so.
    pub(super) fn new(inner: T, takes: fn(&Multiaddr) -> bool, timeout: Duration) -> Self {
        Self { inner: Shared::new(Arc::new(Mutex::new(inner))), takes, patience: timeout * 9 / 10 }
    }
}

/// The first name in an address.
fn name(address: &Multiaddr) -> Option<String> {
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

/// One error for a dial of a name. Where an address was found, what came of dialling it counts.
fn flat<E: std::error::Error + Send + Sync + 'static>(name: &str, error: dns::Error<E>) -> io::Error {
    match error {
        dns::Error::Dial(mut errors) => {
            let dialled = |error: &dns::Error<E>| {
                matches!(error, dns::Error::Transport(_) | dns::Error::MultiaddrNotSupported(_))
            };
            let counts = errors.iter().rposition(dialled).or(errors.len().checked_sub(1));
            match counts.map(|at| errors.swap_remove(at)) {
                Some(error) => flat(name, error),
                None => unresolved(name, "no reason was given"),
            }
        }
        dns::Error::ResolveError(error) => unresolved(name, &why(&error)),
        dns::Error::TooManyLookups => unresolved(name, "it leads to too many other names"),
        error => io::Error::other(error),
    }
}

fn why(error: &dns::ResolveError) -> String {
    match error {
        dns::ResolveError::NoConnections => "no nameserver can be reached".to_owned(),
        dns::ResolveError::Timeout => "no nameserver answers in time".to_owned(),
        error if error.is_nx_domain() => "there is no such name".to_owned(),
        error if error.is_no_records_found() => "it has no address of the kind that is asked for".to_owned(),
        error => error.to_string(),
    }
}

/// Gives a dial up that is still at the name after `patience`; `found` is whether an address was found.
async fn bounded<T>(
    dial: impl Future<Output = io::Result<T>>,
    found: Arc<AtomicBool>,
    name: &str,
    patience: Duration,
) -> io::Result<T> {
    match select(pin!(dial), pin!(tokio::time::sleep(patience))).await {
        Either::Left((dialled, _)) => dialled,
        Either::Right(((), dial)) if found.load(Ordering::Relaxed) => dial.await,
        Either::Right(_) => Err(unresolved(name, &format!("no answer within {} s", patience.as_secs_f64()))),
    }
}

impl<T> Transport for Names<T>
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
        let Some(name) = name(&address) else {
            let dial = self.inner.dial(address, options).map_err(|error| error.map(io::Error::other))?;
            return Ok(dial.map_err(io::Error::other).boxed());
        };
        if !(self.takes)(&address) {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        let inner = Shared::new(self.inner.transport.clone());
        let (found, patience) = (inner.dialled.clone(), self.patience);
        let mut resolving = dns::tokio::Transport::system(inner)
            .map_err(|error| TransportError::Other(unresolved(&name, &format!("/etc/resolv.conf: {error}"))))?;
        let dial = resolving.dial(address, options).map_err(|error| error.map(|error| flat(&name, error)))?;
        let dial = async move {
            // What it expects of an answer is a nameserver's to give; a dial that dies would leave its peer dialled for
            // ever.
            let survived = AssertUnwindSafe(dial).catch_unwind().map(|ended| match ended {
                Ok(dialled) => dialled.map_err(|error| flat(&name, error)),
                Err(_panic) => Err(unresolved(&name, "an answer without addresses")),
            });
            bounded(survived, found, &name, patience).await
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

/// One transport for whoever dials and whoever listens: a dial may leave from the port that is listened on.
struct Shared<T> {
    transport: Arc<Mutex<T>>,
    /// Whether anything was dialled by this one or its clones.
    dialled: Arc<AtomicBool>,
}

impl<T> Shared<T> {
    fn new(transport: Arc<Mutex<T>>) -> Self {
        Self { transport, dialled: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner)
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

    use super::{bounded, flat};

    fn resolving(error: dns::ResolveError) -> dns::Error<io::Error> {
        dns::Error::ResolveError(error)
    }

    fn said(error: dns::Error<io::Error>) -> String {
        flat("a.example", error).to_string()
    }

    #[test]
    fn a_name_that_does_not_resolve_is_named_with_the_reason() {
        let nobody = resolving(dns::ResolveError::NoConnections);
        assert_eq!(said(nobody), "the name a.example does not resolve: no nameserver can be reached");
        let all = dns::Error::Dial(vec![dns::Error::TooManyLookups, resolving(dns::ResolveError::Timeout)]);
        assert_eq!(said(all), "the name a.example does not resolve: no nameserver answers in time");
        assert!(said(dns::Error::Dial(Vec::new())).contains("a.example does not resolve"));
    }

    #[test]
    fn where_an_address_was_found_what_came_of_dialling_it_counts() {
        let refused = dns::Error::Transport(io::Error::other("refused"));
        let both = dns::Error::Dial(vec![refused, resolving(dns::ResolveError::NoConnections)]);
        assert_eq!(said(both), "refused");
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
