//! `petrel key`: the key is generated and shown by its peer id, never printed.

use std::fs;

use serde_json::Value;

use petrel_tests::petrel::{output, refused};

#[test]
fn a_key_is_generated_once_and_its_secret_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let file = file.to_str().unwrap();
    let made = output(&["key", "new", file]);
    assert_eq!(made.status.code(), Some(0));
    let shown = output(&["key", "show", file]);
    assert_eq!(made.stdout, shown.stdout);
    let object: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(object["peer"].as_str().unwrap().starts_with("16Uiu2HA"));
    assert!(object["address"].as_str().unwrap().starts_with("0x"));
    let secret = fs::read_to_string(file).unwrap();
    assert!(!String::from_utf8(shown.stdout).unwrap().contains(secret.trim()));

    let (code, said) = refused(&["key", "new", file]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(fs::read_to_string(file).unwrap(), secret);
    let (code, said) = refused(&["key", "show", "/nowhere/key"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("/nowhere/key"), "{said}");
}

#[test]
fn private_key_one_has_its_known_peer_id() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, format!("{:064x}", 1)).unwrap();
    let shown = output(&["key", "show", file.to_str().unwrap()]);
    let object: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(object["address"].as_str().unwrap().to_lowercase(), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
}
