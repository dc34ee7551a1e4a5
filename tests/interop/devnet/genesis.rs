//! The chain's configuration for op-geth, op-node and L1. It has no contracts: deposits to empty accounts are valid.

use alloy_primitives::{hex, keccak256};
use petrel_tests::forge;
use serde_json::{Value, json};

pub(crate) const L1_CHAIN: u64 = 900;
pub(crate) const L2_CHAIN: u64 = 90_210;
/// Seconds between L2 blocks.
pub(crate) const BLOCK_TIME: u64 = 1;
/// Blocks between two forks.
pub(crate) const FORK_BLOCKS: u64 = 15;
/// An address on L1; any address with code works.
pub(crate) const SYSTEM_CONFIG: &str = "0x1000000000000000000000000000000000000002";

/// The seed of the wallet's key: an account with a balance at genesis.
pub(crate) const WALLET: u8 = 0x52;
/// A contract at genesis: see [`contract`].
pub(crate) const CONTRACT: &str = "0x000000000000000000000000000000000000c0de";

/// Regolith is active from the start; these follow, one after the other.
const LATER: [&str; 9] = ["canyon", "delta", "ecotone", "fjord", "granite", "holocene", "isthmus", "jovian", "karst"];

/// The last block of the test: some blocks after the last fork.
pub(crate) const LAST: u64 = FORK_BLOCKS * LATER.len() as u64 + 15;

/// The fork of a block, by number.
pub(crate) fn fork_of(number: u64) -> &'static str {
    match (number / FORK_BLOCKS) as usize {
        0 => "regolith",
        past => LATER[past.min(LATER.len()) - 1],
    }
}

fn fork_times(l2_time: u64) -> impl Iterator<Item = (&'static str, u64)> {
    LATER.into_iter().zip(1_u64..).map(move |(fork, place)| (fork, l2_time + place * FORK_BLOCKS * BLOCK_TIME))
}

/// op-geth's genesis.json.
pub(crate) fn l2(l2_time: u64, rich: &str) -> Value {
    let mut config = ethereum(L2_CHAIN);
    config["bedrockBlock"] = 0.into();
    config["regolithTime"] = 0.into();
    config["optimism"] = chain_op_config();
    for (fork, time) in fork_times(l2_time) {
        config[format!("{fork}Time")] = time.into();
        // op-geth requires these together with the forks above.
        let ethereum = match fork {
            "canyon" => Some("shanghaiTime"),
            "ecotone" => Some("cancunTime"),
            "isthmus" => Some("pragueTime"),
            _ => None,
        };
        if let Some(name) = ethereum {
            config[name] = time.into();
        }
    }
    // Delta changes nothing in the execution layer.
    config.as_object_mut().unwrap().remove("deltaTime");
    let slot = format!("{:#066x}", 0);
    let wallet = forge::key(WALLET).address().to_string();
    json!({
        "config": config,
        "timestamp": format!("{l2_time:#x}"),
        "gasLimit": "0x17d78400",
        "difficulty": "0x0",
        "baseFeePerGas": "0x3b9aca00",
        "extraData": "0x",
        "alloc": {
            rich: { "balance": "0xd3c21bcecceda1000000" },
            wallet: { "balance": "0xd3c21bcecceda1000000" },
            CONTRACT: { "balance": "0x0", "code": contract() },
            // With an empty storage root op-node encodes V4 as V3, and the chain stops at Isthmus.
            "0x4200000000000000000000000000000000000016": {
                "balance": "0x0", "code": "0x00", "storage": { &slot: format!("{:#066x}", 1) },
            },
        },
    })
}

/// op-node's rollup.json. `l1` and `l2` are hashes: of the L1 block that anchors the chain, and of its own genesis.
pub(crate) fn rollup(l1: (u64, &str), l2: &str, l2_time: u64) -> Value {
    let zero = format!("{:#066x}", 0);
    let mut rollup = json!({
        "genesis": {
            "l1": { "number": l1.0, "hash": l1.1 },
            "l2": { "number": 0, "hash": l2 },
            "l2_time": l2_time,
            "system_config": {
                "batcherAddr": "0x3bc92ddbdd5ee994989879c3670545a4aca8727c",
                "overhead": zero,
                "scalar": format!("{:#066x}", 684_000),
                "gasLimit": 400_000_000,
                "eip1559Params": "0x0000000000000000",
                "operatorFeeParams": zero,
            },
        },
        "block_time": BLOCK_TIME,
        "max_sequencer_drift": 600,
        "seq_window_size": 100_000,
        "channel_timeout": 300,
        "l1_chain_id": L1_CHAIN,
        "l2_chain_id": L2_CHAIN,
        "regolith_time": 0,
        "batch_inbox_address": "0xff00000000000000000000000000000000090210",
        "deposit_contract_address": "0x1000000000000000000000000000000000000001",
        "l1_system_config_address": SYSTEM_CONFIG,
        "chain_op_config": chain_op_config(),
    });
    for (fork, time) in fork_times(l2_time) {
        rollup[format!("{fork}_time")] = time.into();
    }
    rollup
}

/// A contract that answers a call of four bytes (`count()`) with slot 0. Any other call adds one to slot 0 and emits
/// `Ping(address indexed from, uint256 value)` with its calldata.
fn contract() -> String {
    let event = keccak256("Ping(address,uint256)");
    // CALLDATASIZE 4 EQ → 61; SSTORE(0, SLOAD(0) + 1); CALLDATACOPY(0, 0, CALLDATASIZE)
    let call = "36600414603d57600054600101600055366000600037";
    // LOG2(0, CALLDATASIZE, event, CALLER) STOP; 61: MSTORE(0, SLOAD(0)) RETURN(0, 32)
    format!("0x{call}337f{}366000a2005b60005460005260206000f3", hex::encode(event))
}

/// The same rollup.json with a schedule that lacks these forks.
pub(crate) fn without(rollup: &Value, forks: &[&str]) -> Value {
    let mut rollup = rollup.clone();
    for fork in forks {
        rollup.as_object_mut().unwrap().remove(&format!("{fork}_time")).expect("the chain has this fork");
    }
    rollup
}

/// The genesis file with the configuration of L1, which op-node needs for an L1 without a preset.
pub(crate) fn l1() -> Value {
    let mut config = ethereum(L1_CHAIN);
    for time in ["shanghaiTime", "cancunTime", "pragueTime"] {
        config[time] = 0.into();
    }
    config["blobSchedule"] = json!({
        "cancun": { "target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477 },
        "prague": { "target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716 },
    });
    json!({ "config": config })
}

fn chain_op_config() -> Value {
    json!({ "eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250 })
}

/// A chain with every fork before the merge, and the merge.
fn ethereum(chain: u64) -> Value {
    let mut config = json!({ "chainId": chain, "terminalTotalDifficulty": 0 });
    for fork in [
        "homestead",
        "eip150",
        "eip155",
        "eip158",
        "byzantium",
        "constantinople",
        "petersburg",
        "istanbul",
        "muirGlacier",
        "berlin",
        "london",
        "arrowGlacier",
        "grayGlacier",
        "mergeNetsplit",
    ] {
        config[format!("{fork}Block")] = 0.into();
    }
    config
}
