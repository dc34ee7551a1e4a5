//! The class that a worker creates: it is made from JSON, emits events as JSON, reports its status and stops.
//!
//! The driver runs in one task; what it emits goes to `contents`, which keeps the newest blocks, and to the callback. `status` borrows it between two polls, never during one: callbacks are called while nothing
//! is borrowed. After a panic (see `panic`) the owner of the worker ends it.

use core::{
    cell::{Cell, RefCell},
    future::poll_fn,
    num::NonZeroU8,
    pin::Pin,
    task::Poll,
};
use std::rc::Rc;

use futures::{
    Stream as _,
    future::{AbortHandle, Abortable},
};
use js_sys::Function;
use libp2p::{
    identity::{Keypair, secp256k1},
    swarm,
};
use petrel_core::{
    Event,
    block::BlockInfo,
    config::Settled,
    net::{Driver, DriverParts, Host as _},
    node,
    validation::SignerNews,
};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{
    contents::Contents,
    error::{Error, ErrorCode},
    evidence::KeptEvidence,
    host::BrowserHost,
    panic, restored,
    settings::{self, Settings, relays},
    transport::{self, Traffic, TransportBytes, staggered::LastKinds},
};

mod contents;

pub use contents::hash_of;

const AGENT: &str = concat!("petrel-web/", env!("CARGO_PKG_VERSION"));

/// A node in a browser.
#[wasm_bindgen]
pub struct Client {
    driver: Rc<RefCell<Driver<BrowserHost>>>,
    /// Milliseconds that the host adds to `Date.now()`.
    correction: Rc<Cell<f64>>,
    traffic: Traffic,
    contents: Rc<RefCell<Contents>>,
    evidence: KeptEvidence,
    task: AbortHandle,
    on_event: Function,
}

/// The node's status and what [`Client::status`] adds to it. `www/package/src/worker/node-status.ts` mirrors it.
#[derive(Serialize)]
pub(crate) struct ClientStatus {
    #[serde(flatten)]
    pub(crate) node: node::Status,
    /// Our own peer id.
    pub(crate) peer: String,
    /// Bytes by transport.
    pub(crate) transport_bytes: TransportBytes,
}

#[wasm_bindgen]
impl Client {
    /// Starts a node. `config` is the JSON of `settings`; `on_event` gets each event as JSON text, in order, and as the
    /// last one of a node that panicked `{"event": "failed", "code": "panic", "message", "remedy"}`. `on_persist` gets, as JSON
    /// text, each block of the chain (without its contents) that is to be persisted for `config.restored` of a later run.
    ///
    /// # Errors
    /// `{code, message, remedy}`.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, on_event: Function, on_persist: Option<Function>) -> Result<Self, JsValue> {
        let Settings { settled, mut blocks, last_kinds } = settings::settle(config)?;
        let correction = Rc::default();
        let host = BrowserHost::new(on_persist, Rc::clone(&correction));
        restored::drop_future(&mut blocks, &settled.chain, host.now());
        let traffic = Traffic::default();
        let evidence = KeptEvidence::new(settled.chain.id);
        let contents = Rc::new(RefCell::new(Contents::new(&settled.chain)));
        let driver = Rc::new(RefCell::new(driver(settled, blocks, host, &traffic, last_kinds)?));
        panic::listen(&on_event);
        let (task, registration) = AbortHandle::new_pair();
        let run = run(Rc::clone(&driver), Rc::clone(&contents), evidence.clone(), on_event.clone());
        let run = Abortable::new(run, registration);
        wasm_bindgen_futures::spawn_local(async move {
            // `stop` aborts it.
            let _aborted = run.await;
        });
        Ok(Self { driver, correction, traffic, contents, evidence, task, on_event })
    }

    /// The node now, as JSON: the core's `Status`, our own peer id under `peer`, and under
    /// `transport_bytes` what its connections have carried.
    pub fn status(&self) -> String {
        let driver = self.driver.borrow();
        let status = ClientStatus {
            node: driver.status(),
            peer: driver.local_peer().to_string(),
            transport_bytes: self.traffic.totals(),
        };
        serde_json::to_string(&status).unwrap_or_default()
    }

    /// Evidence that the signer signed two blocks of this height (a decimal number), as JSON: the core's `evidence`. Undefined when
    /// two are not among the last signed blocks that are kept.
    pub fn evidence(&self, number: &str) -> Option<String> {
        self.evidence.json(number.parse().ok()?)
    }

    /// Adds relays, or the present addresses of known ones: JSON arrays of multiaddrs. `relays` are from their own signed
    /// records, and replace what was known; `others` are advertised by another relay, and replace nothing.
    ///
    /// # Errors
    /// `{code, message, remedy}`; then none is taken.
    #[wasm_bindgen(js_name = addRelays)]
    pub fn add_relays(&self, relays: &str, others: &str) -> Result<(), JsValue> {
        let static_peers =
            |json: &str| relays::static_peers(&serde_json::from_str::<Vec<String>>(json).unwrap_or_default());
        let (relays, others) = (static_peers(relays)?, static_peers(others)?);
        let mut driver = self.driver.borrow_mut();
        relays.into_iter().for_each(|peer| driver.add_static_peer(peer));
        others.into_iter().for_each(|relay| driver.advertised_relay(relay));
        Ok(())
    }

    /// From now on this device's clock counts as so many milliseconds behind (negative when it is ahead).
    #[wasm_bindgen(js_name = correctClock)]
    pub fn correct_clock(&self, millis: f64) {
        self.correction.set(millis);
    }

    /// The time of several relays agrees with this device's clock.
    #[wasm_bindgen(js_name = clockAgrees)]
    pub fn clock_agrees(&self) {
        self.driver.borrow_mut().clock_agrees();
    }

    /// The signer was read from L1: this address. `rotation` is whether the previous one was read there too, so that it is accepted
    /// for a while.
    ///
    /// # Errors
    /// `{code, message, remedy}`: it is no address.
    #[wasm_bindgen(js_name = signerRead)]
    pub fn signer_read(&self, signer: &str, rotation: bool) -> Result<(), JsValue> {
        let signer = Some(settings::signer(signer)?);
        self.driver.borrow_mut().signer_news(SignerNews::Read { signer, rotation });
        Ok(())
    }

    /// Ends the node: its connections are closed when the last task has dropped it.
    pub fn stop(self) {
        panic::forget(&self.on_event);
        self.task.abort();
    }
}

async fn run(
    driver: Rc<RefCell<Driver<BrowserHost>>>,
    contents: Rc<RefCell<Contents>>,
    evidence: KeptEvidence,
    on_event: Function,
) {
    while let Some(event) = next(&driver).await {
        // Before the callback, which may ask for the block. No call into the module is under way here, so nothing else borrows it.
        contents.borrow_mut().observe(&event);
        evidence.on_event(&event);
        if let Ok(json) = serde_json::to_string(&event) {
            // An exception of the callback must not end the node.
            let _thrown = on_event.call1(&JsValue::NULL, &JsValue::from_str(&json));
        }
    }
}

async fn next(driver: &RefCell<Driver<BrowserHost>>) -> Option<Event> {
    poll_fn(|context| match driver.try_borrow_mut() {
        Ok(mut driver) => Pin::new(&mut *driver).poll_next(context),
        Err(_) => Poll::Ready(None),
    })
    .await
}

fn driver(
    config: Settled,
    chain: Vec<BlockInfo>,
    host: BrowserHost,
    traffic: &Traffic,
    last_kinds: LastKinds,
) -> Result<Driver<BrowserHost>, Error> {
    let failed =
        |message: String| Error::new(ErrorCode::NotStarted, message, "reload the page; if it stays, report it");
    let mut seed = [0; 32];
    random(&mut seed)?;
    let identity = identity()?;
    let transport = transport::new(&identity, traffic, last_kinds).map_err(|error| failed(error.to_string()))?;
    let parts = DriverParts {
        config,
        restored: chain.into(),
        identity,
        agent: AGENT.to_owned(),
        transport,
        // Connections are polled by the driver and end with it. The transport gets all addresses of a peer and decides when each begins.
        swarm: swarm::Config::without_executor().with_dial_concurrency_factor(NonZeroU8::MAX),
        seed,
        host,
    };
    Driver::new(parts).map_err(|error| failed(error.to_string()))
}

/// A key for this run alone: a tab needs no lasting peer id.
fn identity() -> Result<Keypair, Error> {
    loop {
        let mut secret = [0; 32];
        random(&mut secret)?;
        // Fails for about one in 2^128 draws.
        if let Ok(secret) = secp256k1::SecretKey::try_from_bytes(&mut secret) {
            return Ok(secp256k1::Keypair::from(secret).into());
        }
    }
}

fn random(bytes: &mut [u8; 32]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(
            ErrorCode::NoRandom,
            format!("this environment gives no random numbers: {error}"),
            "use a browser with Web Crypto",
        )
    })
}
