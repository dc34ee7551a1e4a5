//! The length that data has when it is compressed by FastLZ, by which the OP Stack estimates what a transaction costs on L1 since Fjord.
//!
//! Source: op-geth `FlzCompressLen` (`core/types/rollup_cost.go`), which is solady's `flzCompress` without its output. Bound: a table of
//! 32 KiB, and time linear in the data.

/// Entries of the table of places, by 13 bits of a hash.
const PLACES: usize = 1 << 13;
/// How far back a match may begin.
const WINDOW: usize = 0x1fff;
/// Bytes at the end in which no match begins.
const TAIL: usize = 13;
/// Bytes of a run of literals, and of a match, that take one more instruction.
const RUN: usize = 32;
const MATCH: usize = 262;

/// The length of `data` when it is compressed.
pub fn fastlz_length(data: &[u8]) -> usize {
    let limit = data.len().saturating_sub(TAIL);
    let mut places = vec![0; PLACES];
    let (mut length, mut anchor, mut at) = (0, 0, 2);
    while let Some((found, before)) = next_match(data, &mut places, at, limit) {
        let matched = matching(data, before + 3, found + 3, limit + 9);
        length += literals(found - anchor) + instructions(matched);
        anchor = found + matched + 2;
        for place in [anchor - 2, anchor - 1] {
            set(&mut places, three(data, place), place);
        }
        at = anchor;
    }
    length + literals(data.len() - anchor)
}

/// The next place from `at` on whose three bytes are the same as at an earlier place of the window, and that place.
fn next_match(data: &[u8], places: &mut [usize], mut at: usize, limit: usize) -> Option<(usize, usize)> {
    while at < limit {
        let bytes = three(data, at);
        let before = set(places, bytes, at);
        // One at the last place is not used.
        if at - before <= WINDOW && bytes == three(data, before) {
            return (at + 1 < limit).then_some((at, before));
        }
        at += 1;
    }
    None
}

/// Puts a place into the table; the one that was there.
fn set(places: &mut [usize], bytes: u32, place: usize) -> usize {
    let hash = (bytes.wrapping_mul(2_654_435_769) >> 19) as usize;
    places.get_mut(hash).map_or(0, |slot| core::mem::replace(slot, place))
}

fn three(data: &[u8], at: usize) -> u32 {
    let bytes = data.get(at..).and_then(|rest| rest.first_chunk::<3>()).copied().unwrap_or_default();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])
}

/// The number of equal bytes from both places on, with the first one that differs, until `end`.
fn matching(data: &[u8], before: usize, at: usize, end: usize) -> usize {
    let (before, at) = (data.get(before..).unwrap_or_default(), data.get(at..end).unwrap_or_default());
    let differs = before.iter().zip(at).position(|(one, other)| one != other);
    differs.map_or(at.len(), |equal| equal + 1)
}

/// Bytes of an instruction with so many literals.
const fn literals(count: usize) -> usize {
    let (full, rest) = (count / RUN, count % RUN);
    full * (RUN + 1) + if rest == 0 { 0 } else { rest + 1 }
}

/// Bytes of the instructions of a match.
const fn instructions(matched: usize) -> usize {
    let more = matched.saturating_sub(1);
    3 * (more / MATCH) + if more % MATCH >= 6 { 3 } else { 2 }
}
