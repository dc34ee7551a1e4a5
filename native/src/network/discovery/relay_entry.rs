//! The entry `petrel` of a node record: the daemon serves browsers, and this is where its signed relay record is read over HTTP.
//!
//! An RLP list of version (1), port and host. With a host the record is at `https://HOST:PORT/.well-known/petrel.json`, with an empty
//! one at `http://IP:PORT/.well-known/petrel.json`, where IP is the node's own. Further items are ignored, and so is an entry of
//! another version. Nothing in it is proven: the relay record is signed with the node's key, as the node record is.
//!
//! Bound: a host of [`RelayEntry::MAX_HOST`] bytes, so that a record with IPv4 and IPv6 stays below the 300 bytes of EIP-778.

use alloy_rlp::{Decodable, Encodable, Header};
use discv5::Enr;

/// The entry's name.
pub(super) const PETREL: &str = "petrel";
/// The version that this code writes and reads.
const VERSION: u64 = 1;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayEntry {
    /// The TCP port, not zero.
    pub port: u16,
    /// The host name, with HTTPS; `None` is the node's IP, with HTTP.
    pub host: Option<String>,
}

impl RelayEntry {
    /// Maximum bytes of a host name.
    pub const MAX_HOST: usize = 64;

    /// The entry of a record; `None` if it has none that this code understands.
    pub fn of_record(record: &Enr) -> Option<Self> {
        let mut bytes = record.get_raw_rlp(PETREL)?;
        Self::decode(&mut bytes)
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut items = Header::decode_bytes(bytes, true).ok()?;
        if u64::decode(&mut items).ok()? != VERSION {
            return None;
        }
        let port = u16::decode(&mut items).ok().filter(|port| *port != 0)?;
        match Header::decode_bytes(&mut items, false).ok()? {
            [] => Some(Self { port, host: None }),
            host => {
                let host = core::str::from_utf8(host).ok().filter(|host| is_host_name(host))?;
                Some(Self { port, host: Some(host.to_owned()) })
            }
        }
    }

    fn host(&self) -> &str {
        self.host.as_deref().unwrap_or_default()
    }

    fn payload_length(&self) -> usize {
        VERSION.length() + self.port.length() + self.host().length()
    }
}

/// Whether it is a name that can be written into an entry: letters, digits, `-` and dots, two labels at least, and no IP address.
pub fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_plain = label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        is_plain && (1..=63).contains(&label.len()) && !label.starts_with('-')
    };
    // The last label of a name has a letter: `1.2.3.4`, `1.0x2` and the like are addresses in a URL.
    let is_name = |last: &str| last.starts_with(|char: char| char.is_ascii_alphabetic());
    host.len() <= RelayEntry::MAX_HOST
        && host.split('.').all(is_label)
        && host.rsplit_once('.').is_some_and(|(_, last)| is_name(last))
}

impl Encodable for RelayEntry {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        Header { list: true, payload_length: self.payload_length() }.encode(out);
        VERSION.encode(out);
        self.port.encode(out);
        self.host().encode(out);
    }

    fn length(&self) -> usize {
        let payload_length = self.payload_length();
        Header { list: true, payload_length }.length() + payload_length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(port: u16, host: &str) -> RelayEntry {
        RelayEntry { port, host: Some(host.to_owned()).filter(|host| !host.is_empty()) }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        for entry in [entry(8080, ""), entry(443, "relay.example"), entry(65535, &format!("{}.ab", "a".repeat(61)))] {
            let bytes = alloy_rlp::encode(&entry);
            assert_eq!(bytes.len(), entry.length());
            assert_eq!(RelayEntry::decode(&mut &bytes[..]), Some(entry));
        }
        assert_eq!(alloy_rlp::encode(entry(8080, "")), [0xc5, 1, 0x82, 0x1f, 0x90, 0x80]);
    }

    #[test]
    fn further_items_are_ignored_and_what_is_malformed_is_no_entry() {
        let read = |bytes: &[u8]| RelayEntry::decode(&mut &*bytes);
        assert_eq!(read(&[0xc6, 1, 0x82, 0x1f, 0x90, 0x80, 7]), Some(entry(8080, "")));
        let wrong: [&[u8]; 8] = [
            &[],
            &[0xc0],
            &[0x05],
            &[0xc5, 2, 0x82, 0x1f, 0x90, 0x80],
            &[0xc3, 1, 0x80, 0x80],
            &[0xc5, 1, 0x82, 0x1f, 0x90],
            &[0xc6, 1, 0x83, 1, 0x1f, 0x90, 0x80],
            &[0xc6, 1, 0x82, 0x1f, 0x90, 0x81, 0xff],
        ];
        for bytes in wrong {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_host_is_a_name_of_two_labels_and_no_address() {
        assert!(["relay.example", "a.b.c1", "x-1.example"].into_iter().all(is_host_name));
        let long = format!("{}.ab", "a".repeat(62));
        for host in [
            "",
            "localhost",
            "127.0.0.1",
            "1.0x7f",
            "[::1]",
            "a.example:80",
            "a@b.example",
            "a/b.example",
            ".a",
            "a.",
            "a..b",
            &long,
        ] {
            assert!(!is_host_name(host), "{host}");
            assert_eq!(
                RelayEntry::decode(&mut &alloy_rlp::encode(entry(443, host))[..]).filter(|_| !host.is_empty()),
                None,
                "{host}"
            );
        }
    }
}
