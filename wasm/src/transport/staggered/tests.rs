use core::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{
    FutureExt as _, StreamExt as _,
    stream::FuturesUnordered,
    task::{ArcWake, waker_ref},
};
use libp2p::{
    Multiaddr, PeerId,
    core::{
        Endpoint,
        transport::{DialOpts, ListenerId, PortUse, Transport, TransportError, TransportEvent},
    },
};

use super::{Clock, Kind, LastKinds, Staggered};

const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

std::thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static SLEEPERS: RefCell<Vec<(Duration, Waker)>> = const { RefCell::new(Vec::new()) };
    /// What the dials of the inner transport did, each with its time in milliseconds.
    static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn log(what: &str, name: &str) {
    LOG.with_borrow_mut(|log| log.push(format!("{} {what} {name}", NOW.get().as_millis())));
}

struct TestSleep(Duration);

fn sleep(duration: Duration) -> TestSleep {
    TestSleep(NOW.get() + duration)
}

impl Future for TestSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if NOW.get() >= self.0 {
            return Poll::Ready(());
        }
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.push((self.0, context.waker().clone())));
        Poll::Pending
    }
}

/// An address by the beginning of its host, after how many milliseconds its dial ends, and whether it has connected then.
type Plan = &'static [(&'static str, u64, bool)];

/// Dials as it is planned.
struct Planned(Plan);

struct PlannedDial {
    name: &'static str,
    sleep: Option<TestSleep>,
    lasts: Duration,
    connects: bool,
}

impl Future for PlannedDial {
    type Output = std::io::Result<&'static str>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.sleep.is_none() {
            log("begins", self.name);
            self.sleep = Some(sleep(self.lasts));
        }
        let (name, connects) = (self.name, self.connects);
        let slept = self.sleep.as_mut().unwrap().poll_unpin(context);
        if slept.is_ready() {
            // As dials of several layers do: its task is woken once more.
            context.waker().wake_by_ref();
        }
        slept.map(|()| if connects { Ok(name) } else { Err(std::io::Error::other(format!("{name} refuses"))) })
    }
}

impl Drop for PlannedDial {
    fn drop(&mut self) {
        if self.sleep.is_some() {
            log("dropped", self.name);
        }
    }
}

impl Transport for Planned {
    type Output = &'static str;
    type Error = std::io::Error;
    type ListenerUpgrade = core::future::Pending<std::io::Result<&'static str>>;
    type Dial = PlannedDial;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<std::io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<PlannedDial, TransportError<std::io::Error>> {
        let text = address.to_string();
        let (name, lasts, connects) = *self.0.iter().find(|(name, ..)| text.contains(name)).unwrap();
        Ok(PlannedDial { name, sleep: None, lasts: Duration::from_millis(lasts), connects })
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, std::io::Error>> {
        Poll::Pending
    }
}

fn address(name: &str) -> Multiaddr {
    let end = if name.starts_with("wt") { "udp/1/quic-v1/webtransport" } else { "tcp/1/ws" };
    format!("/dns4/{name}.example/{end}/p2p/{PEER}").parse().unwrap()
}

fn kind_of(address: &Multiaddr) -> Option<Kind> {
    Some(if address.to_string().contains("webtransport") { Kind::WebTransport } else { Kind::WebSocket })
}

fn transport(plan: Plan, last: LastKinds) -> Staggered<Planned, TestSleep> {
    Staggered::new(Planned(plan), kind_of, Clock { now: || NOW.get(), sleep }, last)
}

/// Whether the task of the dials is to be polled again at once.
struct Woken(AtomicBool);

impl ArcWake for Woken {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.store(true, Ordering::Relaxed);
    }
}

/// Dials these addresses as a swarm does: all at once, until one has connected. Which one, and the errors of those before it.
fn dial(transport: &mut Staggered<Planned, TestSleep>, names: &[&str]) -> (Option<&'static str>, Vec<String>) {
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let mut dials: FuturesUnordered<_> =
        names.iter().map(|name| transport.dial(address(name), options).unwrap()).collect();
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let mut errors = Vec::new();
    loop {
        match dials.poll_next_unpin(&mut Context::from_waker(&waker_ref(&woken))) {
            Poll::Ready(Some(Ok(name))) => return (Some(name), errors),
            Poll::Ready(Some(Err(error))) => errors.push(error.to_string()),
            Poll::Ready(None) => return (None, errors),
            Poll::Pending if woken.0.swap(false, Ordering::Relaxed) => {}
            Poll::Pending => tick(),
        }
    }
}

/// Ten milliseconds pass.
fn tick() {
    let now = NOW.get() + Duration::from_millis(10);
    assert!(now < Duration::from_secs(60), "nothing ends");
    NOW.set(now);
    let due = SLEEPERS.with_borrow_mut(|sleepers| sleepers.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>());
    due.into_iter().for_each(|(_, waker)| waker.wake());
}

/// Begins a test: the clock is at zero, and the log is empty.
fn begin() {
    NOW.set(Duration::ZERO);
    SLEEPERS.take();
    LOG.take();
}

#[test]
fn the_second_kind_begins_300_ms_after_the_first_and_the_slower_one_is_closed() {
    begin();
    let mut staggered = transport(&[("wt", 4000, false), ("ws", 50, true)], LastKinds::new());
    let (connected, errors) = dial(&mut staggered, &["wt", "ws"]);
    assert_eq!(connected, Some("ws"));
    assert_eq!(errors, ["no answer in 350 ms, when another address of the relay had answered: UDP is slow or blocked"]);
    assert_eq!(LOG.take(), ["0 begins wt", "300 begins ws", "350 dropped ws", "350 dropped wt"]);
}

#[test]
fn where_the_first_kind_connects_in_time_the_second_never_begins() {
    begin();
    let mut staggered = transport(&[("wt", 290, true), ("ws", 50, true)], LastKinds::new());
    assert_eq!(dial(&mut staggered, &["ws", "wt"]), (Some("wt"), vec![]), "in whichever order they are given");
    assert_eq!(LOG.take(), ["0 begins wt", "290 dropped wt"]);
}

#[test]
fn where_the_first_kind_connects_later_it_still_wins_if_it_is_earlier() {
    begin();
    let mut staggered = transport(&[("wt", 400, true), ("ws", 500, true)], LastKinds::new());
    let (connected, errors) = dial(&mut staggered, &["wt", "ws"]);
    assert_eq!((connected, errors.len()), (Some("wt"), 1));
    assert_eq!(errors[0], "no answer in 100 ms, when another address of the relay had answered");
}

#[test]
fn where_all_of_the_first_kind_fail_the_second_begins_at_once() {
    begin();
    let mut staggered = transport(&[("wt1", 20, false), ("wt2", 30, false), ("ws", 50, true)], LastKinds::new());
    let (connected, errors) = dial(&mut staggered, &["wt1", "wt2", "ws"]);
    assert_eq!((connected, errors), (Some("ws"), vec!["wt1 refuses".to_owned(), "wt2 refuses".to_owned()]));
    let begun: Vec<String> = LOG.take().into_iter().filter(|line| line.contains("begins")).collect();
    assert_eq!(begun, ["0 begins wt1", "20 begins wt2", "50 begins ws"]);
}

#[test]
fn addresses_of_one_kind_are_tried_one_after_another_beside_the_other_kind() {
    begin();
    let plan: Plan = &[("wt1", 200, false), ("wt2", 4000, false), ("ws1", 100, false), ("ws2", 100, false)];
    let (connected, errors) = dial(&mut transport(plan, LastKinds::new()), &["wt1", "wt2", "ws1", "ws2"]);
    let refused = ["wt1", "ws1", "ws2", "wt2"].map(|name| format!("{name} refuses"));
    assert_eq!((connected, errors), (None, refused.to_vec()));
    let begun: Vec<String> = LOG.take().into_iter().filter(|line| line.contains("begins")).collect();
    assert_eq!(begun, ["0 begins wt1", "200 begins wt2", "300 begins ws1", "400 begins ws2"]);
}

#[test]
fn the_kind_that_connected_last_is_first_at_the_next_dial() {
    begin();
    let mut staggered = transport(&[("wt", 4000, false), ("ws", 50, true)], LastKinds::new());
    assert_eq!(dial(&mut staggered, &["wt", "ws"]).0, Some("ws"));
    LOG.take();
    assert_eq!(dial(&mut staggered, &["wt", "ws"]), (Some("ws"), vec![]));
    assert_eq!(LOG.take(), ["350 begins ws", "400 dropped ws"]);
}

#[test]
fn the_kind_of_an_earlier_run_is_first_and_the_other_one_follows_after_300_ms() {
    begin();
    let last = LastKinds::from([(PEER.parse::<PeerId>().unwrap(), Kind::WebSocket)]);
    let mut staggered = transport(&[("wt", 50, true), ("ws", 4000, false)], last);
    assert_eq!(dial(&mut staggered, &["wt", "ws"]).0, Some("wt"));
    let begun: Vec<String> = LOG.take().into_iter().filter(|line| line.contains("begins")).collect();
    assert_eq!(begun, ["0 begins ws", "300 begins wt"]);
}

#[test]
fn a_dial_that_nobody_polled_does_not_hold_up_the_next_one() {
    begin();
    let mut staggered = transport(&[("wt", 50, true)], LastKinds::new());
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    drop(staggered.dial(address("wt"), options).unwrap());
    assert_eq!(dial(&mut staggered, &["wt"]), (Some("wt"), vec![]));
}
