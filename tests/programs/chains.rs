//! `petrel chains`: the presets as a table, in full, and as JSON.

use std::fs;

use petrel_core::chain::{Chain, preset_names};
use serde_json::Value;

use petrel_tests::petrel::{output, refused};

/// Its stdout; it must succeed.
fn chains(args: &[&str]) -> String {
    let output = output(&[&["chains"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The JSON objects of its stdout, one per line.
fn objects(args: &[&str]) -> Vec<Value> {
    chains(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A time between Denim on Base Mainnet and Lagoon on OP Mainnet.
const NOW: &str = "--at=1796013600";

#[test]
fn every_preset_has_a_line_and_the_columns_are_aligned() {
    let text = chains(&[NOW]);
    let (table, dates) = text.split_once("\n\n").unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), preset_names().count() + 1);
    assert!(lines.iter().all(|line| line.len() <= 121 && !line.ends_with(' ')), "{text}");
    let at = |name: &str| lines[0].find(name).unwrap_or_else(|| panic!("no {name} in {}", lines[0]));
    // Words are aligned left, numbers right.
    for begin in [at("NETWORK"), at("SIGNER"), at("FORK")] {
        assert!(lines.iter().all(|line| &line[begin - 1..begin] == " " && &line[begin..=begin] != " "), "{text}");
    }
    for end in [at("ID") + 2, at("INTERVAL") + 8] {
        assert!(lines.iter().all(|line| &line[end - 1..end] != " " && &line[end..=end] == " "), "{text}");
    }
    let line = |name: &str| *lines.iter().find(|line| line.contains(&format!(" {name} "))).unwrap();
    let words = |name: &str| line(name).split_whitespace().collect::<Vec<_>>();
    let signer = "0xAf6E19BE0F9cE7f8afd49a1824851023A8249e8a";
    assert_eq!(words("base-mainnet"), ["8453", "base-mainnet", "200ms", signer, "denim;", "left", "the", "registry"]);
    assert!(line("op-mainnet").ends_with("  karst, then lagoon at 1799683201"), "{text}");
    assert_eq!(words("giwa-sepolia")[3], "unknown");
    assert!(dates.starts_with("Signers of 20") && dates.contains(", schedules of 20"), "{dates}");
}

#[test]
fn a_chain_in_full_has_the_due_number_of_a_time() {
    let text = chains(&["base-mainnet", NOW]);
    for part in [
        "Base (chain 8453)\n",
        " base-mainnet\n",
        " every 2000 ms from block 0 at 1686789347000 ms\n",
        " every 200 ms from block 53556127 at 1793901601000 ms\n",
        " denim at 1793901600\n",
        " 64116122 is due at 1796013600\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("to come"), "{text}");
    // Denim's first block, and before it the last block of the two-second interval.
    assert!(chains(&["8453", "--at", "1793901601"]).contains(" 53556127 is due at 1793901601\n"));
    let before = chains(&["8453", "--at", "1793901599"]);
    assert!(before.contains(" 53556126 is due at 1793901599\n") && before.contains("denim at 1793901600, to come\n"));
    assert!(chains(&["8453", "--at", "1"]).contains(" none is due at 1\n"));
}

#[test]
fn the_json_of_every_preset_has_all_its_fields() {
    let all = objects(&["--json", NOW]);
    assert_eq!(all.len(), preset_names().count());
    for (object, preset) in all.iter().zip(preset_names()) {
        assert_eq!((&object["id"], &object["slug"]), (&preset.id.into(), &preset.slug.into()), "{object}");
        assert_eq!(object["name"], preset.name);
        let forks = object["forks"].as_array().unwrap();
        assert!(forks.iter().all(|fork| fork["name"].is_string() && fork["time"].is_u64()), "{object}");
        assert!(forks.is_sorted_by_key(|fork| fork["time"].as_u64()), "{object}");
        let steps = object["cadence"].as_array().unwrap();
        let fields = ["number", "time_ms", "interval_ms"];
        assert!(!steps.is_empty() && steps.iter().all(|step| fields.iter().all(|field| step[field].is_u64())));
        let chain = Chain::preset(preset.slug).unwrap();
        assert_eq!(object["signer"].as_str().map(|signer| signer.parse().unwrap()), chain.signer, "{object}");
        for date in ["signer_date", "schedule_date"] {
            assert_eq!(object[date].as_str().map(str::len), Some("2026-11-30".len()), "{date}: {object}");
        }
        assert!(object["left_registry"].is_boolean() && object["genesis"]["hash"].is_string(), "{object}");
        assert_eq!(object["at"], 1_796_013_600);
    }
    let base = all.iter().find(|object| object["id"] == 8453).unwrap();
    assert_eq!((&base["number"], &base["fork"]), (&64_116_122.into(), &"denim".into()));
    assert_eq!(objects(&["base-mainnet", "--json", NOW]), std::slice::from_ref(base));
}

#[test]
fn a_rollup_json_file_is_shown_like_a_preset() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollup.json");
    let genesis = r#"{"l2": {"number": 5, "hash": "0x0707070707070707070707070707070707070707070707070707070707070707"}, "l2_time": 1000}"#;
    let json = format!(
        r#"{{"l2_chain_id": 77, "l1_chain_id": 1, "block_time": 2, "genesis": {genesis}, "regolith_time": 0, "base": {{"denim": 1010}}}}"#
    );
    fs::write(&file, json).unwrap();
    let file = file.to_str().unwrap();
    let [object] = objects(&[file, "--json", "--at=1011"]).try_into().unwrap();
    // Five blocks with an interval of two seconds, then five blocks a second.
    assert_eq!((&object["id"], &object["number"]), (&77.into(), &15.into()), "{object}");
    assert_eq!(
        (&object["slug"], &object["signer_date"], &object["signer"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let text = chains(&[file, "--at=1011"]);
    assert!(text.starts_with("chain-77 (chain 77)\n") && text.contains(" 15 is due at 1011\n"), "{text}");
    assert!(!text.contains("dates"), "{text}");
}

#[test]
fn an_unknown_name_is_refused_with_similar_names() {
    for (name, near) in [("base-manet", "base-mainnet"), ("opmainnet", "op-mainnet"), ("unichian", "unichain-sepolia")]
    {
        let (code, said) = refused(&["chains", name]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&format!("{name:?}")) && said.contains(near), "{name}: {said}");
        assert!(said.contains("rollup.json") && !said.contains("--rollup.config"), "{said}");
    }
    let (code, said) = refused(&["chains", "/nowhere/x.json"]);
    assert!(code == Some(2) && said.contains("cannot read /nowhere/x.json"), "{said}");
    assert_eq!(refused(&["chains", "--at=soon"]).0, Some(2));
}
