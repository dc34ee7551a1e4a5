//! Proofs of accounts and slots: real tries of a second implementation, each byte changed, and answers that lie.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use petrel_core::{
    block::{Account, MAX_NODE, MAX_NODES, ProofError},
    state_proof::{AccountDifference, AccountProof, MAX_SLOTS, Proven, ProvenAccount, StateProofError, verify},
};
use serde_json::{Value, json};

const CONTRACT: Address = Address::repeat_byte(0xc0);
const NOBODY: Address = Address::repeat_byte(0xee);

/// The root of a trie with these entries, and the proof of each key, in the entries or not.
fn trie(entries: &[(Vec<u8>, Vec<u8>)], keys: &[Vec<u8>]) -> (B256, Vec<Vec<Bytes>>) {
    let path = |key: &Vec<u8>| Nibbles::unpack(keccak256(key));
    let mut entries: Vec<_> = entries.iter().map(|(key, value)| (path(key), value.clone())).collect();
    entries.sort();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(keys.iter().map(path).collect()));
    entries.iter().for_each(|(key, value)| builder.add_leaf(*key, value));
    let root = builder.root();
    let nodes = builder.take_proof_nodes();
    let proof = |key| nodes.matching_nodes_sorted(&path(key)).into_iter().map(|(_, node)| node).collect();
    (root, keys.iter().map(proof).collect())
}

fn slot(number: u64) -> B256 {
    B256::from(U256::from(number))
}

/// A state with a contract of `slots` slots (slot n has n + 1) and other accounts.
struct State {
    account: TrieAccount,
    slots: u64,
    others: u8,
}

impl State {
    fn new(slots: u64, others: u8) -> Self {
        let code_hash = keccak256([1]);
        let account = TrieAccount { nonce: 1, balance: U256::from(7), storage_root: EMPTY_ROOT_HASH, code_hash };
        let mut state = Self { account, slots, others };
        state.account.storage_root = state.storage(&[]).0;
        state
    }

    fn storage(&self, slots: &[B256]) -> (B256, Vec<Vec<Bytes>>) {
        let entries: Vec<_> =
            (0..self.slots).map(|n| (slot(n).to_vec(), alloy_rlp::encode(U256::from(n + 1)))).collect();
        trie(&entries, &slots.iter().map(|slot| slot.to_vec()).collect::<Vec<_>>())
    }

    /// The state's root, and an honest answer about the contract or an address without an account.
    fn answer(&self, address: Address, slots: &[B256]) -> (B256, Value) {
        let mut entries: Vec<_> = (1..=self.others)
            .map(|n| {
                (
                    Address::repeat_byte(n).to_vec(),
                    alloy_rlp::encode(TrieAccount { nonce: n.into(), ..Default::default() }),
                )
            })
            .collect();
        entries.push((CONTRACT.to_vec(), alloy_rlp::encode(self.account)));
        let (root, proofs) = trie(&entries, &[address.to_vec()]);
        let is_there = address == CONTRACT;
        let account = if is_there { self.account } else { TrieAccount::default() };
        let proofs_of_slots = if is_there { self.storage(slots).1 } else { vec![Vec::new(); slots.len()] };
        let storage: Vec<Value> = slots
            .iter()
            .zip(proofs_of_slots)
            .map(|(slot, proof)| {
                let number = U256::from_be_bytes(slot.0);
                let is_set = is_there && number < U256::from(self.slots);
                let value = if is_set { number + U256::from(1) } else { U256::ZERO };
                json!({ "key": slot, "value": value, "proof": proof })
            })
            .collect();
        let answer = json!({
            "nonce": format!("{:#x}", account.nonce), "balance": account.balance, "codeHash": account.code_hash,
            "storageHash": account.storage_root, "accountProof": proofs[0], "storageProof": storage,
        });
        (root, answer)
    }
}

fn read(root: B256, address: Address, slots: &[B256], answer: &Value) -> Result<ProvenAccount, StateProofError> {
    verify(root, address, slots, &serde_json::from_value::<AccountProof>(answer.clone()).unwrap())
}

#[test]
fn accounts_and_slots_are_proven_present_and_absent_in_tries_of_every_size() {
    let slots: Vec<B256> = [0, 3, 1000, 6, 2000].map(slot).to_vec();
    for (count, others) in [(0, 0), (1, 0), (2, 1), (7, 20), (400, 150)] {
        let state = State::new(count, others);
        let (root, answer) = state.answer(CONTRACT, &slots);
        let proven = read(root, CONTRACT, &slots, &answer).unwrap();
        let words = [0, 3, 1000, 6, 2000].map(|n: u64| if n < count { U256::from(n + 1) } else { U256::ZERO });
        assert_eq!(proven.storage, words);
        assert_eq!(
            (proven.account.nonce, proven.account.balance, proven.account.storage_root),
            (1, U256::from(7), state.account.storage_root)
        );
        assert!(proven.has_code());

        let (root, answer) = state.answer(NOBODY, &slots);
        let nothing = read(root, NOBODY, &slots, &answer).unwrap();
        assert!(nothing.account == Account::ABSENT && !nothing.has_code());
        assert_eq!((Account::ABSENT.nonce, Account::ABSENT.balance), (0, U256::ZERO));
        assert_eq!((Account::ABSENT.code_hash, Account::ABSENT.storage_root), (KECCAK256_EMPTY, EMPTY_ROOT_HASH));
        assert_eq!(nothing.storage, [U256::ZERO; 5]);
    }
}

#[test]
fn nothing_is_proven_in_an_empty_state_too() {
    let nothing = |proof: Value| json!({ "nonce": "0x0", "balance": "0x0", "codeHash": B256::ZERO, "storageHash": B256::ZERO, "accountProof": proof, "storageProof": [] });
    for proof in [json!([]), json!(["0x80"])] {
        assert!(!read(EMPTY_ROOT_HASH, NOBODY, &[], &nothing(proof)).unwrap().has_code());
    }
    for (proof, error) in
        [(json!(["0x80", "0x80"]), ProofError::Surplus(0)), (json!(["0x00"]), ProofError::WrongNode(0))]
    {
        let refusal = read(EMPTY_ROOT_HASH, NOBODY, &[], &nothing(proof)).unwrap_err();
        assert_eq!(refusal, StateProofError::Trie(Proven::Account, error));
    }
}

#[test]
fn an_answer_that_lies_about_any_value_is_refused() {
    let slots = [slot(3), slot(1000)];
    let (root, answer) = State::new(50, 50).answer(CONTRACT, &slots);
    assert!(read(root, CONTRACT, &slots, &answer).is_ok());
    let account = StateProofError::OtherAccount;
    let proven = State::new(50, 50).account;
    let value = |slot, stated: u64, proven: u64| StateProofError::OtherValue {
        slot,
        stated: U256::from(stated),
        proven: U256::from(proven),
    };
    let lies: [(&str, Value, StateProofError); 9] = [
        ("/nonce", json!("0x2"), account(AccountDifference::Nonce { stated: 2, proven: 1 })),
        (
            "/balance",
            json!("0x8"),
            account(AccountDifference::Balance { stated: U256::from(8), proven: U256::from(7) }),
        ),
        (
            "/codeHash",
            json!(KECCAK256_EMPTY),
            account(AccountDifference::CodeHash { stated: KECCAK256_EMPTY, proven: proven.code_hash }),
        ),
        (
            "/storageHash",
            json!(EMPTY_ROOT_HASH),
            account(AccountDifference::StorageHash { stated: EMPTY_ROOT_HASH, proven: proven.storage_root }),
        ),
        ("/storageProof/0/value", json!("0x5"), value(slots[0], 5, 4)),
        ("/storageProof/0/value", json!("0x0"), value(slots[0], 0, 4)),
        ("/storageProof/1/value", json!("0x1"), value(slots[1], 1, 0)),
        ("/storageProof/0/key", json!("0x3e8"), StateProofError::OtherSlot { stated: slots[1], asked: slots[0] }),
        ("/storageProof/1/key", json!(slots[0]), StateProofError::OtherSlot { stated: slots[0], asked: slots[1] }),
    ];
    for (place, value, error) in lies {
        let mut lie = answer.clone();
        *lie.pointer_mut(place).unwrap() = value;
        assert_eq!(read(root, CONTRACT, &slots, &lie), Err(error), "{place}");
    }
}

#[test]
fn an_error_says_which_field_differs_and_how() {
    let slots = [slot(3)];
    let (root, answer) = State::new(50, 50).answer(CONTRACT, &slots);
    let said = |place: &str, value: &str| {
        let mut lie = answer.clone();
        *lie.pointer_mut(place).unwrap() = json!(value);
        read(root, CONTRACT, &slots, &lie).unwrap_err().to_string()
    };
    assert_eq!(said("/nonce", "0x2"), "the account's nonce is stated as 2, and proven as 1");
    assert_eq!(said("/balance", "0x8"), "the account's balance is stated as 8 wei, and proven as 7 wei");
    let code = format!("the account's code hash is stated as {KECCAK256_EMPTY}, and proven as {}", keccak256([1]));
    assert_eq!(said("/codeHash", &KECCAK256_EMPTY.to_string()), code);
    let word = format!("slot {} is stated as 0x5, and proven as 0x4", slots[0]);
    assert_eq!(said("/storageProof/0/value", "0x5"), word);
    let other = format!("slot {} is proven, and {} was asked for", slot(4), slots[0]);
    assert_eq!(said("/storageProof/0/key", "0x4"), other);
}

#[test]
fn a_slot_may_be_written_short_and_must_be_hex() {
    let slots = [slot(3)];
    let (root, answer) = State::new(50, 50).answer(CONTRACT, &slots);
    let with_key = |key: Value| {
        let mut answer = answer.clone();
        answer["storageProof"][0]["key"] = key;
        serde_json::from_value::<AccountProof>(answer)
    };
    for key in ["0x3", "0x03", &slots[0].to_string()] {
        assert!(verify(root, CONTRACT, &slots, &with_key(json!(key)).unwrap()).is_ok(), "{key}");
    }
    let long = format!("0x0{}", "0".repeat(64));
    for wrong in [json!("3"), json!("0x+3"), json!("0x_3"), json!(3), json!(null), json!(long)] {
        assert!(with_key(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn zeros_stand_for_the_hashes_of_an_account_that_does_not_exist_alone() {
    let state = State::new(5, 30);
    let (root, mut absent) = state.answer(NOBODY, &[]);
    (absent["codeHash"], absent["storageHash"]) = (json!(B256::ZERO), json!(B256::ZERO));
    assert_eq!(read(root, NOBODY, &[], &absent).unwrap().account, Account::ABSENT);
    let (root, mut there) = state.answer(CONTRACT, &[]);
    there["codeHash"] = json!(B256::ZERO);
    let code = AccountDifference::CodeHash { stated: KECCAK256_EMPTY, proven: state.account.code_hash };
    assert_eq!(read(root, CONTRACT, &[], &there), Err(StateProofError::OtherAccount(code)));
}

#[test]
fn an_account_that_exists_cannot_be_hidden_nor_one_that_does_not_be_invented() {
    let state = State::new(5, 30);
    let (root, there) = state.answer(CONTRACT, &[]);
    let (_, absent) = state.answer(NOBODY, &[]);
    let with_proof_of = |answer: &Value, other: &Value| {
        let mut answer = answer.clone();
        answer["accountProof"] = other["accountProof"].clone();
        answer
    };
    assert!(read(root, CONTRACT, &[], &with_proof_of(&absent, &there)).is_err(), "nothing, by the account's proof");
    assert!(read(root, NOBODY, &[], &with_proof_of(&there, &absent)).is_err(), "an account, by a proof of absence");
    assert!(read(root, CONTRACT, &[], &absent).is_err(), "nothing, by another account's absence");
    assert!(read(root, NOBODY, &[], &there).is_err(), "another account");
    // Nodes say what a missing account's slots hold: nothing but zero.
    let slots = [slot(1)];
    let (root, mut absent) = state.answer(NOBODY, &slots);
    absent["storageProof"][0]["value"] = json!("0x2");
    let error = StateProofError::OtherValue { slot: slots[0], stated: U256::from(2), proven: U256::ZERO };
    assert_eq!(read(root, NOBODY, &slots, &absent), Err(error));
}

#[test]
fn a_proof_with_any_byte_changed_or_missing_is_refused() {
    let slots = [slot(3), slot(1000)];
    let (root, answer) = State::new(60, 60).answer(CONTRACT, &slots);
    for place in ["/accountProof", "/storageProof/0/proof", "/storageProof/1/proof"] {
        let nodes: Vec<Bytes> = serde_json::from_value(answer.pointer(place).unwrap().clone()).unwrap();
        let is_refused = |nodes: &[Bytes]| {
            let mut lie = answer.clone();
            *lie.pointer_mut(place).unwrap() = json!(nodes);
            read(root, CONTRACT, &slots, &lie).is_err()
        };
        assert!(!is_refused(&nodes) && nodes.len() > 1);
        for (at, node) in nodes.iter().enumerate() {
            for byte in 0..node.len() {
                let mut changed = nodes.clone();
                let mut bytes = node.to_vec();
                bytes[byte] ^= 1 << (byte % 8);
                changed[at] = bytes.into();
                assert!(is_refused(&changed), "byte {byte} of node {at} of {place}");
                changed[at] = node.slice(..byte);
                assert!(is_refused(&changed), "the first {byte} bytes of node {at} of {place}");
            }
            let mut without = nodes.clone();
            let removed = without.remove(at);
            assert!(is_refused(&without), "without node {at} of {place}");
            without.insert(at, removed.clone());
            without.insert(at, removed);
            assert!(is_refused(&without), "node {at} of {place} twice");
        }
        let more = [nodes.as_slice(), &nodes[..1]].concat();
        assert!(is_refused(&more), "one node more of {place}");
    }
}

#[test]
fn an_answer_for_other_slots_or_too_many_is_refused() {
    let (root, answer) = State::new(20, 20).answer(CONTRACT, &[slot(3)]);
    let slots = |found, expected| Err(StateProofError::Slots { found, expected });
    assert_eq!(read(root, CONTRACT, &[], &answer), slots(1, 0));
    assert_eq!(read(root, CONTRACT, &[slot(3), slot(3)], &answer), slots(1, 2));
    assert!(read(root, CONTRACT, &[slot(4)], &answer).is_err(), "the proof of another slot");
    let mut many = answer.clone();
    many["storageProof"] = vec![answer["storageProof"][0].clone(); MAX_SLOTS + 1].into();
    assert_eq!(read(root, CONTRACT, &[slot(3); MAX_SLOTS + 1], &many), slots(MAX_SLOTS + 1, MAX_SLOTS));
}

#[test]
fn a_proof_that_is_larger_than_real_ones_is_refused() {
    let (root, answer) = State::new(20, 20).answer(CONTRACT, &[slot(3)]);
    let long = (vec![Bytes::from(vec![0; MAX_NODE + 1])], ProofError::WrongNode(0));
    let many = (vec![Bytes::new(); MAX_NODES + 1], ProofError::TooMany(MAX_NODES + 1));
    for (place, of) in [("/accountProof", Proven::Account), ("/storageProof/0/proof", Proven::Slot(slot(3)))] {
        for (nodes, error) in [&long, &many] {
            let mut large = answer.clone();
            *large.pointer_mut(place).unwrap() = json!(nodes);
            assert_eq!(read(root, CONTRACT, &[slot(3)], &large), Err(StateProofError::Trie(of, *error)));
        }
    }
}

/// Who makes the state chooses every byte of its nodes: they hash to what names them, and may be anything.
#[test]
fn nodes_that_no_trie_has_are_malformed_and_never_panic() {
    let list = |items: &[&[u8]]| {
        let mut out = Vec::new();
        alloy_rlp::Header { list: true, payload_length: items.iter().map(|item| item.len()).sum() }.encode(&mut out);
        items.iter().for_each(|item| out.extend_from_slice(item));
        out
    };
    let string = |bytes: &[u8]| alloy_rlp::encode(bytes);
    let long_path = string(&[0x20; 70]);
    let (value, hash) = (string(&[5]), string(&[7; 32]));
    let leaf = list(&[&string(&[0x20]), &value]);
    let nodes: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0xc0],
        vec![0xf8],
        vec![0xff; 9],
        value.clone(),
        list(&[&value]),
        list(&[&string(&[]), &value]),
        list(&[&string(&[0x40]), &value]),
        list(&[&string(&[0x21]), &value]),
        list(&[&long_path, &value]),
        list(&[&string(&[0x00]), &hash]),
        list(&[&string(&[0x00; 33]), &hash]),
        list(&[&leaf, &value]),
        list(&[&leaf; 17].map(|item| item.as_slice())),
        list(&[&value; 17].map(|item| item.as_slice())),
        list(&[&value; 18].map(|item| item.as_slice())),
        list(&[&[0xb8, 0xff]; 17].map(|item| item.as_slice())),
        [leaf.clone(), vec![0]].concat(),
    ];
    let mut answer = State::new(0, 0).answer(CONTRACT, &[]).1;
    for node in nodes {
        let (root, text) = (keccak256(&node), alloy_primitives::hex::encode(&node));
        answer["accountProof"] = json!([Bytes::from(node)]);
        let read = read(root, CONTRACT, &[], &answer);
        assert_eq!(read, Err(StateProofError::Trie(Proven::Account, ProofError::Malformed(0))), "{text}");
    }
}

/// A branch in a branch, and so on to the end of the path and beyond.
#[test]
fn a_chain_of_nodes_longer_than_a_key_is_malformed() {
    let mut answer = State::new(0, 0).answer(CONTRACT, &[]).1;
    let mut nodes: Vec<Bytes> = Vec::new();
    let mut below = B256::repeat_byte(1);
    for _ in 0..MAX_NODES {
        let mut out = Vec::new();
        let items = [vec![alloy_rlp::encode(below); 16].concat(), vec![0x80]].concat();
        alloy_rlp::Header { list: true, payload_length: items.len() }.encode(&mut out);
        out.extend(items);
        below = keccak256(&out);
        nodes.insert(0, out.into());
    }
    answer["accountProof"] = json!(nodes);
    let error = read(below, CONTRACT, &[], &answer).unwrap_err();
    assert_eq!(error, StateProofError::Trie(Proven::Account, ProofError::Malformed(64)));
}

/// Who makes the state may put anything at the hash of an address or a slot.
#[test]
fn a_leaf_that_is_no_account_or_no_word_is_refused() {
    let word = alloy_rlp::encode(U256::from(9));
    let (root, proofs) = trie(&[(CONTRACT.to_vec(), word)], &[CONTRACT.to_vec()]);
    let mut answer = State::new(0, 0).answer(CONTRACT, &[]).1;
    answer["accountProof"] = json!(proofs[0]);
    assert_eq!(read(root, CONTRACT, &[], &answer), Err(StateProofError::Leaf(Proven::Account)));

    let slots = [slot(3)];
    for leaf in [vec![0x80], vec![0xc0], vec![0xa0; 34]] {
        let (storage_root, proofs) = trie(&[(slots[0].to_vec(), leaf)], &[slots[0].to_vec()]);
        let mut state = State::new(0, 0);
        state.account.storage_root = storage_root;
        let (root, mut answer) = state.answer(CONTRACT, &[]);
        answer["storageProof"] = json!([{ "key": slots[0], "value": "0x0", "proof": proofs[0] }]);
        assert_eq!(read(root, CONTRACT, &slots, &answer), Err(StateProofError::Leaf(Proven::Slot(slots[0]))));
    }
}
