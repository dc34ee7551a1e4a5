//! Keys as nibbles: the RLP of an index.

/// A hex-prefix encoded path of at most ten nibbles.
pub(super) type Path = arrayvec::ArrayVec<u8, 6>;

/// At most 5 bytes of RLP. The keys of one list are prefix-free.
#[derive(Clone, Copy)]
pub(super) struct NibbleKey {
    /// The first nibble is the highest.
    bits: u64,
    /// The number of nibbles.
    len: u32,
}

impl NibbleKey {
    pub(super) const fn new(index: u32) -> Self {
        let (rlp, bytes) = match index {
            0 => (0x80, 1),
            1..0x80 => (index as u64, 1),
            _ => {
                let bytes = 4 - index.leading_zeros() / 8;
                ((0x80 + bytes as u64) << (8 * bytes) | index as u64, 1 + bytes)
            }
        };
        Self { bits: rlp << (64 - 8 * bytes), len: 2 * bytes }
    }

    pub(super) const fn nibble(self, at: u32) -> u8 {
        (self.bits.unbounded_shl(4 * at) >> 60) as u8
    }

    /// The number of leading nibbles that are the same.
    pub(super) const fn shared(self, other: Self) -> u32 {
        (self.bits ^ other.bits).leading_zeros() / 4
    }

    /// Whether both are in one group. A group is at most 4096 keys, all that begin with the same nibbles: all but the
    /// last three of a long key, two of a key of four nibbles (`0x81…`), one of `0x01` to `0x7f`. `0x80` is alone.
    pub(super) const fn same_group(self, other: Self) -> bool {
        let prefix = match (self.len, self.nibble(0)) {
            (2, ..8) => 1,
            (2 | 4, _) => 2,
            (len, _) => len - 3,
        };
        self.shared(other) >= prefix
    }

    /// The nibbles after the first `from`, as in a leaf.
    pub(super) fn rest(self, from: u32) -> Path {
        self.path(0x20, from, self.len)
    }

    /// The nibbles in `from..to`, as in an extension.
    pub(super) fn between(self, from: u32, to: u32) -> Path {
        self.path(0, from, to)
    }

    /// Ethereum's hex-prefix encoding: the first nibble says leaf or extension, and odd or even.
    fn path(self, flag: u8, from: u32, to: u32) -> Path {
        let odd = to.saturating_sub(from) % 2;
        let mut path = Path::new();
        path.push(if odd == 1 { flag | 0x10 | self.nibble(from) } else { flag });
        path.extend((from + odd..to).step_by(2).map(|at| self.nibble(at) << 4 | self.nibble(at + 1)));
        path
    }
}
