//! The signer from L1: what is read, what is refused, and what is restored after a restart.

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

use crate::fake_l1::{FakeL1, L1Fault, L1State, PROOF_WINDOW, SYSTEM_CONFIG};

const OLD: Address = address!("00000000000000000000000000000000000000a1");
const NEW: Address = address!("00000000000000000000000000000000000000b2");

fn source(l1: &FakeL1) -> SignerSource {
    among(&[l1])
}

/// Several nodes, of which two must agree.
fn among(nodes: &[&FakeL1]) -> SignerSource {
    let (urls, system_config) = (nodes.iter().map(|l1| l1.url.parse().unwrap()).collect(), SYSTEM_CONFIG);
    SignerSource { urls, system_config, chain: Some(900), confs: 0, trust: false, reload: None }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn read(source: SignerSource, floor: u64) -> Result<SignerReading, L1Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(L1Client::new(source).read(floor))
}

/// Reads the signer from an L1 with this change.
fn with(change: impl FnOnce(&mut L1State)) -> Result<SignerReading, L1Error> {
    let l1 = FakeL1::start(OLD);
    l1.change(change);
    read(source(&l1), 0)
}

#[test]
fn the_signer_is_read_with_a_proof_at_the_configured_depth() {
    let l1 = FakeL1::start(OLD);
    let first = read(source(&l1), 0).unwrap();
    assert_eq!((first.signer, first.block), (Some(OLD), 100));
    l1.change(|state| (state.signers.1, state.since) = (NEW, 98));
    assert_eq!(read(source(&l1), 0).unwrap().signer, Some(NEW));
    let deep = |confs| {
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).unwrap();
        (reading.signer, reading.block)
    };
    assert_eq!(deep(2), (Some(NEW), 98));
    assert_eq!(deep(3), (Some(OLD), 97));
    // A chain that is shorter than the depth is read at its head.
    assert_eq!(deep(101), (Some(NEW), 100));
}

#[test]
fn a_reading_has_the_time_of_the_head_at_any_depth() {
    let before = now() - 600;
    let l1 = FakeL1::start(OLD);
    l1.change(|state| state.age = 600);
    for confs in [0, 50] {
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).unwrap();
        assert!((before..=now() - 600).contains(&reading.head_time), "{reading:?}");
        assert_eq!(reading.time, reading.head_time - 12 * confs);
    }
}

#[test]
fn a_block_too_old_for_a_proof_is_reported_with_the_remedy() {
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
        l1.change(|state| state.fault = L1Fault::Pruned(code, message));
        let deep = SignerSource { confs: 2, ..source(&l1) };
        let error = read(deep.clone(), 0).unwrap_err();
        assert!(matches!(error, L1Error::OutOfWindow { block: 98, .. }), "{error}");
        for words in [message, "--rpc.eth-proof-window", "--verifier.l1-confs 0", "--l1.trustrpc"] {
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
        assert_eq!(read(SignerSource { trust: true, ..deep }, 0).unwrap().signer, Some(OLD));
    }
    let pruned = FakeL1::start(OLD);
    pruned.change(|state| state.fault = L1Fault::PrunedSlots);
    let error = read(SignerSource { trust: true, confs: 2, ..source(&pruned) }, 0).unwrap_err();
    assert!(matches!(error, L1Error::OutOfWindow { block: 98, .. }), "{error}");
    // "Method not found" has precedence over the words of the message.
    let error = with(|state| state.fault = L1Fault::Pruned(-32601, "no proof window")).unwrap_err();
    assert!(matches!(error, L1Error::NoProof), "{error}");
    let error = with(|state| state.fault = L1Fault::Pruned(-32000, "unavailable")).unwrap_err();
    assert!(matches!(error, L1Error::Refused { code: -32000, .. }), "{error}");
}

#[test]
fn the_newest_state_is_requested_again_while_the_head_moves() {
    let l1 = FakeL1::start(OLD);
    let proofs = |confs, times| {
        l1.change(|state| (state.head, state.fault, state.methods) = (100, L1Fault::Moving(times), Vec::new()));
        let reading = read(SignerSource { confs, ..source(&l1) }, 0).map(|reading| reading.block);
        let methods = l1.state.lock().unwrap().methods.clone();
        (reading.ok(), methods.iter().filter(|method| *method == "eth_getProof").count())
    };
    assert_eq!(proofs(0, 1), (Some(101), 2));
    assert_eq!(proofs(0, 2), (Some(102), 3));
    assert_eq!(proofs(0, 3), (None, 3));
    // Older state is not requested again.
    assert_eq!(proofs(1, 1), (None, 1));
}

#[test]
fn an_error_of_null_next_to_a_result_is_no_error() {
    assert_eq!(with(|state| state.fault = L1Fault::NullError).unwrap().signer, Some(OLD));
}

#[test]
fn a_response_without_a_result_is_reported() {
    let error = |fault| with(|state| state.fault = fault).unwrap_err().to_string();
    let neither = error(L1Fault::Neither);
    assert!(neither.contains("eth_chainId") && neither.contains("neither a result nor an error"), "{neither}");
    assert!(error(L1Fault::NullResult).contains("its result is null"));
    assert!(error(L1Fault::TextError).contains("L1 refuses eth_chainId: too many requests"));
}

#[test]
fn a_redirect_is_reported_without_possible_secrets() {
    let place = "https://me:a-secret@other.example:8545/a-secret?key=a-secret";
    for status in [301, 302, 303, 307, 308] {
        let error = with(|state| state.fault = L1Fault::Moved(status, place)).unwrap_err();
        assert!(matches!(&error, L1Error::Redirect { to } if to == "https://other.example:8545"), "{error}");
        let said = error.to_string();
        assert!(said.contains("L1 redirects to another place") && said.contains("give that URL"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let error = with(|state| state.fault = L1Fault::Moved(302, "/a-secret/login")).unwrap_err();
    assert!(matches!(&error, L1Error::Redirect { to } if to.starts_with("http://127.0.0.1:")), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn a_slot_of_zero_means_no_signer() {
    assert_eq!(with(|state| state.signers.1 = Address::ZERO).unwrap().signer, None);
}

#[test]
fn a_faulty_l1_gives_no_reading_and_an_error_with_the_reason() {
    let error = |fault| with(|state| state.fault = fault).unwrap_err();
    assert!(matches!(error(L1Fault::Value), L1Error::FalseProof { block: 100, .. }));
    assert!(matches!(error(L1Fault::Account), L1Error::FalseProof { .. }));
    assert!(matches!(error(L1Fault::NoProofs), L1Error::NoProof));
    assert!(matches!(error(L1Fault::NoCode), L1Error::NoContract(SYSTEM_CONFIG)));
    assert!(matches!(error(L1Fault::Word), L1Error::NoAddress(_)));
    assert!(matches!(error(L1Fault::Garbage), L1Error::Answer { .. }));
    assert!(matches!(error(L1Fault::Status), L1Error::Status(502)));
    assert!(matches!(error(L1Fault::Endless), L1Error::TooLarge));
    let other = with(|state| state.chain = 1).unwrap_err();
    assert!(matches!(other, L1Error::WrongChain { expected: 900, found: 1 }));
    assert!(matches!(with(|state| state.age = 901).unwrap_err(), L1Error::Stale { block: 100, age: 901.. }));
}

#[test]
fn an_l1_whose_head_went_back_is_reported_as_behind() {
    let l1 = FakeL1::start(OLD);
    let reading = read(source(&l1), 0).unwrap();
    assert!(read(source(&l1), reading.time).is_ok());
    let error = read(source(&l1), reading.time + 7).unwrap_err();
    assert!(matches!(error, L1Error::Behind { block: 100, late: 7 }), "{error}");
    assert!(error.to_string().contains("give another --l1"), "{error}");
    // A last reading in the future is ignored: this machine's clock was wrong, or the reading was.
    assert!(read(source(&l1), now() + 1_000_000).is_ok());
}

#[test]
fn a_head_in_the_future_is_refused_with_the_remedy() {
    let error = with(|state| state.age = -90).unwrap_err();
    assert!(matches!(error, L1Error::Ahead { block: 100, lead: 80..=90 }), "{error}");
    assert!(error.to_string().contains("set the clock"), "{error}");
    assert!(with(|state| state.age = -20).is_ok());
}

#[test]
fn a_proof_is_checked_against_the_header_of_the_requested_block() {
    let error = with(|state| state.fault = L1Fault::Header).unwrap_err();
    assert!(matches!(error, L1Error::FalseHeader { block: 100, .. }), "{error}");
    assert!(error.to_string().contains("--l1.trustrpc"), "{error}");
    let l1 = FakeL1::start(OLD);
    l1.change(|state| state.fault = L1Fault::OtherBlock);
    let error = read(SignerSource { confs: 2, ..source(&l1) }, 0).unwrap_err();
    assert!(matches!(&error, L1Error::Answer { error, .. } if error.contains("block 99 instead of 98")), "{error}");
}

#[test]
fn two_of_several_nodes_must_agree() {
    let nodes = [OLD, OLD, OLD].map(FakeL1::start);
    let start = nodes[0].state.lock().unwrap().start;
    let [one, two, three] = &nodes;
    for l1 in &nodes {
        l1.change(|state| state.start = start);
    }
    assert_eq!(read(among(&[one, two]), 0).unwrap().signer, Some(OLD));

    // One follows a fork that is longer and has another signer.
    one.change(|state| (state.forked, state.head, state.signers.1) = (true, 1_000_000, NEW));
    assert_eq!(read(source(one), 0).unwrap().signer, Some(NEW), "a single node is trusted");
    one.change(|state| state.head = 100);
    let error = read(among(&[one, two]), 0).unwrap_err();
    assert!(matches!(error, L1Error::Disagree { block: 100 }), "{error}");
    assert!(error.to_string().contains("two of the --l1 must agree"), "{error}");
    for order in [[one, two, three], [two, one, three], [two, three, one]] {
        let reading = read(among(&order), 0).unwrap();
        assert_eq!((reading.signer, reading.block), (Some(OLD), 100));
    }
    one.change(|state| state.head = 1_000_000);
    assert_eq!(read(among(&[one, two, three]), 0).unwrap().block, 100);

    // One that lags is no error: the highest head that two have reached is used.
    two.change(|state| (state.head, state.age) = (99, 15));
    assert_eq!(read(among(&[two, three]), 0).unwrap().block, 99);
    assert_eq!(read(SignerSource { confs: 2, ..among(&[two, three]) }, 0).unwrap().block, 97);

    // With one that fails there are too few. The error names it without possible secrets.
    two.change(|state| state.fault = L1Fault::Status);
    let error = read(among(&[two, three]), 0).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, L1Error::TooFew { agree: 1, of: 2, .. }), "{said}");
    assert!(said.contains("http://127.0.0.1:") && said.contains("502") && !said.contains("secret"), "{said}");
    two.change(|state| (state.fault, state.chain) = (L1Fault::None, 1));
    assert!(read(among(&[two, three]), 0).unwrap_err().is_wrong_chain());
}

#[test]
fn of_nodes_that_agree_about_the_block_one_proof_is_enough() {
    let nodes = [OLD, OLD].map(FakeL1::start);
    let start = nodes[0].state.lock().unwrap().start;
    nodes[1].change(|state| state.start = start);
    for fault in [L1Fault::NoProofs, L1Fault::Value, L1Fault::Pruned(-32602, PROOF_WINDOW)] {
        nodes[0].change(|state| state.fault = fault);
        assert_eq!(read(among(&[&nodes[0], &nodes[1]]), 0).unwrap().signer, Some(OLD), "{fault:?}");
    }
    for l1 in &nodes {
        l1.change(|state| state.fault = L1Fault::NoProofs);
    }
    let both = among(&[&nodes[0], &nodes[1]]);
    let error = read(both.clone(), 0).unwrap_err();
    assert!(error.to_string().contains("gives no proofs"), "{error}");
    let trusted = SignerSource { trust: true, ..both };
    assert_eq!(read(trusted.clone(), 0).unwrap().signer, Some(OLD));
    nodes[1].change(|state| state.signers.1 = NEW);
    assert!(matches!(read(trusted, 0).unwrap_err(), L1Error::Disagree { block: 100 }));
}

#[test]
fn an_l1_without_proofs_is_accepted_with_the_trust_flag() {
    let l1 = FakeL1::start(OLD);
    l1.change(|state| state.fault = L1Fault::NoProofs);
    assert_eq!(read(SignerSource { trust: true, ..source(&l1) }, 0).unwrap().signer, Some(OLD));
    // An invalid proof is never accepted.
    l1.change(|state| state.fault = L1Fault::Value);
    assert!(matches!(read(SignerSource { trust: true, ..source(&l1) }, 0), Err(L1Error::FalseProof { .. })));
}

#[test]
fn an_unresponsive_or_missing_l1_is_an_error_that_does_not_show_its_url() {
    let hanging = with(|state| state.fault = L1Fault::Unresponsive).unwrap_err();
    assert!(matches!(hanging, L1Error::Timeout), "{hanging}");
    let l1 = FakeL1::start(OLD);
    let nobody = SignerSource { urls: vec!["http://127.0.0.1:1/a-secret".parse().unwrap()], ..source(&l1) };
    let error = read(nobody, 0).unwrap_err();
    assert!(matches!(error, L1Error::Unreachable(_)));
    assert!(!error.to_string().contains("secret"), "{error}");
}

/// The arguments of a node that gets its signer from L1 only.
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
    l1.change(|state| state.signers.1 = signer);
    let rotated = first.event("signer_changed");
    assert_eq!((current(&rotated), rotated["grace"].as_str().unwrap().parse().unwrap()), (signer, OLD));
    first.event("block");
    // Faults, and a head that lags behind, change nothing.
    for wrong in [(L1Fault::Value, 100), (L1Fault::NoProofs, 100), (L1Fault::NoProofs, 50), (L1Fault::None, 50)] {
        l1.change(|state| (state.fault, state.head, state.signers.1) = (wrong.0, wrong.1, NEW));
        l1.change(|state| state.age = 3 + 12 * (100 - i64::try_from(wrong.1).unwrap()));
        // The first event may be of a reading before the change.
        first.event("signer_unread");
        first.event("signer_unread");
        first.event("block");
    }
    drop(first);

    // Without L1 the last reading is used, and a grace period that has ended is not restored.
    l1.change(|state| state.fault = L1Fault::Unresponsive);
    let mut second = start(&words);
    let kept = second.event("signer_changed");
    assert_eq!((current(&kept), kept["grace"].is_null()), (signer, true));
    second.event("block");
}

/// A node on a fork, or a faulty one, has reported a block that is a million numbers higher. The correct chain needs months to reach it.
#[test]
fn after_a_reading_from_a_longer_fork_the_correct_chain_is_accepted() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let l1 = FakeL1::start(NEW);
    l1.change(|state| (state.forked, state.head) = (true, 1_000_000));
    let words = node(&sequencer, folder.path(), &l1.url);
    let current = |event: &serde_json::Value| event["current"].as_str().unwrap().parse::<Address>().unwrap();
    let mut first = start(&words);
    assert_eq!(current(&first.event("signer_changed")), NEW);
    drop(first);
    l1.change(|state| (state.forked, state.head, state.signers.1, state.age) = (false, 100, OLD, 1));
    let mut second = start(&words);
    assert_eq!(current(&second.event("signer_changed")), NEW, "the one of the last run");
    assert_eq!(current(&second.event("signer_changed")), OLD);
}

#[test]
fn two_l1_nodes_are_given_by_a_repeated_flag_or_a_list() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let nodes = [OLD, OLD].map(FakeL1::start);
    let start_time = nodes[0].state.lock().unwrap().start;
    nodes[1].change(|state| state.start = start_time);
    let mut words = node(&sequencer, folder.path(), &nodes[0].url);
    words.push(format!("--l1={}", nodes[1].url));
    let mut first = start(&words);
    first.event("signer_changed");
    // A fork of one of them is no rotation.
    nodes[1].change(|state| (state.forked, state.signers.1) = (true, NEW));
    let unread = first.event("signer_unread");
    assert!(unread["error"].as_str().unwrap().contains("the L1 nodes disagree"), "{unread}");
    assert!(nodes.iter().all(|l1| l1.state.lock().unwrap().methods.contains(&"eth_chainId".to_owned())));
    drop(first);
    nodes[1].change(|state| state.chain = 1);
    let empty = tempfile::tempdir().unwrap();
    let words = node(&sequencer, empty.path(), "http://unused.invalid");
    let list = format!("{}, {}", nodes[0].url, nodes[1].url);
    let words: Vec<&str> =
        words.iter().map(|word| if word == "http://unused.invalid" { list.as_str() } else { word }).collect();
    let (code, said) = refused(&words);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this L1 is chain 1, expected 900") && !said.contains("secret"), "{said}");
}

#[test]
fn an_l1_of_another_chain_ends_the_node() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let l1 = FakeL1::start(OLD);
    l1.change(|state| state.chain = 1);
    let words = node(&sequencer, folder.path(), &l1.url);
    let (code, said) = refused(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("this L1 is chain 1, expected 900"), "{said}");
}

#[test]
fn a_damaged_stored_signer_is_refused_and_not_changed() {
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
fn invalid_l1_flags_are_reported() {
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
