//! The key file: written once, completely, readable for its owner only; a second user is refused.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use petrel_node::{
    identity::IdentitySource,
    identity::{self, Identity, IdentityError},
};

fn open(file: &Path) -> Result<Identity, IdentityError> {
    Identity::open(&IdentitySource::File(file.to_owned()))
}

#[test]
fn a_missing_key_is_generated_and_then_reused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/er/key");
    let first = open(&file).unwrap().keypair.public().to_peer_id();
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(open(&file).unwrap().keypair.public().to_peer_id(), first);
    let hex = fs::read_to_string(&file).unwrap();
    assert_eq!(hex.trim().len(), 64);
    let left: Vec<String> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "key" && name != "key.lock")
        .collect();
    assert!(left.is_empty(), "no draft is left behind: {left:?}");
}

#[test]
fn a_key_in_use_is_refused_and_usable_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let holder = open(&file).unwrap();
    let error = open(&file).unwrap_err();
    assert!(matches!(error, IdentityError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert!(error.to_string().contains("--datadir"), "the remedy: {error}");
    drop(holder);
    open(&file).unwrap();
}

#[test]
fn an_invalid_key_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for content in ["", "secret", &"0".repeat(64), order, &"ab".repeat(33), &"zz".repeat(32)] {
        fs::write(&file, content).unwrap();
        let error = open(&file).unwrap_err();
        assert!(matches!(error, IdentityError::NotAKey(_)), "{content}: {error}");
        assert!(content.is_empty() || !error.to_string().contains(content), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "it is left as it was");
    }
    fs::write(&file, [0xff; 40]).unwrap();
    assert!(matches!(open(&file), Err(IdentityError::File { .. })));
}

#[test]
fn op_nodes_formats_of_a_key_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let hex = "11".repeat(32);
    let peer = Identity::open(&IdentitySource::Raw(hex.clone().into())).unwrap().keypair.public().to_peer_id();
    for content in [hex.clone(), format!("0x{hex}"), format!("{hex}\n"), format!("  0x{hex}\r\n")] {
        fs::write(&file, content).unwrap();
        assert_eq!(open(&file).unwrap().keypair.public().to_peer_id(), peer);
    }
}

#[test]
fn a_new_key_never_replaces_an_existing_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    identity::create(&file).unwrap();
    let before = fs::read(&file).unwrap();
    assert!(matches!(identity::create(&file), Err(IdentityError::File { .. })));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn debug_output_has_the_peer_id_and_not_the_key() {
    let hex = "11".repeat(32);
    let source = IdentitySource::Raw(hex.clone().into());
    let identity = Identity::open(&source).unwrap();
    let shown = format!("{identity:?} {source:?}");
    assert!(shown.contains("16Uiu2HA") && !shown.contains(&hex), "{shown}");
}
