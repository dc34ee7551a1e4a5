//! The native and the portable signature recovery have the same result for every signature: the signer or the error.

use alloy_primitives::{B256, U256, keccak256, uint};
use petrel_core::{
    sign,
    sign::{Key, Signature, SignatureError},
};
use petrel_node::primitives::recover;
use petrel_tests::random::SplitMix64;

const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
/// The field's prime: x coordinates are below it, and r + n must be.
const PRIME: U256 = uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);

fn signature(r: U256, s: U256, v: u8) -> Signature {
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
    bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    bytes[64] = v;
    Signature(bytes)
}

/// The result of both.
fn agreed(hash: &B256, signature: &Signature) -> Result<alloy_primitives::Address, SignatureError> {
    let (portable, native) = (sign::recover(hash, signature), recover(hash, signature));
    assert_eq!(portable, native, "{signature:?} of {hash}");
    native
}

fn scalars(signature: &Signature) -> (U256, U256, u8) {
    (U256::from_be_slice(&signature.0[..32]), U256::from_be_slice(&signature.0[32..64]), signature.v())
}

#[test]
fn both_recover_the_signer_of_both_forms_of_a_signature() {
    for seed in 1..=200_u8 {
        let key = Key::from_bytes(&[seed; 32]).expect("a key");
        let hash = keccak256([seed]);
        let signed = key.sign(&hash);
        assert_eq!(agreed(&hash, &signed), Ok(key.address()));
        // The same signature with a high s and the other v is valid too (op-node accepts it).
        let (r, s, v) = scalars(&signed);
        assert_eq!(agreed(&hash, &signature(r, ORDER - s, v ^ 1)), Ok(key.address()));
        // With only the other v it recovers to another signer.
        assert_ne!(agreed(&hash, &signature(r, s, v ^ 1)), Ok(key.address()));
    }
}

#[test]
fn both_refuse_the_same_recovery_ids() {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let hash = keccak256("a block");
    let (r, s, _) = scalars(&key.sign(&hash));
    for v in 0..=255 {
        let found = agreed(&hash, &signature(r, s, v));
        assert_eq!(found == Err(SignatureError::RecoveryId(v)), v > 3, "v {v}: {found:?}");
    }
}

#[test]
fn both_agree_at_the_edges_of_the_scalars() {
    let one = U256::from(1);
    let edges = [
        U256::ZERO,
        one,
        U256::from(2),
        ORDER >> 1,
        (ORDER >> 1) + one,
        PRIME - ORDER - one,
        PRIME - ORDER,
        PRIME - ORDER + one,
        ORDER - one,
        ORDER,
        ORDER + one,
        PRIME - one,
        PRIME,
        U256::MAX,
    ];
    let hashes = [B256::ZERO, B256::from(ORDER), B256::repeat_byte(0xff), keccak256("a block")];
    let mut found = 0;
    for hash in hashes {
        for (r, s) in edges.into_iter().flat_map(|r| edges.map(|s| (r, s))) {
            for v in 0..4 {
                let answer = agreed(&hash, &signature(r, s, v));
                found += usize::from(answer.is_ok());
                if [r, s].iter().any(|scalar| scalar.is_zero() || *scalar >= ORDER) {
                    assert_eq!(answer, Err(SignatureError::NoKey));
                }
            }
        }
    }
    assert!(found > 100, "some of these are signatures: {found}");
}

#[test]
fn both_agree_on_random_bytes() {
    let mut random = SplitMix64(7);
    let mut random = |len: usize| (0..len).map(|_| random.below(256) as u8).collect::<Vec<u8>>();
    for round in 0..3_000 {
        let hash = B256::from_slice(&random(32));
        let mut bytes: [u8; 65] = random(65).try_into().expect("65 bytes");
        if round % 2 == 0 {
            bytes[64] %= 4;
        }
        let _either = agreed(&hash, &Signature(bytes));
    }
}
