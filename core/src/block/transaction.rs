//! What the first byte of a transaction says (EIP-2718). The rest of it is opaque here.

/// The type of a deposit (specs, deposits).
pub const DEPOSIT: u8 = 0x7e;

/// Whether the transaction is a legacy one: an RLP list, where any other begins with its type.
pub(super) fn is_legacy(transaction: &[u8]) -> bool {
    transaction.first().is_none_or(|first| *first >= 0xc0)
}

/// The type of a transaction, 0 for a legacy one.
pub fn transaction_type(transaction: &[u8]) -> u8 {
    transaction.first().copied().filter(|_| !is_legacy(transaction)).unwrap_or_default()
}
