//! What a page asks for, read from the strings of a call: `bad_request` says what does not parse.

use alloy_primitives::{Address, B256, U256, hex};
use petrel_core::state_proof::MAX_SLOTS;

use crate::error::{Error, ErrorCode};

/// A block by tag, number or hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The head.
    Latest,
    /// The block of the chain with this number.
    Number(u64),
    /// The block with this hash, of any branch.
    Hash(B256),
}

impl Which {
    /// `latest`, a decimal number, or a hash.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        // `parse` alone would accept a sign.
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        if let Some(number) = number {
            return Ok(Self::Number(number));
        }
        word(text)
            .map(Self::Hash)
            .ok_or_else(|| bad("the block", text, "\"latest\", a decimal number or a hash of 32 bytes"))
    }
}

/// How a block's transactions are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionForm {
    /// Their hashes.
    Hashes,
    /// Their bytes.
    Raw,
    /// As objects.
    Full,
}

impl TransactionForm {
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        match text {
            "hashes" => Ok(Self::Hashes),
            "raw" => Ok(Self::Raw),
            "full" => Ok(Self::Full),
            _ => Err(bad("the form of transactions", text, "\"hashes\", \"raw\" or \"full\"")),
        }
    }
}

/// A storage slot as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The text: 0x-hex of at most 32 bytes.
    pub(crate) text: String,
    /// Its value.
    pub(crate) key: U256,
}

/// The hash of a block or a transaction.
pub(crate) fn hash(text: &str) -> Result<B256, Error> {
    word(text).ok_or_else(|| bad("the hash", text, "32 bytes of 0x-hex"))
}

/// The address of an account.
pub(crate) fn address(text: &str) -> Result<Address, Error> {
    let bytes = bytes(text).and_then(|bytes| Address::try_from(bytes.as_slice()).ok());
    bytes.ok_or_else(|| bad("the address", text, "20 bytes of 0x-hex"))
}

/// A JSON array of slots.
pub(crate) fn slots(json: &str) -> Result<Vec<Slot>, Error> {
    let expected = "a JSON array of at most 1024 slots, each up to 32 bytes of 0x-hex";
    let texts: Vec<String> = serde_json::from_str(json).map_err(|_| bad("the list of slots", json, expected))?;
    if texts.len() > MAX_SLOTS {
        return Err(bad("the list of slots", &format!("{} slots", texts.len()), expected));
    }
    texts.into_iter().map(|text| slot(&text).ok_or_else(|| bad("the slot", &text, expected))).collect()
}

/// A slot, if it is one.
pub(crate) fn slot(text: &str) -> Option<Slot> {
    let digits = text.strip_prefix("0x")?;
    let fits = (1..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let key = fits.then(|| U256::from_str_radix(digits, 16).ok()).flatten()?;
    Some(Slot { text: text.to_owned(), key })
}

/// Bytes of 0x-hex.
pub(crate) fn data(text: &str) -> Result<Vec<u8>, Error> {
    bytes(text).ok_or_else(|| bad("the data", text, "0x-hex, two digits a byte"))
}

fn word(text: &str) -> Option<B256> {
    B256::try_from(bytes(text)?.as_slice()).ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").filter(|digits| !digits.starts_with("0x"))?).ok()
}

fn bad(what: &str, text: &str, expected: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::new(ErrorCode::BadRequest, format!("{what} is {shown:?}, and must be {expected}"), "correct the argument")
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256, U256};

    use super::{TransactionForm, Which, address, data, hash, slots};
    use crate::error::ErrorCode;

    #[test]
    fn a_block_is_latest_a_decimal_number_or_a_hash() {
        let text = format!("0x{}", "ab".repeat(32));
        assert_eq!(Which::read("latest").unwrap(), Which::Latest);
        assert_eq!(Which::read("0").unwrap(), Which::Number(0));
        assert_eq!(Which::read("18446744073709551615").unwrap(), Which::Number(u64::MAX));
        assert_eq!(Which::read(&text).unwrap(), Which::Hash(B256::repeat_byte(0xab)));
        for wrong in ["", "pending", "safe", "-1", "+1", "0x1", "1.0", "18446744073709551616", &text[2..], &text[..64]]
        {
            assert_eq!(Which::read(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong:?}");
        }
    }

    #[test]
    fn a_form_is_one_of_three() {
        assert_eq!(TransactionForm::read("hashes").unwrap(), TransactionForm::Hashes);
        assert_eq!(TransactionForm::read("raw").unwrap(), TransactionForm::Raw);
        assert_eq!(TransactionForm::read("full").unwrap(), TransactionForm::Full);
        assert_eq!(TransactionForm::read("Full").unwrap_err().code, ErrorCode::BadRequest);
    }

    #[test]
    fn hex_has_its_prefix_and_its_length() {
        let full = format!("0x{}", "11".repeat(32));
        assert_eq!(hash(&full).unwrap(), B256::repeat_byte(0x11));
        assert_eq!(address(&full[..42]).unwrap(), Address::repeat_byte(0x11));
        assert!(data("0x").unwrap().is_empty());
        assert_eq!(data("0x0aFF").unwrap(), [0x0a, 0xff]);
        for wrong in ["", "0", "0x0", "0xgg", "11", "0x0x11", " 0x11"] {
            assert_eq!(hash(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong:?}");
            assert_eq!(address(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong:?}");
            assert_eq!(data(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong:?}");
        }
    }

    #[test]
    fn slots_are_a_bounded_array_of_hex() {
        let read = slots(r#"["0x0", "0x00Ff"]"#).unwrap();
        assert_eq!(read.iter().map(|slot| slot.key).collect::<Vec<_>>(), [U256::ZERO, U256::from(255)]);
        assert_eq!(read[1].text, "0x00Ff");
        let too_long = format!(r#"["0x{}"]"#, "0".repeat(65));
        let many = serde_json::to_string(&vec!["0x0"; 1025]).unwrap();
        for wrong in ["", "{}", "[1]", r#"["0"]"#, r#"["0x"]"#, r#"["0x+1"]"#, r#"["0x_1"]"#, &too_long, &many] {
            assert_eq!(slots(wrong).unwrap_err().code, ErrorCode::BadRequest, "{wrong}");
        }
    }

    #[test]
    fn an_error_shows_the_start_of_a_long_argument() {
        let error = hash(&"é".repeat(10_000)).unwrap_err();
        assert!(error.message.len() < 300, "{}", error.message);
    }
}
