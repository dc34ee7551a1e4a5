//! Keccak-f[1600] on 8 lanes in AVX-512 registers and on 4 in AVX2's (FIPS 202, section 3; theta, rho, pi, chi, iota in one
//! pass a round).

#![allow(
    clippy::indexing_slicing,
    reason = "every index is a constant or a loop bound within the 25 words of the state"
)]

use core::arch::x86_64::{
    __m256i, __m512i, _mm256_andnot_si256, _mm256_or_si256, _mm256_set1_epi64x, _mm256_slli_epi64, _mm256_srli_epi64,
    _mm256_xor_si256, _mm512_rol_epi64, _mm512_set1_epi64, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use alloy_primitives::B256;
use petrel_core::hash::Parts;

use super::lanes::{LaneState, digests};

/// Iota's constants, one a round.
const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

pub(super) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Eight at a time; one after the other on a processor without AVX-512.
pub(super) fn keccak_8(inputs: &[Parts<'_>]) -> Vec<B256> {
    if !has_avx512() {
        return petrel_core::hash::keccak_many(inputs);
    }
    #[expect(unsafe_code, reason = "a function for one processor is called where that processor was found")]
    // SAFETY: the processor has AVX-512F, as was just seen.
    digests::<8>(inputs, |state| unsafe { permute_8(state) })
}

/// Four at a time; one after the other on a processor without AVX2.
pub(super) fn keccak_4(inputs: &[Parts<'_>]) -> Vec<B256> {
    if !has_avx2() {
        return petrel_core::hash::keccak_many(inputs);
    }
    #[expect(unsafe_code, reason = "a function for one processor is called where that processor was found")]
    // SAFETY: the processor has AVX2, as was just seen.
    digests::<4>(inputs, |state| unsafe { permute_4(state) })
}

macro_rules! rotate_8 {
    ($word:expr, $by:literal) => {
        _mm512_rol_epi64::<$by>($word)
    };
}

macro_rules! rotate_4 {
    ($word:expr, $by:literal) => {{
        let word = $word;
        _mm256_or_si256(_mm256_slli_epi64::<$by>(word), _mm256_srli_epi64::<{ 64 - $by }>(word))
    }};
}

/// One permutation for one kind of register. `xor3` is a ⊕ b ⊕ c, `chi` is a ⊕ (¬b ∧ c).
macro_rules! permutation {
    (
        $name:ident, $feature:literal, $lanes:literal, $register:ty, $rotate:ident,
        xor: $xor:expr, xor3: $xor3:expr, chi: $chi:expr, constant: $constant:expr
    ) => {
        #[target_feature(enable = $feature)]
        fn $name(state: &mut LaneState<$lanes>) {
            let mut s: [$register; 25] = bytemuck::cast(*state);
            for round in ROUNDS {
                let mut c = [s[0]; 5];
                for x in 0..5 {
                    c[x] = $xor3($xor3(s[x], s[x + 5], s[x + 10]), s[x + 15], s[x + 20]);
                }
                let d = [
                    $xor(c[4], $rotate!(c[1], 1)),
                    $xor(c[0], $rotate!(c[2], 1)),
                    $xor(c[1], $rotate!(c[3], 1)),
                    $xor(c[2], $rotate!(c[4], 1)),
                    $xor(c[3], $rotate!(c[0], 1)),
                ];
                let b = [
                    $xor(s[0], d[0]),
                    $rotate!($xor(s[6], d[1]), 44),
                    $rotate!($xor(s[12], d[2]), 43),
                    $rotate!($xor(s[18], d[3]), 21),
                    $rotate!($xor(s[24], d[4]), 14),
                    $rotate!($xor(s[3], d[3]), 28),
                    $rotate!($xor(s[9], d[4]), 20),
                    $rotate!($xor(s[10], d[0]), 3),
                    $rotate!($xor(s[16], d[1]), 45),
                    $rotate!($xor(s[22], d[2]), 61),
                    $rotate!($xor(s[1], d[1]), 1),
                    $rotate!($xor(s[7], d[2]), 6),
                    $rotate!($xor(s[13], d[3]), 25),
                    $rotate!($xor(s[19], d[4]), 8),
                    $rotate!($xor(s[20], d[0]), 18),
                    $rotate!($xor(s[4], d[4]), 27),
                    $rotate!($xor(s[5], d[0]), 36),
                    $rotate!($xor(s[11], d[1]), 10),
                    $rotate!($xor(s[17], d[2]), 15),
                    $rotate!($xor(s[23], d[3]), 56),
                    $rotate!($xor(s[2], d[2]), 62),
                    $rotate!($xor(s[8], d[3]), 55),
                    $rotate!($xor(s[14], d[4]), 39),
                    $rotate!($xor(s[15], d[0]), 41),
                    $rotate!($xor(s[21], d[1]), 2),
                ];
                for y in [0, 5, 10, 15, 20] {
                    for x in 0..5 {
                        s[y + x] = $chi(b[y + x], b[y + (x + 1) % 5], b[y + (x + 2) % 5]);
                    }
                }
                s[0] = $xor(s[0], $constant(round.cast_signed()));
            }
            *state = bytemuck::cast(s);
        }
    };
}

permutation!(
    permute_8, "avx512f", 8, __m512i, rotate_8,
    xor: |a, b| _mm512_xor_si512(a, b),
    xor3: |a, b, c| _mm512_ternarylogic_epi64::<0x96>(a, b, c),
    chi: |a, b, c| _mm512_ternarylogic_epi64::<0xd2>(a, b, c),
    constant: |word| _mm512_set1_epi64(word)
);

permutation!(
    permute_4, "avx2", 4, __m256i, rotate_4,
    xor: |a, b| _mm256_xor_si256(a, b),
    xor3: |a, b, c| _mm256_xor_si256(_mm256_xor_si256(a, b), c),
    chi: |a, b, c| _mm256_xor_si256(a, _mm256_andnot_si256(b, c)),
    constant: |word| _mm256_set1_epi64x(word)
);
