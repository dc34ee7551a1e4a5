//! Only the node's user has access to the files that it writes.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use petrel_tests::sequencer::Sequencer;

use crate::node::{arguments, start};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// The name and mode of each entry of a folder.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut modes: Vec<_> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), mode(&entry.path()))).collect();
    modes.sort();
    modes
}

#[test]
fn the_data_directory_is_private_and_a_looser_mode_is_a_warning() {
    let sequencer = Sequencer::started();
    let outer = tempfile::tempdir().unwrap();
    let datadir = outer.path().join("data/of a chain");
    let mut words = arguments(&sequencer, outer.path(), &sequencer.address);
    let at = words.iter().position(|word| word == "--datadir").unwrap();
    words[at + 1] = datadir.to_str().unwrap().to_owned();
    let mut node = start(&words, &[]);
    node.event("stored");
    assert_eq!(mode(&datadir), 0o700);
    let found = modes(&datadir);
    for name in ["p2p_priv.txt", "p2p_priv.txt.lock", "petrel.redb", "petrel.redb.lock", "petrel.sock"] {
        assert!(found.contains(&(name.to_owned(), 0o600)), "{name} in {found:?}");
    }
    assert!(found.iter().all(|(_, mode)| mode & 0o077 == 0), "{found:?}");
    let log = node.until_stderr("following");
    assert!(!log.contains("chmod"), "{log}");
    assert_eq!(node.end("TERM").code(), Some(0));

    for (name, mode) in [("", 0o755), ("petrel.redb", 0o644), ("p2p_priv.txt", 0o640)] {
        fs::set_permissions(datadir.join(name), Permissions::from_mode(mode)).unwrap();
    }
    let node = start(&words, &[]);
    let log = node.until_stderr("following");
    for remedy in ["chmod 700", "chmod 600"] {
        assert!(log.contains(remedy), "{remedy}: {log}");
    }
    let key = log.lines().find(|line| line.contains("p2p_priv.txt") && line.contains("WARN")).unwrap();
    assert!(key.contains("0640"), "{key}");
    assert_eq!(mode(&datadir), 0o755, "the mode is not changed");
}
