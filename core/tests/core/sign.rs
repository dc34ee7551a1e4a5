//! Signing and signer recovery.

use alloy_primitives::{Address, B256, U256, hex, keccak256, uint};
use petrel_core::sign::{Key, Signature, SignatureError, recover, seal_body, signing_hash};

use crate::vectors;

const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

fn signature(r: U256, s: U256, v: u8) -> Signature {
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
    bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    bytes[64] = v;
    Signature(bytes)
}

fn parts(signature: &Signature) -> (U256, U256, u8) {
    let bytes = signature.0;
    (U256::from_be_slice(&bytes[..32]), U256::from_be_slice(&bytes[32..64]), bytes[64])
}

/// The synthetic V4 message of the protocol's reference: its hash, signature, and signer (private key 1).
fn reference() -> (B256, Signature, Address) {
    let hash = B256::new(hex!("578b04c07c439ae5a289644b3dec6e9f03ac99122ea03e367d49c4a32e099771"));
    let signature = Signature(hex!(
        "f973a0b87062c389d125d8199e803b832b6ac6bf7867a4f6cd87506060fc4c58726578f54c6cb88e6d2e55c89181fb31295106f084a28be01f6628fab040277800"
    ));
    (hash, signature, Address::new(hex!("7e5f4552091a69125d5dfcb7b8c2659029395bdf")))
}

#[test]
fn signing_hashes_equal_those_of_op_node() {
    let zero = B256::ZERO.to_string();
    let mut checked = 0;
    for vector in vectors::list("signing.json", "vectors") {
        let Some(payload) = vector["payload"].as_str().filter(|_| vectors::text(&vector, "domain") == zero) else {
            continue;
        };
        let hash = signing_hash(vector["chainId"].as_u64().unwrap(), &hex::decode(payload).unwrap());
        assert_eq!(hash.to_string(), vectors::text(&vector, "signingHash"));
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn signers_of_real_signatures_are_recovered() {
    let vectors = vectors::list("signing.json", "vectors");
    let signed: Vec<_> = vectors.iter().filter(|vector| vector["signature"].is_string()).collect();
    assert!(signed.len() >= 10);
    for vector in signed {
        let hash = vectors::text(vector, "signingHash").parse().unwrap();
        let signature = Signature(vectors::unhex(vector, "signature").try_into().unwrap());
        let signer = recover(&hash, &signature).unwrap();
        assert_eq!(signer, vectors::text(vector, "signer").parse::<Address>().unwrap());
    }
}

#[test]
fn signatures_of_the_reference_and_of_this_code_recover_to_key_one() {
    let (hash, signature, signer) = reference();
    let mut one = [0; 32];
    one[31] = 1;
    let key = Key::from_bytes(&one).unwrap();
    assert_eq!(key.address(), signer);
    assert_eq!(recover(&hash, &signature), Ok(signer));
    assert_eq!(recover(&hash, &key.sign(&hash)), Ok(signer));
    assert_eq!(key.sign(&hash), key.sign(&hash), "no randomness");
}

#[test]
fn the_high_s_twin_recovers_to_the_same_signer() {
    let (hash, signature, signer) = reference();
    let (r, s, v) = parts(&signature);
    assert_eq!(recover(&hash, &self::signature(r, ORDER - s, 1 - v)), Ok(signer));
    assert_ne!(recover(&hash, &self::signature(r, ORDER - s, v)), Ok(signer));
}

#[test]
fn only_zero_and_one_recover_and_all_above_three_are_refused() {
    let (hash, signature, signer) = reference();
    let (r, s, v) = parts(&signature);
    for other in 0..=u8::MAX {
        let found = recover(&hash, &self::signature(r, s, other));
        match other {
            _ if other == v => assert_eq!(found, Ok(signer)),
            0 | 1 => assert!(found.is_ok_and(|found| found != signer)),
            // r + n is larger than the field modulus for almost all signatures.
            2 | 3 => assert_eq!(found, Err(SignatureError::NoKey)),
            _ => assert_eq!(found, Err(SignatureError::RecoveryId(other))),
        }
    }
}

#[test]
fn scalars_out_of_range_have_no_key() {
    let (hash, signature, _) = reference();
    let (r, s, v) = parts(&signature);
    for wrong in [U256::ZERO, ORDER, ORDER + U256::from(1), U256::MAX] {
        assert_eq!(recover(&hash, &self::signature(wrong, s, v)), Err(SignatureError::NoKey), "r = {wrong}");
        assert_eq!(recover(&hash, &self::signature(r, wrong, v)), Err(SignatureError::NoKey), "s = {wrong}");
    }
    assert!(recover(&hash, &self::signature(r, ORDER - U256::from(1), v)).is_ok());
}

#[test]
fn a_signature_covers_chain_and_every_byte() {
    let key = crate::forge::key(4);
    let message = seal_body(&key, 10, b"a body");
    let signature = Signature(*message.first_chunk().unwrap());
    assert_eq!(recover(&signing_hash(10, b"a body"), &signature), Ok(key.address()));
    assert_ne!(recover(&signing_hash(11, b"a body"), &signature), Ok(key.address()));
    assert_ne!(recover(&signing_hash(10, b"A body"), &signature), Ok(key.address()));
    assert_eq!(message[65..], *b"a body");
}

#[test]
fn signatures_have_a_low_s_and_v_zero_or_one() {
    for seed in 0..50_u8 {
        let (_, s, v) = parts(&crate::forge::key(7).sign(&keccak256([seed])));
        assert!(s <= ORDER >> 1 && v <= 1);
    }
}

#[test]
fn the_debug_output_of_a_key_does_not_contain_it() {
    let hex = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let key = Key::from_hex(&format!(" {hex}\n")).unwrap();
    assert_eq!(key.address(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse::<Address>().unwrap());
    assert!(!format!("{key:?}").contains("ac0974"));
    assert!(Key::from_hex("ac09").is_err());
    assert!(Key::from_hex(&"0".repeat(64)).is_err());
    assert!(Key::from_hex(&"f".repeat(64)).is_err());
}
