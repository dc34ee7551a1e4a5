//! The signer from L1: what is read, what is refused, and what a restart remembers.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, address};
use petrel_node::signer::{L1Client, L1Error, SignerReading, SignerSource};
use petrel_tests::{
    petrel::{self, refused},
    process::Process,
    sequencer::Sequencer,
};

use crate::fake_l1::{FakeL1, Lie, PROOF_WINDOW, SYSTEM_CONFIG, World};

const OLD: Address = address!("00000000000000000000000000000000000000a1");
const NEW: Address = address!("00000000000000000000000000000000000000b2");

fn source(l1: &FakeL1) -> SignerSource {
    let (url, system_config) = (l1.url.parse().unwrap(), SYSTEM_CONFIG);
    SignerSource { url, system_config, chain: Some(900), confs: 0, trust: false, reload: None }
}

fn read(source: SignerSource, floor: u64) -> Result<SignerReading, L1Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(L1Client::new(source).read(floor))
}

/// The reading of an L1 that is changed first.
fn with(change: impl FnOnce(&mut World)) -> Result<SignerReading, L1Error> {
    let l1 = FakeL1::start(OLD);
    l1.change(change);
    read(source(&l1), 0)
}

#[test]
fn the_signer_is_read_with_proof_at_the_depth_that_is_asked_for() {
    let l1 = FakeL1::start(OLD);
    let first = read(source(&l1), 0).unwrap();
    assert_eq!((first.signer, first.block), (Some(OLD), 100));
    l1.change(|world| (world.signers.1, world.since) = (NEW, 98));
    assert_eq!(read(source(&l1), 0).unwrap().signer, Some(NEW));
    let deep = |confs| {
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).unwrap();
        (reading.signer, reading.block)
    };
    assert_eq!(deep(2), (Some(NEW), 98));
    assert_eq!(deep(3), (Some(OLD), 97));
    // A chain that is younger than the depth is read at its head.
    assert_eq!(deep(101), (Some(NEW), 100));
}

#[test]
fn a_reading_has_the_time_of_the_head_at_any_depth() {
    let l1 = FakeL1::start(OLD);
    l1.change(|world| world.age = 600);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for confs in [0, 50] {
        let before = now() - 600;
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).unwrap();
        assert!((before..=now() - 600).contains(&reading.head_time), "{reading:?}");
    }
}

#[test]
fn a_block_out_of_the_window_of_proofs_is_named_with_the_remedy() {
    let refusals = [
        (-32602, PROOF_WINDOW),
        (-32000, "Block is outside the PROOF-WINDOW"),
        (-32000, "missing trie node 00 (path ) state 0x00 is not available"),
        (-32000, "historical state 0xab is not available"),
        (4444, "required historical state unavailable (reexec=0)"),
        (-32002, "No state available for block 0xab"),
    ];
    for (code, message) in refusals {
        let l1 = FakeL1::start(OLD);
        l1.change(|world| world.lie = Lie::Pruned(code, message));
        let deep = SignerSource { confs: 2, ..source(&l1) };
        let error = read(deep.clone(), 0).unwrap_err();
        assert!(matches!(error, L1Error::OutOfWindow { block: 98, .. }), "{error}");
        for words in [message, "--rpc.eth-proof-window", "--verifier.l1-confs 0", "--l1.trustrpc"] {
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
        assert_eq!(read(SignerSource { trust: true, ..deep }, 0).unwrap().signer, Some(OLD));
    }
    let gone = FakeL1::start(OLD);
    gone.change(|world| world.lie = Lie::Gone);
    let error = read(SignerSource { trust: true, confs: 2, ..source(&gone) }, 0).unwrap_err();
    assert!(matches!(error, L1Error::OutOfWindow { block: 98, .. }), "{error}");
    // A method that is not there is that, whatever it is called.
    let error = with(|world| world.lie = Lie::Pruned(-32601, "no proof window")).unwrap_err();
    assert!(matches!(error, L1Error::NoProof), "{error}");
    let error = with(|world| world.lie = Lie::Pruned(-32000, "unavailable")).unwrap_err();
    assert!(matches!(error, L1Error::Refused { code: -32000, .. }), "{error}");
}

#[test]
fn the_newest_state_is_asked_for_again_while_the_head_moves() {
    let l1 = FakeL1::start(OLD);
    let proofs = |confs, times| {
        l1.change(|world| (world.head, world.lie, world.asked) = (100, Lie::Moving(times), Vec::new()));
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).map(|reading| reading.block);
        let asked = l1.world.lock().unwrap().asked.clone();
        (reading.ok(), asked.iter().filter(|method| *method == "eth_getProof").count())
    };
    assert_eq!(proofs(0, 1), (Some(101), 2));
    assert_eq!(proofs(0, 2), (Some(102), 3));
    assert_eq!(proofs(0, 3), (None, 3));
    // Older state does not come back.
    assert_eq!(proofs(1, 1), (None, 1));
}

#[test]
fn an_error_of_null_beside_a_result_is_none() {
    assert_eq!(with(|world| world.lie = Lie::NullError).unwrap().signer, Some(OLD));
}

#[test]
fn an_answer_without_a_result_is_named() {
    let said = |lie| with(|world| world.lie = lie).unwrap_err().to_string();
    let neither = said(Lie::Neither);
    assert!(neither.contains("eth_chainId") && neither.contains("neither a result nor an error"), "{neither}");
    assert!(said(Lie::NullResult).contains("its result is null"));
    assert!(said(Lie::TextError).contains("L1 refuses eth_chainId: too many requests"));
}

#[test]
fn a_redirect_is_named_without_what_may_be_a_secret() {
    let place = "https://me:a-secret@other.example:8545/a-secret?key=a-secret";
    for status in [301, 302, 303, 307, 308] {
        let error = with(|world| world.lie = Lie::Moved(status, place)).unwrap_err();
        assert!(matches!(&error, L1Error::Redirect { to } if to == "https://other.example:8545"), "{error}");
        let said = error.to_string();
        assert!(said.contains("L1 redirects to another place") && said.contains("give that URL"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let error = with(|world| world.lie = Lie::Moved(302, "/a-secret/login")).unwrap_err();
    assert!(matches!(&error, L1Error::Redirect { to } if to.starts_with("http://127.0.0.1:")), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_slot_of_zero_is_nobody() {
    assert_eq!(with(|world| world.signers.1 = Address::ZERO).unwrap().signer, None);
}

#[test]
fn an_l1_that_is_wrong_gives_no_reading_and_says_why() {
    let lie = |lie| with(|world| world.lie = lie).unwrap_err();
    assert!(matches!(lie(Lie::Value), L1Error::FalseProof { block: 100, .. }));
    assert!(matches!(lie(Lie::Account), L1Error::FalseProof { .. }));
    assert!(matches!(lie(Lie::NoProofs), L1Error::NoProof));
    assert!(matches!(lie(Lie::NoCode), L1Error::NoContract(SYSTEM_CONFIG)));
    assert!(matches!(lie(Lie::Word), L1Error::NoAddress(_)));
    assert!(matches!(lie(Lie::Garbage), L1Error::Answer { .. }));
    assert!(matches!(lie(Lie::Status), L1Error::Status(502)));
    assert!(matches!(lie(Lie::Endless), L1Error::TooLarge));
    let other = with(|world| world.chain = 1).unwrap_err();
    assert!(matches!(other, L1Error::WrongChain { expected: 900, found: 1 }));
    assert!(matches!(with(|world| world.age = 901).unwrap_err(), L1Error::Stale { block: 100, age: 901.. }));
}

#[test]
fn an_l1_that_has_gone_back_is_behind() {
    let l1 = FakeL1::start(OLD);
    assert!(read(source(&l1), 100).is_ok());
    assert!(matches!(read(source(&l1), 101).unwrap_err(), L1Error::Behind { block: 100, floor: 101 }));
}

#[test]
fn an_l1_without_proofs_is_believed_where_that_is_asked_for() {
    let l1 = FakeL1::start(OLD);
    l1.change(|world| world.lie = Lie::NoProofs);
    assert_eq!(read(SignerSource { trust: true, ..source(&l1) }, 0).unwrap().signer, Some(OLD));
    // A false proof is never believed.
    l1.change(|world| world.lie = Lie::Value);
    assert!(matches!(read(SignerSource { trust: true, ..source(&l1) }, 0), Err(L1Error::FalseProof { .. })));
}

#[test]
fn an_l1_that_hangs_or_is_not_there_is_given_up_and_its_url_is_not_told() {
    let hanging = with(|world| world.lie = Lie::Silence).unwrap_err();
    assert!(matches!(hanging, L1Error::Timeout), "{hanging}");
    let l1 = FakeL1::start(OLD);
    let nobody = SignerSource { url: "http://127.0.0.1:1/a-secret".parse().unwrap(), ..source(&l1) };
    let error = read(nobody, 0).unwrap_err();
    assert!(matches!(error, L1Error::Unreachable(_)));
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// A node that believes in nobody but L1.
pub(crate) fn node(sequencer: &Sequencer, folder: &Path, l1: &str) -> Vec<String> {
    let (rollup, _) = sequencer.files(folder);
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&rollup).unwrap()).unwrap();
    config["l1_system_config_address"] = SYSTEM_CONFIG.to_string().into();
    fs::write(&rollup, config.to_string()).unwrap();
    let (rollup, folder) = (rollup.to_str().unwrap(), folder.to_str().unwrap());
    [
        "node",
        "--rollup.config",
        rollup,
        "--datadir",
        folder,
        "--p2p.listen.ip=127.0.0.1",
        "--p2p.listen.tcp=0",
        "--p2p.no-discovery",
        "--p2p.static",
        &sequencer.address,
        "--l1",
        l1,
        "--l1.runtime-config-reload-interval=200ms",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn start(words: &[String]) -> Process {
    petrel::start(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_node_follows_the_signer_on_l1_through_failures_and_restarts() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let signer: Address = sequencer.files(folder.path()).1.parse().unwrap();
    let l1 = FakeL1::start(OLD);
    let words = node(&sequencer, folder.path(), &l1.url);
    let current = |event: &serde_json::Value| event["current"].as_str().unwrap().parse::<Address>().unwrap();

    let mut first = start(&words);
    assert_eq!(current(&first.event("signer_changed")), OLD);
    assert_eq!(first.event("rejected")["fault"], "wrong_signer");
    l1.change(|world| world.signers.1 = signer);
    let rotated = first.event("signer_changed");
    assert_eq!((current(&rotated), rotated["grace"].as_str().unwrap().parse().unwrap()), (signer, OLD));
    first.event("block");
    // What fails, and what lags behind, changes nothing.
    for wrong in [(Lie::Value, 100), (Lie::NoProofs, 100), (Lie::NoProofs, 50), (Lie::Nothing, 50)] {
        l1.change(|world| (world.lie, world.head, world.signers.1) = (wrong.0, wrong.1, NEW));
        // The first may be of a reading that saw the world before.
        first.event("signer_unread");
        first.event("signer_unread");
        first.event("block");
    }
    drop(first);

    // Without L1 the last reading is believed, and a grace that was over stays over.
    l1.change(|world| world.lie = Lie::Silence);
    let mut second = start(&words);
    let kept = second.event("signer_changed");
    assert_eq!((current(&kept), kept["grace"].is_null()), (signer, true));
    second.event("block");
}

#[test]
fn another_chains_l1_ends_the_node() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let l1 = FakeL1::start(OLD);
    l1.change(|world| world.chain = 1);
    let words = node(&sequencer, folder.path(), &l1.url);
    let (code, said) = refused(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this L1 is chain 1, expected 900"), "{said}");
}

#[test]
fn a_kept_signer_that_is_damaged_is_refused_and_left_alone() {
    let sequencer = Sequencer::started();
    let l1 = FakeL1::start(OLD);
    let folder = tempfile::tempdir().unwrap();
    let words = node(&sequencer, folder.path(), &l1.url);
    let mut first = start(&words);
    first.event("signer_changed");
    drop(first);
    let notes: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("notes");
    let database = redb::Database::create(folder.path().join("petrel.redb")).unwrap();
    let write = database.begin_write().unwrap();
    assert!(write.open_table(notes).unwrap().insert("signer", b"{".as_slice()).unwrap().is_some());
    write.commit().unwrap();
    drop(database);
    let (code, said) = refused(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the signer cannot be read"), "{said}");
    let database = redb::Database::create(folder.path().join("petrel.redb")).unwrap();
    let read = redb::ReadableDatabase::begin_read(&database).unwrap();
    assert_eq!(read.open_table(notes).unwrap().get("signer").unwrap().unwrap().value(), b"{");
}

#[test]
fn wrong_l1_flags_are_named() {
    let (code, said) = refused(&[
        "--network=op-mainnet",
        "--l1=ftp://somewhere/a-secret",
        "--l1.runtime-config-reload-interval=often",
        "--verifier.l1-confs=many",
    ]);
    assert_eq!(code, Some(2));
    for flag in ["--l1: ftp", "--l1.runtime-config-reload-interval", "--verifier.l1-confs"] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}
