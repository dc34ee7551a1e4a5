//! `petrel node` writes evidence when the sequencer signs two blocks of one height, and `petrel check` accepts it.

use std::fs;

use petrel_core::fork::Fork;
use petrel_tests::{
    forge::Forge,
    petrel::output,
    sequencer::{Publisher, chain, unix},
};

use crate::node::start;

#[test]
fn two_signed_blocks_of_a_height_become_a_file_that_check_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, datadir) = (chain(Fork::Jovian, 1), folder.path().join("data"));
    let rollup = folder.path().join("rollup.json");
    fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();
    let signer = petrel_tests::forge::key(1).address().to_string();
    let of_chain = ["--rollup.config", rollup.to_str().unwrap(), "--p2p.unsafe-block-signer", &signer];
    let words = [
        "node",
        "--p2p.listen.ip=127.0.0.1",
        "--p2p.listen.tcp=0",
        "--p2p.no-discovery",
        "--datadir",
        datadir.to_str().unwrap(),
    ];
    let arguments: Vec<String> = words.iter().chain(&of_chain).map(|word| (*word).to_owned()).collect();
    let mut node = start(&arguments, &[]);
    let publisher = Publisher::connect(&chain, &node.address(false));
    let first = Forge::new(chain.id, Fork::Jovian, 600, unix().as_secs(), 2_000);
    let second = first.clone().with(|payload| payload.gas_used += 1);
    for forge in [&first, &second] {
        publisher.publish(forge.version, forge.sealed().0);
    }
    let hashes = [(); 2].map(|()| node.event("block")["hash"].as_str().unwrap().to_owned());
    let said = node.until_stderr("the evidence is in this file");
    assert!(said.contains("evidence"), "{said}");
    let files: Vec<_> = fs::read_dir(datadir.join("evidence")).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.file_name().unwrap().to_str().unwrap(), format!("600-{}.json", hashes[1]));
    let checked = output(&["check", of_chain[0], of_chain[1], "--signer", &signer, file.to_str().unwrap()]);
    let report: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), &report["verdict"]), (Some(0), &"accept".into()), "{report}");
    assert_eq!((&report["number"], &report["hashes"]), (&600.into(), &hashes.as_slice().into()));
}
