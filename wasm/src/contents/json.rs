//! JSON text in the form of the Ethereum JSON-RPC: 0x-hex for bytes, 0x-hex without leading zeros for quantities. All text that
//! is written is made here or in `Object`'s callers from bytes and numbers, so nothing needs escapes.

use core::fmt::{LowerHex, Write as _};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends `"0x…"`, two digits a byte.
pub(crate) fn hex(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len() * 2 + 4);
    out.push_str("\"0x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0f] {
            out.push(DIGITS.get(usize::from(nibble)).map_or('0', |digit| char::from(*digit)));
        }
    }
    out.push('"');
}

/// Appends `"0x…"` without leading zeros; zero is `"0x0"`.
pub(crate) fn quantity(out: &mut String, value: &dyn LowerHex) {
    // Writing to a string does not fail.
    let _ok = write!(out, "\"{value:#x}\"");
}

/// Appends `[…]` with what `write` appends for each item.
pub(crate) fn array<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    /// Appends `{…}` with the fields that `write` adds.
    pub(crate) fn append(out: &'a mut String, write: impl FnOnce(&mut Object<'_>)) {
        out.push('{');
        let mut object = Object { out, is_empty: true };
        write(&mut object);
        object.out.push('}');
    }

    /// Adds a key; its value is to be appended to the result.
    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// Adds bytes as 0x-hex.
    pub(crate) fn hex(&mut self, key: &str, bytes: impl AsRef<[u8]>) {
        hex(self.key(key), bytes.as_ref());
    }

    /// Adds bytes as 0x-hex, or `null`.
    pub(crate) fn hex_or_null(&mut self, key: &str, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            Some(bytes) => self.hex(key, bytes),
            None => self.key(key).push_str("null"),
        }
    }

    /// Adds a quantity.
    pub(crate) fn quantity(&mut self, key: &str, value: impl LowerHex) {
        quantity(self.key(key), &value);
    }

    /// Adds a JSON number.
    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key).push_str(&value.to_string());
    }

    /// Adds a boolean.
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.key(key).push_str(if value { "true" } else { "false" });
    }

    /// Adds text that needs no escapes.
    pub(crate) fn word(&mut self, key: &str, word: &str) {
        let out = self.key(key);
        out.push('"');
        out.push_str(word);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use serde_json::{Value, json};

    use super::{Object, array, hex, quantity};

    #[test]
    fn what_is_written_is_json_in_the_rpc_s_form() {
        let mut out = String::new();
        Object::append(&mut out, |object| {
            object.hex("bytes", [0x0a, 0xff]);
            object.hex("none", []);
            object.hex_or_null("null", None::<[u8; 1]>);
            object.quantity("zero", 0_u64);
            object.quantity("quantity", 255_u128);
            object.quantity("most", U256::MAX);
            object.number("number", 7);
            object.flag("flag", true);
            object.word("word", "V4");
            array(object.key("array"), [1_u64, 2], |out, item| quantity(out, &item));
            array(object.key("empty"), [], |out, item: &[u8]| hex(out, item));
        });
        let expected = json!({
            "bytes": "0x0aff", "none": "0x", "null": null, "zero": "0x0", "quantity": "0xff",
            "most": format!("0x{}", "f".repeat(64)), "number": 7, "flag": true, "word": "V4", "array": ["0x1", "0x2"], "empty": [],
        });
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn an_object_without_fields_is_json() {
        let mut out = String::new();
        Object::append(&mut out, |_| {});
        assert_eq!(out, "{}");
    }
}
