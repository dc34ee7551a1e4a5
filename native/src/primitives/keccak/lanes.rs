//! Parallel Keccak sponges: each lane takes the next input as soon as its last one is done, the longest first, so that lanes are
//! rarely idle. Width and permutation are parameters; this file is independent of the processor.

use alloy_primitives::B256;
use petrel_core::{hash, hash::Parts};

/// Bytes that one permutation absorbs: 1600 − 2 · 256 bits.
const RATE: usize = 136;
const WORDS: usize = RATE / 8;
/// Number of blocks from which on lanes are faster: less work ends before code and wide registers are warm.
const WORTHWHILE: usize = 128;

/// Word `w` of lane `l` at `[w][l]`.
pub(super) type LaneState<const L: usize> = [[u64; L]; 25];

/// The digests of all inputs, `L` at a time.
pub(super) fn digests<const L: usize>(inputs: &[Parts<'_>], permute: fn(&mut LaneState<L>)) -> Vec<B256> {
    let mut digests = vec![B256::ZERO; inputs.len()];
    let mut order: Vec<(usize, usize)> = inputs.iter().map(blocks).zip(0..).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let alone = alone::<L>(&order);
    let (alone, together) = order.split_at(alone);
    for (_, index) in alone {
        if let (Some(input), Some(digest)) = (inputs.get(*index), digests.get_mut(*index)) {
            *digest = hash::keccak(input);
        }
    }
    let queue =
        together.iter().filter_map(|(_, index)| Some(LaneInput { parts: inputs.get(*index)?, index: *index, at: 0 }));
    Sponges { state: [[0; L]; 25], lanes: [const { None }; L], queue, permute }.run(&mut digests);
    digests
}

/// Blocks of an input, its padding included.
fn blocks(input: &Parts<'_>) -> usize {
    (input.head.len() + input.body.len()) / RATE + 1
}

/// How many of the longest inputs are hashed alone: those that would continue long after all others are done, in lanes that cost
/// half more than a single one; all inputs if there are few blocks. `order` has the longest first.
fn alone<const L: usize>(order: &[(usize, usize)]) -> usize {
    let mut total: usize = order.iter().map(|(blocks, _)| blocks).sum();
    if total < WORTHWHILE {
        return order.len();
    }
    for (place, (longest, _)) in order.iter().enumerate() {
        if longest.max(&total.div_ceil(L)) * 3 < total * 2 {
            return place;
        }
        total -= longest;
    }
    order.len()
}

/// An input in a lane, absorbed up to byte `at`.
struct LaneInput<'a> {
    parts: &'a Parts<'a>,
    index: usize,
    at: usize,
}

struct Sponges<'a, const L: usize, Q: Iterator<Item = LaneInput<'a>>> {
    state: LaneState<L>,
    lanes: [Option<LaneInput<'a>>; L],
    queue: Q,
    permute: fn(&mut LaneState<L>),
}

impl<'a, const L: usize, Q: Iterator<Item = LaneInput<'a>>> Sponges<'a, L, Q> {
    fn run(mut self, digests: &mut [B256]) {
        for lane in &mut self.lanes {
            *lane = self.queue.next();
        }
        while self.lanes.iter().any(Option::is_some) {
            for (lane, input) in self.lanes.iter_mut().enumerate() {
                if let Some(input) = input {
                    absorb(&mut self.state, lane, input);
                }
            }
            (self.permute)(&mut self.state);
            for lane in 0..L {
                self.finish(lane, digests);
            }
        }
    }

    /// Takes the digest of a lane whose input is absorbed, and gives it the next input.
    fn finish(&mut self, lane: usize, digests: &mut [B256]) {
        let Some(slot) = self.lanes.get_mut(lane) else { return };
        let Some(done) = slot.take_if(|input| input.at > input.parts.head.len() + input.parts.body.len()) else {
            return;
        };
        *slot = self.queue.next();
        let mut words = self.state.iter_mut().filter_map(|words| words.get_mut(lane));
        if let Some(digest) = digests.get_mut(done.index) {
            for (bytes, word) in digest.0.as_chunks_mut::<8>().0.iter_mut().zip(&mut words) {
                *bytes = core::mem::take(word).to_le_bytes();
            }
        }
        words.for_each(|word| *word = 0);
    }
}

/// XORs the next block of an input into its lane; `at` is beyond the end of the input after its last block.
fn absorb<const L: usize>(state: &mut LaneState<L>, lane: usize, input: &mut LaneInput<'_>) {
    let Parts { head, body } = *input.parts;
    let inside = input.at.checked_sub(head.len()).and_then(|at| body.get(at..at + RATE));
    let mut padded = [0; RATE];
    let block = inside.unwrap_or_else(|| {
        pad(head, body, input.at, &mut padded);
        &padded
    });
    let words: &[[u8; 8]; WORDS] = block.as_chunks::<8>().0.try_into().unwrap_or(&[[0; 8]; WORDS]);
    for (row, word) in state.iter_mut().zip(words) {
        if let Some(slot) = row.get_mut(lane) {
            *slot ^= u64::from_le_bytes(*word);
        }
    }
    input.at += RATE;
}

/// The block at byte `at` of `head ‖ body`, with Keccak's padding (0x01 … 0x80) when the input ends in it.
fn pad(head: &[u8], body: &[u8], at: usize, block: &mut [u8; RATE]) {
    let rest = head.iter().chain(body).skip(at);
    let mut filled = 0;
    for (slot, byte) in block.iter_mut().zip(rest) {
        *slot = *byte;
        filled += 1;
    }
    if let Some(slot) = block.get_mut(filled) {
        *slot = 1;
        block[RATE - 1] ^= 0x80;
    }
}
