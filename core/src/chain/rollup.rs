//! op-node's `rollup.json`: only the fields that the P2P node needs, every mistake reported at once.

use alloy_primitives::{Address, B256};
use serde_json::{Map, Value};

use super::{Chain, Genesis, Origin};
use crate::fork::{Fork, Forks};

/// What is wrong with a rollup configuration: one sentence a mistake, never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ChainError(pub Vec<String>);

/// Larger files are not rollup configurations.
const MAX_BYTES: usize = 1 << 20;

pub(super) fn read(json: &[u8]) -> Result<Chain, ChainError> {
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
    let mut reader = Reader { mistakes: Vec::new() };
    let chain = reader.chain(&root);
    if reader.mistakes.is_empty() { Ok(chain) } else { Err(ChainError(reader.mistakes)) }
}

/// Only what [`read`] reads.
pub(super) fn write(chain: &Chain) -> Value {
    let mut root = serde_json::json!({
        "l2_chain_id": chain.id,
        "l1_chain_id": chain.l1,
        "block_time": chain.block_time,
        "genesis": {
            "l2": { "number": chain.genesis.number, "hash": chain.genesis.hash },
            "l2_time": chain.genesis.time,
        },
    });
    if let Value::Object(map) = &mut root {
        let known = Fork::TIMED.into_iter().filter_map(|fork| Some((fork.name(), chain.forks.time(fork)?)));
        let later = chain.forks.later().iter().map(|(name, time)| (name.as_str(), *time));
        map.extend(known.chain(later).map(|(name, time)| (format!("{name}_time"), time.into())));
        map.extend(
            chain.system_config.map(|address| ("l1_system_config_address".to_owned(), address.to_string().into())),
        );
    }
    root
}

/// Collects mistakes while it reads; what it returns counts only when there are none.
struct Reader {
    mistakes: Vec<String>,
}

impl Reader {
    fn chain(&mut self, root: &Map<String, Value>) -> Chain {
        let id = self.number(root, "l2_chain_id");
        let block_time = self.number(root, "block_time");
        if id == 0 {
            self.mistake("l2_chain_id must not be 0");
        }
        if block_time == 0 {
            self.mistake("block_time must be at least 1 second");
        }
        Chain {
            id,
            name: format!("chain-{id}"),
            l1: self.number(root, "l1_chain_id"),
            block_time: block_time.max(1),
            genesis: self.genesis(root),
            forks: self.forks(root),
            signer: None,
            system_config: self.address(root, "l1_system_config_address"),
            origin: Origin::Rollup,
        }
    }

    fn genesis(&mut self, root: &Map<String, Value>) -> Genesis {
        let empty = Map::new();
        let genesis = root.get("genesis").and_then(Value::as_object).unwrap_or(&empty);
        let l2 = genesis.get("l2").and_then(Value::as_object).unwrap_or(&empty);
        if l2.is_empty() {
            self.mistake("genesis.l2 is missing");
        }
        Genesis {
            number: self.number(l2, "number"),
            hash: self.hash(l2, "hash"),
            time: self.number(genesis, "l2_time"),
        }
    }

    /// `<fork>_time` of every known fork; any other `*_time` that is a number and no known parameter is carried.
    fn forks(&mut self, root: &Map<String, Value>) -> Forks {
        let mut forks = Forks::none();
        for (key, value) in root {
            let Some(name) = key.strip_suffix("_time").filter(|name| *name != "block") else { continue };
            let time = match value {
                Value::Null => continue,
                value => value.as_u64(),
            };
            match (Fork::from_name(name), time) {
                (_, None) => self.mistake(format!("{key} must be Unix seconds or null")),
                (Some(fork), time) => forks.set(fork, time),
                (None, Some(time)) if !forks.carry(name.to_owned(), time) => {
                    self.mistake(format!("{key}: more than {} unknown upgrades", Forks::MAX_LATER));
                }
                (None, Some(_)) => {}
            }
        }
        self.mistakes.extend(forks.mistakes());
        forks
    }

    fn number(&mut self, map: &Map<String, Value>, key: &str) -> u64 {
        let found = map.get(key).and_then(Value::as_u64);
        if found.is_none() {
            self.mistake(format!("{key} must be a number of at most 64 bits"));
        }
        found.unwrap_or_default()
    }

    fn hash(&mut self, map: &Map<String, Value>, key: &str) -> B256 {
        let found = map.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
        if found.is_none() {
            self.mistake(format!("{key} must be 32 bytes of 0x-hex"));
        }
        found.unwrap_or_default()
    }

    /// Optional: only a node that reads its signer from L1 needs it.
    fn address(&mut self, map: &Map<String, Value>, key: &str) -> Option<Address> {
        let text = map.get(key)?.as_str().unwrap_or_default();
        let found = text.parse().ok();
        if found.is_none() {
            self.mistake(format!("{key} must be 20 bytes of 0x-hex"));
        }
        found
    }

    fn mistake(&mut self, text: impl Into<String>) {
        self.mistakes.push(text.into());
    }
}
