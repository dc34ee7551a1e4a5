//! `petrel check` on messages of op-node, of other clients' tests, and of real chains.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::hex;
use petrel_core::{
    block::engine,
    chain::Chain,
    fork::{Fork, Forks, Version},
    sign,
    sign::Key,
};
use petrel_node::command::devnet::BlockBuilder;
use serde_json::{Value, json};

use petrel_tests::petrel::output;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&fs::read(vectors().join(path)).unwrap()).unwrap()
}

/// The exit status, and one report for each file, by the file's name.
fn check(args: &[&str], files: &[PathBuf]) -> (i32, BTreeMap<String, Value>) {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let output = output(&[&["check"], args, &files].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let reports = String::from_utf8(output.stdout).unwrap();
    let named = reports.lines().map(|line| {
        let report: Value = serde_json::from_str(line).unwrap();
        let name = Path::new(report["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
        (name, report)
    });
    let named: BTreeMap<String, Value> = named.collect();
    assert_eq!(named.len(), files.len(), "{said}");
    (output.status.code().unwrap(), named)
}

#[test]
fn all_messages_that_op_node_signed_are_accepted() {
    let folder = vectors().join("gossip/op-node-devnet");
    let index = read("gossip/op-node-devnet/index.json");
    let entries: Vec<&Value> = index["messages"].as_array().unwrap().iter().collect();
    assert_eq!(entries.len(), 26);
    let files: Vec<PathBuf> = entries.iter().map(|entry| folder.join(entry["file"].as_str().unwrap())).collect();
    let rollup = folder.join("rollup.json");
    let signer = entries[0]["signer"].as_str().unwrap();
    let (status, reports) =
        check(&["--rollup.config", rollup.to_str().unwrap(), "--signer", signer, "--at", "block"], &files);
    assert_eq!(status, 0);
    for entry in entries {
        let report = &reports[entry["file"].as_str().unwrap()];
        assert_eq!(report["verdict"], "accept", "{report}");
        let id = entry["messageId"].as_str().unwrap().trim_start_matches("0x");
        assert_eq!(report["message_id"].as_str().unwrap().trim_start_matches("0x"), id);
        assert_eq!(report["hash"], entry["hash"]);
        assert_eq!(report["signer"].as_str().unwrap().to_lowercase(), entry["signer"].as_str().unwrap().to_lowercase());
    }
}

#[test]
fn the_messages_of_other_clients_tests_get_their_verdicts() {
    let index = read("gossip/index.json");
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.id = 100;
    let rollup = folder.path().join("rollup.json");
    fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();
    let entries = index["messages"].as_array().unwrap().iter().filter(|entry| entry["chainId"] == 100);
    let mut checked = 0;
    for entry in entries {
        let topic = entry["topicVersion"].to_string();
        let signer = entry["allowedSigner"].as_str().unwrap();
        let rollup = rollup.to_str().unwrap();
        let args = ["--rollup.config", rollup, "--signer", signer, "--at", "block", "--topic", &topic];
        let (status, reports) = check(&args, &[vectors().join(entry["files"][0]["file"].as_str().unwrap())]);
        let report = reports.values().next().unwrap();
        let accepted = entry["expected"] == "accept";
        assert_eq!((status == 0, report["verdict"] == "accept"), (accepted, accepted), "{entry}\n{report}");
        let id = entry["messageId"].as_str().unwrap().trim_start_matches("0x");
        assert_eq!(report["message_id"].as_str().unwrap().trim_start_matches("0x"), id);
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn the_hash_of_a_captured_payload_is_computed() {
    let index = read("gossip/index.json");
    let entry =
        index["messages"].as_array().unwrap().iter().find(|entry| entry["kind"] == "captured-unsigned").unwrap();
    let file = vectors().join(entry["files"][0]["file"].as_str().unwrap());
    let (status, reports) = check(&["--network=op-mainnet", "--unsigned", "--at=block"], &[file]);
    let report = reports.values().next().unwrap();
    assert_eq!((status, &report["hash"], &report["txs"]), (0, &entry["blockHash"], &entry["txCount"]), "{report}");
}

/// The real blocks of a chain, each with its payload version.
fn real_blocks() -> Vec<(u64, PathBuf)> {
    let mut found = Vec::new();
    for chain in fs::read_dir(vectors().join("blocks")).unwrap() {
        let folder = chain.unwrap().path();
        let id = folder.file_name().unwrap().to_str().unwrap().split('_').next().unwrap().parse().unwrap();
        let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
        found.extend(files.filter(|file| file.extension().is_some_and(|kind| kind == "json")).map(|file| (id, file)));
    }
    found.sort();
    found
}

/// A chain on which the payload version is `version` at all times, because real blocks are from all times.
fn chain(id: u64, version: Version, timestamp: u64) -> Chain {
    if let Some(chain) = Chain::preset(&id.to_string()).filter(|chain| chain.version_at(timestamp) == version) {
        return chain;
    }
    let last = match version {
        Version::V1 => Fork::Regolith,
        Version::V2 => Fork::Delta,
        Version::V3 => Fork::Holocene,
        Version::V4 => Fork::Jovian,
    };
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.id = id;
    chain.forks = Forks::all_until(last);
    chain
}

#[test]
fn real_blocks_are_accepted_and_with_one_changed_byte_rejected() {
    let key = Key::from_bytes(&[1; 32]).unwrap();
    let signer = key.address().to_string();
    let blocks = real_blocks();
    assert!(blocks.len() > 30);
    let folder = tempfile::tempdir().unwrap();
    for (id, file) in blocks {
        let block = engine::read(&fs::read(&file).unwrap()).unwrap();
        let chain = chain(id, block.version, block.payload.timestamp);
        let config = folder.path().join("rollup.json");
        fs::write(&config, chain.to_rollup_json().to_string()).unwrap();
        let whole = sign::seal(&key, id, block.version, &block.payload).unwrap();
        let name = |at: usize| folder.path().join(format!("{at}.snappy"));
        let compress = |data: &[u8]| snap::raw::Encoder::new().compress_vec(data).unwrap();
        fs::write(name(usize::MAX), compress(&whole)).unwrap();
        // Some bytes of the signature, and the others in steps.
        let step = whole.len().div_ceil(60) | 1;
        let places: Vec<usize> = (0..64).step_by(7).chain((64..whole.len()).step_by(step)).collect();
        for at in &places {
            let mut changed = whole.clone();
            changed[*at] ^= 1;
            fs::write(name(*at), compress(&changed)).unwrap();
        }
        let files: Vec<PathBuf> = places.iter().copied().chain([usize::MAX]).map(name).collect();
        let topic = block.version.topic().to_string();
        let args =
            ["--rollup.config", config.to_str().unwrap(), "--signer", &signer, "--at", "block", "--topic", &topic];
        let (status, reports) = check(&args, &files);
        assert_eq!(status, 1);
        for (name, report) in &reports {
            let accepted = *name == format!("{}.snappy", usize::MAX);
            assert_eq!(report["verdict"] == "accept", accepted, "{}: {report}", file.display());
            if accepted {
                assert_eq!(report["hash"], hex::encode_prefixed(block.payload.block_hash));
            }
        }
        for file in files {
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn an_engine_block_is_read_without_conversion() {
    let file = vectors().join("blocks/10_op-mainnet/132797000.json");
    let (status, reports) = check(&["--network=op-mainnet", "--at=block"], &[file]);
    let report = reports.values().next().unwrap();
    assert_eq!((status, &report["number"]), (0, &json!(132_797_000)), "{report}");
}

/// A fork that a chain has and its configuration lacks is not a fault of its blocks: they are accepted with a mismatch report.
#[test]
fn an_accepted_block_that_contradicts_the_schedule_is_reported_as_a_mismatch() {
    let key = Key::from_bytes(&[1; 32]).unwrap();
    let (signer, folder) = (key.address().to_string(), tempfile::tempdir().unwrap());
    // The block is built with the whole schedule, and checked with one that ends before it.
    for (made, configured, expected) in [
        (Fork::Jovian, Fork::Jovian, None),
        (Fork::Jovian, Fork::Isthmus, Some("jovian")),
        (Fork::Isthmus, Fork::Holocene, Some("isthmus")),
        (Fork::Holocene, Fork::Granite, Some("holocene")),
        (Fork::Ecotone, Fork::Delta, Some("ecotone")),
        (Fork::Canyon, Fork::Regolith, Some("canyon")),
        (Fork::Regolith, Fork::Regolith, None),
    ] {
        let mut chain = Chain::preset("op-mainnet").unwrap();
        chain.forks = Forks::all_until(made);
        let message =
            BlockBuilder::new(chain.clone(), Key::from_bytes(&[1; 32]).unwrap(), 3_000).build().unwrap().message;
        chain.forks = Forks::all_until(configured);
        let (config, file) = (folder.path().join("rollup.json"), folder.path().join("message.snappy"));
        fs::write(&config, chain.to_rollup_json().to_string()).unwrap();
        fs::write(&file, snap::raw::Encoder::new().compress_vec(&message).unwrap()).unwrap();
        let args = ["--rollup.config", config.to_str().unwrap(), "--signer", &signer, "--at", "block"];
        let (status, reports) = check(&args, &[file]);
        let report = &reports["message.snappy"];
        assert_eq!(
            (status, &report["verdict"], &report["fault"]),
            (0, &"accept".into(), &Value::Null),
            "{made}: {report}"
        );
        assert_eq!(report["schedule_mismatch"].as_str(), expected, "{made} on {configured}: {report}");
        // The field exists only if there is a mismatch.
        assert_eq!(report.as_object().unwrap().contains_key("schedule_mismatch"), expected.is_some());
    }
}

#[test]
fn an_accepted_engine_block_that_contradicts_the_schedule_is_reported_and_a_rejected_one_is_not() {
    let file = vectors().join("blocks/10_op-mainnet/132797000.json");
    let (mut chain, folder) = (Chain::preset("op-mainnet").unwrap(), tempfile::tempdir().unwrap());
    let block = engine::read(&fs::read(&file).unwrap()).unwrap();
    chain.forks = Forks::all_until(Fork::Delta);
    let config = folder.path().join("rollup.json");
    fs::write(&config, chain.to_rollup_json().to_string()).unwrap();
    let args = ["--rollup.config", config.to_str().unwrap(), "--at", "block"];
    let (status, reports) = check(&args, std::slice::from_ref(&file));
    let report = reports.values().next().unwrap();
    assert_eq!((status, &report["verdict"]), (0, &"accept".into()), "{report}");
    assert_eq!(
        report["schedule_mismatch"],
        if block.version == Version::V4 { "isthmus" } else { "holocene" },
        "{report}"
    );
    let late = (block.payload.timestamp + 1_000).to_string();
    let (status, reports) = check(&["--rollup.config", config.to_str().unwrap(), "--at", &late], &[file]);
    let report = reports.values().next().unwrap();
    assert_eq!((status, report.get("schedule_mismatch")), (1, None), "{report}");
}

#[test]
fn an_unreadable_file_is_reported_and_the_others_are_checked() {
    let good = vectors().join("blocks/10_op-mainnet/132797000.json");
    let output = output(&["check", "--network=op-mainnet", "--at=block", "/nowhere/file", good.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(said.contains("/nowhere/file"), "{said}");
}

/// The core's test and the npm package's (`www/package/test/verify.test.js`) compare the same documents with the same reports.
#[test]
fn evidence_gets_the_reports_of_its_index() {
    let index = read("evidence/index.json");
    let entries = index["files"].as_array().unwrap();
    assert!(entries.len() > 6);
    let folder = vectors().join("evidence");
    let args = ["--network", index["chain"].as_str().unwrap(), "--signer", index["signer"].as_str().unwrap()];
    for entry in entries {
        let name = entry["file"].as_str().unwrap();
        let (status, mut reports) = check(&args, &[folder.join(name)]);
        let mut report = reports.remove(name).unwrap();
        report.as_object_mut().unwrap().remove("file");
        assert_eq!(report, entry["report"], "{name}");
        assert_eq!(status == 0, report["verdict"] == "accept", "{name}");
    }
    // Of another chain: the same document is refused.
    let (status, reports) = check(&["--network=base", args[2], args[3]], &[folder.join("good.json")]);
    assert_eq!((status, &reports["good.json"]["fault"]), (1, &"other_chain".into()));
}

#[test]
fn json_that_is_too_long_is_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.json");
    fs::File::create(&file).unwrap().set_len(petrel_core::evidence::MAX_BYTES as u64 + 1).unwrap();
    let output = output(&["check", "--network=op-mainnet", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("long.json: more than 50331648 bytes"), "{said}");
}
