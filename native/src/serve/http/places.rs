//! The places for connections of one HTTP listener, shared out by network: IPv4 /24, IPv6 /48.
//!
//! A public network has an eighth of the places at most. A private address has no share: a reverse proxy has one, and brings
//! everybody's requests. When all places are taken, a newcomer gets one that is freed for it: of a connection that waits for a
//! request, or else of a network that has more connections than the newcomer's; first of the network with the most connections,
//! there the oldest. So neither silent connections nor a few networks keep others out.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use petrel_core::address::{is_public, network_of};
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

/// A public network gets the total divided by this at most.
const SHARES: usize = 8;
/// The share of a public network at least.
const SHARE_MIN: usize = 4;

/// See the module. Bound: one entry for each place.
#[derive(Clone, Debug)]
pub(super) struct Places {
    total: usize,
    share: usize,
    taken: Arc<Mutex<Taken>>,
    /// A place was freed.
    freed: Arc<Notify>,
}

/// The open connections, by the order in which they came.
#[derive(Debug, Default)]
struct Taken {
    next: u64,
    connections: BTreeMap<u64, OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    /// Its public network, or its private address.
    group: IpAddr,
    waits: Arc<AtomicBool>,
    /// Closes it; `None` when that was requested already.
    close: Option<oneshot::Sender<()>>,
}

/// The place of one connection; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    places: Places,
    /// Whether the connection waits for a request; kept by its holder.
    pub(super) waits: Arc<AtomicBool>,
    /// Completes when another connection needs the place.
    pub(super) closed: oneshot::Receiver<()>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The network has its share already.
    Share,
    /// All places are taken; one may be freed soon.
    Full,
}

impl Places {
    pub(super) fn new(total: usize) -> Self {
        let share = (total / SHARES).max(SHARE_MIN);
        Self { total, share, taken: Arc::default(), freed: Arc::default() }
    }

    /// A place for a connection from this address, as soon as there is one; every `free_again` one more is freed for it. `None` if
    /// its network has its share already.
    pub(super) async fn take(&self, ip: IpAddr, free_again: Duration) -> Option<Place> {
        loop {
            match self.try_take(ip) {
                Ok(place) => return Some(place),
                Err(Refusal::Share) => return None,
                Err(Refusal::Full) => _ = timeout(free_again, self.freed.notified()).await,
            }
        }
    }

    /// A place, if there is one; if all are taken, one that may be freed is requested.
    fn try_take(&self, ip: IpAddr) -> Result<Place, Refusal> {
        let ip = ip.to_canonical();
        let group = if is_public(ip) { network_of(ip) } else { ip };
        let mut taken = self.lock();
        let of_group = taken.counts().get(&group).copied().unwrap_or_default();
        if is_public(ip) && of_group >= self.share {
            return Err(Refusal::Share);
        }
        if taken.connections.len() >= self.total {
            if let Some(close) = taken.least_useful(of_group).and_then(|found| found.close.take()) {
                let _closed_already = close.send(());
            }
            return Err(Refusal::Full);
        }
        let (close, closed) = oneshot::channel();
        let (id, waits) = (taken.next, Arc::new(AtomicBool::new(true)));
        taken.next += 1;
        taken.connections.insert(id, OpenConnection { group, waits: waits.clone(), close: Some(close) });
        Ok(Place { id, places: self.clone(), waits, closed })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Connections by network.
    fn counts(&self) -> BTreeMap<IpAddr, usize> {
        let mut counts = BTreeMap::new();
        for connection in self.connections.values() {
            *counts.entry(connection.group).or_default() += 1;
        }
        counts
    }

    /// The connection whose place a newcomer gets, of a network that has `of_group` connections. See the module.
    fn least_useful(&mut self, of_group: usize) -> Option<&mut OpenConnection> {
        let counts = self.counts();
        let open = self.connections.iter().filter(|(_, connection)| connection.close.is_some());
        let ranked = open.filter_map(|(id, connection)| {
            let waits = connection.waits.load(Ordering::Relaxed);
            let count = counts.get(&connection.group).copied().unwrap_or_default();
            (waits || count > of_group + 1).then_some(((waits, count, std::cmp::Reverse(*id)), *id))
        });
        let (_, id) = ranked.max()?;
        self.connections.get_mut(&id)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().connections.remove(&self.id);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Connections of this address, until there is no place for another one.
    fn fill(places: &Places, from: &str) -> (Vec<Place>, Refusal) {
        let mut held = Vec::new();
        loop {
            match places.try_take(ip(from)) {
                Ok(place) => held.push(place),
                Err(refusal) => return (held, refusal),
            }
        }
    }

    fn is_closed(place: &mut Place) -> bool {
        place.closed.try_recv().is_ok()
    }

    fn serve(places: &[Place]) {
        places.iter().for_each(|place| place.waits.store(false, Ordering::Relaxed));
    }

    #[test]
    fn a_public_network_has_a_share_that_is_freed() {
        for [one, same_network, other] in [
            ["8.8.8.8", "8.8.8.200", "8.8.9.8"],
            ["2a00:1:2::1", "2a00:1:2:ffff::1", "2a00:1:3::1"],
            ["::ffff:8.8.8.8", "8.8.8.9", "9.8.8.8"],
        ] {
            let places = Places::new(64);
            let (held, refusal) = fill(&places, one);
            assert_eq!((held.len(), refusal), (8, Refusal::Share));
            assert_eq!(places.try_take(ip(same_network)).unwrap_err(), Refusal::Share);
            assert!(places.try_take(ip(other)).is_ok());
            drop(held);
            assert!(places.try_take(ip(same_network)).is_ok());
            assert!(places.lock().connections.is_empty());
        }
    }

    #[test]
    fn a_newcomer_gets_the_place_of_the_oldest_silent_connection() {
        let places = Places::new(64);
        let (mut held, refusal) = fill(&places, "127.0.0.1");
        // The last attempt, which did not find a place, has had one freed.
        assert_eq!((held.len(), refusal), (64, Refusal::Full));
        assert!(is_closed(&mut held[0]) && !is_closed(&mut held[1]));
        serve(&held[1..2]);
        assert_eq!(places.try_take(ip("127.0.0.1")).unwrap_err(), Refusal::Full);
        assert!(!is_closed(&mut held[1]) && is_closed(&mut held[2]), "one that is served keeps its place");
        drop(held.remove(0));
        assert!(places.try_take(ip("127.0.0.1")).is_ok());
    }

    #[test]
    fn eight_networks_that_take_all_places_make_room_for_others_and_not_for_each_other() {
        let places = Places::new(64);
        let mut held: Vec<Place> = (1..=8).flat_map(|net| fill(&places, &format!("8.8.{net}.1")).0).collect();
        assert_eq!(held.len(), 64);
        serve(&held);
        assert_eq!(places.try_take(ip("8.8.1.2")).unwrap_err(), Refusal::Share);
        assert!(!held.iter_mut().any(is_closed));
        assert_eq!(places.try_take(ip("9.9.9.9")).unwrap_err(), Refusal::Full);
        assert_eq!(held.iter_mut().filter_map(|place| is_closed(place).then_some(place.id)).collect::<Vec<_>>(), [0]);
        // Where everybody has one place, all are equal.
        let places = Places::new(8);
        let mut held: Vec<Place> = (1..=8).map(|net| places.try_take(ip(&format!("8.8.{net}.1"))).unwrap()).collect();
        serve(&held);
        assert_eq!(places.try_take(ip("9.9.9.9")).unwrap_err(), Refusal::Full);
        assert!(!held.iter_mut().any(is_closed));
    }

    #[tokio::test]
    async fn a_newcomer_waits_until_a_place_is_freed() {
        let places = Places::new(4);
        let (held, _) = fill(&places, "10.0.0.1");
        serve(&held);
        let waiting = places.clone();
        let newcomer = tokio::spawn(async move { waiting.take(ip("10.0.0.1"), Duration::from_secs(600)).await });
        tokio::task::yield_now().await;
        drop(held);
        assert!(timeout(Duration::from_secs(60), newcomer).await.unwrap().unwrap().is_some());
    }
}
