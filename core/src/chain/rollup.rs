//! op-node's `rollup.json`: reads only the fields that the P2P node needs, and reports all mistakes at once, by key.
//!
//! Three extensions are read beside op-node's own keys: Base's upgrades (`"base": {"denim": …}`, whose 200 ms follow
//! from Denim alone), opBNB's `volta_time` (500 ms) and `fourier_time` (250 ms), and under `"petrel"` what none of them
//! can say:
//!
//! ```json
//! "petrel": {
//!     "name": "OP Mainnet", "slug": "op-mainnet", "signer": "0x…",
//!     "signer_date": "2026-08-04", "schedule_date": "2026-11-30", "left_registry": false,
//!     "cadence": [{ "number": 0, "time_ms": 1686789347000, "interval_ms": 2000 }],
//!     "subsecond": "base_time" or "mix_digest",
//!     "certain": false where an operator has changed the schedule
//! }
//! ```
//!
//! Other keys are ignored, as op-node does.

use core::time::Duration;

use alloy_primitives::{Address, B256};
use serde_json::{Map, Value, json};

use crate::{
    chain::{Cadence, Chain, FeeParameters, Genesis, Origin, Step, Subsecond},
    fork::{CarriedFork, Family, Fork, Forks},
};

/// The mistakes in a rollup configuration: one sentence for each, never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ChainError(pub Vec<String>);

/// Maximum length of a rollup configuration, bytes.
const MAX_BYTES: usize = 1 << 20;
/// Base's interval from Denim on (base/base: `NATIVE_SUBSECOND_BLOCK_INTERVAL_MILLIS`).
const DENIM: Duration = Duration::from_millis(200);
/// opBNB's intervals (bnb-chain/opbnb `op-node/rollup/types.go`), by the upgrade that brings them, in order.
const OPBNB: [(&str, Duration); 2] = [(VOLTA, Duration::from_millis(500)), ("fourier", Duration::from_millis(250))];
/// The upgrade from which opBNB's mix digest has milliseconds.
const VOLTA: &str = "volta";
/// Top-level keys that end in `_time` and are no fork times.
const NO_FORK: [&str; 1] = ["block"];

impl Chain {
    /// Reads op-node's `rollup.json`.
    ///
    /// # Errors
    /// All mistakes at once: missing keys, wrong types, wrong order.
    pub fn from_rollup_json(json: &[u8]) -> Result<Self, ChainError> {
        read(json)
    }

    /// The same chain as a `rollup.json`: what [`Chain::from_rollup_json`] reads.
    pub fn to_rollup_json(&self) -> serde_json::Value {
        write(self)
    }
}

fn read(json: &[u8]) -> Result<Chain, ChainError> {
    if json.len() > MAX_BYTES {
        return Err(ChainError(vec![format!(
            "the file has {} bytes; a rollup.json has at most {MAX_BYTES}",
            json.len()
        )]));
    }
    let value: Value = serde_json::from_slice(json).map_err(|error| ChainError(vec![format!("not JSON: {error}")]))?;
    let Value::Object(root) = value else {
        return Err(ChainError(vec!["expected a JSON object".to_owned()]));
    };
    let mut reader = RollupReader { mistakes: Vec::new() };
    let chain = reader.chain(&root);
    match chain {
        Some(chain) if reader.mistakes.is_empty() => Ok(chain),
        _ => Err(ChainError(reader.mistakes)),
    }
}

/// Only what [`read`] reads.
fn write(chain: &Chain) -> Value {
    let first = chain.cadence.steps().next().map_or(1000, |step| step.interval_ms);
    let mut root = json!({
        "l2_chain_id": chain.id,
        "l1_chain_id": chain.l1,
        // op-node has whole seconds; the cadence below says the rest.
        "block_time": first.div_ceil(1000),
        "genesis": {
            "l2": { "number": chain.genesis.number, "hash": chain.genesis.hash },
            "l2_time": chain.genesis.time,
        },
        "petrel": own(chain),
    });
    if let Value::Object(map) = &mut root {
        let known = Fork::TIMED.into_iter().filter_map(|fork| Some((fork.name(), chain.forks.time(fork)?)));
        let of = |family| chain.forks.carried().iter().filter(move |it| it.family == family);
        let carried = of(Family::OpStack).map(|it| (it.name.as_str(), it.time));
        map.extend(known.chain(carried).map(|(name, time)| (format!("{name}_time"), time.into())));
        if chain.forks.has_base() {
            let base = of(Family::Base).map(|it| (it.name.clone(), it.time.into())).collect();
            map.insert("base".to_owned(), Value::Object(base));
        }
        map.extend(chain.fees.map(|fees| ("chain_op_config".to_owned(), fees_json(fees))));
        map.extend(
            chain.system_config.map(|address| ("l1_system_config_address".to_owned(), address.to_string().into())),
        );
    }
    root
}

/// As in op-node's file.
fn fees_json(fees: FeeParameters) -> Value {
    json!({
        "eip1559Elasticity": fees.elasticity,
        "eip1559Denominator": fees.denominator,
        "eip1559DenominatorCanyon": fees.denominator_canyon,
    })
}

/// The object under `petrel`.
fn own(chain: &Chain) -> Value {
    let mut own = json!({
        "name": chain.name,
        "cadence": chain.cadence.steps().collect::<Vec<_>>(),
        "subsecond": name_of(chain.subsecond),
    });
    if let (Value::Object(map), Origin::Preset { signer_date, schedule_date, left_registry }) =
        (&mut own, &chain.origin)
    {
        map.insert("signer_date".to_owned(), signer_date.clone().into());
        map.insert("schedule_date".to_owned(), schedule_date.clone().into());
        map.insert("left_registry".to_owned(), (*left_registry).into());
    }
    if let Value::Object(map) = &mut own {
        map.extend((!chain.certain).then(|| ("certain".to_owned(), false.into())));
        map.extend(chain.slug.as_ref().map(|slug| ("slug".to_owned(), slug.clone().into())));
        map.extend(chain.signer.map(|signer| ("signer".to_owned(), signer.to_string().into())));
    }
    own
}

const fn name_of(subsecond: Subsecond) -> &'static str {
    match subsecond {
        Subsecond::BaseTime => "base_time",
        Subsecond::MixDigest => "mix_digest",
    }
}

/// Optional, and other keys may be beside it: what lacks one that counts is as if it were not there.
fn fees(root: &Map<String, Value>) -> Option<FeeParameters> {
    let given = root.get("chain_op_config")?;
    let positive = |key| given.get(key).and_then(Value::as_u64).filter(|number| *number > 0);
    Some(FeeParameters {
        elasticity: positive("eip1559Elasticity")?,
        denominator: positive("eip1559Denominator")?,
        denominator_canyon: positive("eip1559DenominatorCanyon"),
    })
}

/// A step of a cadence, with its three keys alone.
fn step(value: &Value) -> Option<Step> {
    let map = value.as_object().filter(|map| map.len() == 3)?;
    let number = |key| map.get(key).and_then(Value::as_u64);
    Some(Step { number: number("number")?, time_ms: number("time_ms")?, interval_ms: number("interval_ms")? })
}

/// A reader that collects mistakes; its results count only when there are none.
struct RollupReader {
    mistakes: Vec<String>,
}

impl RollupReader {
    fn chain(&mut self, root: &Map<String, Value>) -> Option<Chain> {
        let empty = Map::new();
        let own = self.object(root, "petrel").unwrap_or(&empty);
        let id = self.number(root, "l2_chain_id");
        if id == Some(0) {
            self.mistake("l2_chain_id must not be 0");
        }
        let l1 =
            root.get("l1_chain_id").filter(|value| !value.is_null()).and_then(|_| self.number(root, "l1_chain_id"));
        let genesis = self.genesis(root);
        let forks = self.forks(root);
        let block_time = self.number(root, "block_time");
        let cadence = match own.get("cadence") {
            Some(steps) => self.steps(steps),
            None => block_time.and_then(|block_time| self.cadence(block_time, genesis, &forks)),
        };
        let (name, slug) = (self.text(own, "name"), self.text(own, "slug"));
        let subsecond = self.subsecond(own, &forks);
        let signer = self.address(own, "signer", "petrel.signer");
        let system_config = self.address(root, "l1_system_config_address", "l1_system_config_address");
        let fees = fees(root);
        let origin = self.origin(own);
        let id = id?;
        Some(Chain {
            id,
            name: name.unwrap_or_else(|| format!("chain-{id}")),
            slug,
            l1,
            cadence: cadence?,
            subsecond,
            certain: own.get("certain") != Some(&Value::Bool(false)),
            genesis: genesis?,
            forks,
            signer,
            system_config,
            fees,
            origin,
        })
    }

    /// A preset says from when it is.
    fn origin(&mut self, own: &Map<String, Value>) -> Origin {
        let (signer_date, schedule_date) = (self.text(own, "signer_date"), self.text(own, "schedule_date"));
        let left_registry = own.get("left_registry") == Some(&Value::Bool(true));
        match (signer_date, schedule_date) {
            (Some(signer_date), Some(schedule_date)) => Origin::Preset { signer_date, schedule_date, left_registry },
            _ => Origin::Rollup,
        }
    }

    fn genesis(&mut self, root: &Map<String, Value>) -> Option<Genesis> {
        let empty = Map::new();
        let genesis = root.get("genesis").and_then(Value::as_object).unwrap_or(&empty);
        let l2 = genesis.get("l2").and_then(Value::as_object).unwrap_or(&empty);
        if l2.is_empty() {
            self.mistake("genesis.l2 is missing");
        }
        let (number, hash, time) = (self.number(l2, "number"), self.hash(l2, "hash"), self.number(genesis, "l2_time"));
        Some(Genesis { number: number?, hash: hash?, time: time? })
    }

    /// `<fork>_time` of every known fork, and Base's; any other `*_time` that is a number is carried.
    fn forks(&mut self, root: &Map<String, Value>) -> Forks {
        let mut forks = Forks::none();
        for (key, value) in root {
            let Some(name) = key.strip_suffix("_time").filter(|name| !NO_FORK.contains(name)) else { continue };
            match (Fork::from_name(name), value.as_u64()) {
                _ if value.is_null() => {}
                (Some(fork), Some(time)) => forks.set(fork, Some(time)),
                (None, Some(time)) => self.carry(&mut forks, name, time, Family::OpStack),
                (_, None) => self.mistake(format!("{key} must be Unix seconds or null")),
            }
        }
        let empty = Map::new();
        for (key, value) in self.object(root, "base").unwrap_or(&empty) {
            let name = match key.as_str() {
                "v1" => "azul",
                "v2" => "beryl",
                "v3" => "cobalt",
                name => name,
            };
            match value.as_u64() {
                _ if value.is_null() => {}
                Some(time) => self.carry(&mut forks, name, time, Family::Base),
                None => self.mistake(format!("base.{key} must be Unix seconds or null")),
            }
        }
        self.mistakes.extend(forks.mistakes());
        forks
    }

    fn carry(&mut self, forks: &mut Forks, name: &str, time: u64, family: Family) {
        if !forks.carry(CarriedFork { name: name.to_owned(), time, family }) {
            self.mistake(format!("{name}: more than {} upgrades that this version does not know", Forks::MAX_CARRIED));
        }
    }

    /// The steps that follow from the block time and from the upgrades that change it.
    fn cadence(&mut self, block_time: u64, genesis: Option<Genesis>, forks: &Forks) -> Option<Cadence> {
        let (number, time) = genesis.map_or((0, 0), |genesis| (genesis.number, genesis.time));
        let constant = Cadence::constant(number, time, Duration::from_secs(block_time));
        let mut cadence = constant.map_err(|error| self.mistake(format!("block_time: {error}"))).ok()?;
        genesis?;
        let opbnb = OPBNB.into_iter().filter_map(|(name, interval)| {
            let upgrade = forks.carried().iter().find(|it| it.family == Family::OpStack && it.name == name)?;
            Some((format!("{name}_time"), upgrade.time, interval))
        });
        let denim = forks.base(Family::DENIM).map(|time| (format!("base.{}", Family::DENIM), time, DENIM));
        for (key, time, interval) in opbnb.chain(denim) {
            match cadence.then(time.saturating_mul(1000), interval) {
                Ok(next) => cadence = next,
                Err(error) => self.mistake(format!("{key}: {error}")),
            }
        }
        Some(cadence)
    }

    fn steps(&mut self, steps: &Value) -> Option<Cadence> {
        let read = steps.as_array().and_then(|steps| steps.iter().map(step).collect::<Option<Vec<_>>>());
        let read = read.ok_or_else(|| "expected a list of {number, time_ms, interval_ms}".to_owned());
        let cadence = read.and_then(|steps| Cadence::new(&steps).map_err(|error| error.to_string()));
        cadence.map_err(|error| self.mistake(format!("petrel.cadence: {error}"))).ok()
    }

    fn subsecond(&mut self, own: &Map<String, Value>, forks: &Forks) -> Subsecond {
        match own.get("subsecond").map(|value| value.as_str().unwrap_or_default()) {
            None if forks.carried().iter().any(|it| it.family == Family::OpStack && it.name == VOLTA) => {
                Subsecond::MixDigest
            }
            None | Some("base_time") => Subsecond::BaseTime,
            Some("mix_digest") => Subsecond::MixDigest,
            Some(_) => {
                self.mistake("petrel.subsecond must be \"base_time\" or \"mix_digest\"");
                Subsecond::BaseTime
            }
        }
    }

    /// An object that may be missing or null.
    fn object<'a>(&mut self, map: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
        let value = map.get(key).filter(|value| !value.is_null())?;
        if !value.is_object() {
            self.mistake(format!("{key} must be an object"));
        }
        value.as_object()
    }

    fn number(&mut self, map: &Map<String, Value>, key: &str) -> Option<u64> {
        let found = map.get(key).and_then(Value::as_u64);
        if found.is_none() {
            self.mistake(format!("{key} must be a number of at most 64 bits"));
        }
        found
    }

    /// A text that may be missing, of at most 64 characters that can be shown.
    fn text(&mut self, own: &Map<String, Value>, key: &str) -> Option<String> {
        let text = own.get(key)?.as_str().unwrap_or_default();
        if text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
            self.mistake(format!("petrel.{key} must be a text of 1 to 64 bytes"));
        }
        Some(text.to_owned())
    }

    fn hash(&mut self, map: &Map<String, Value>, key: &str) -> Option<B256> {
        let found = map.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        if found.is_none() {
            self.mistake(format!("{key} must be 32 bytes of 0x-hex"));
        }
        found
    }

    /// Optional: only a node that reads its signer from L1 needs it.
    fn address(&mut self, map: &Map<String, Value>, key: &str, name: &str) -> Option<Address> {
        let text = map.get(key).filter(|value| !value.is_null())?.as_str().unwrap_or_default();
        let found = text.parse().ok();
        if found.is_none() {
            self.mistake(format!("{name} must be 20 bytes of 0x-hex"));
        }
        found
    }

    fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.push(text.into());
    }
}
