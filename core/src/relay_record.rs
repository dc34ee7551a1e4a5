//! Relay record: a relay's addresses for browsers, signed with its node key and served as `/.well-known/petrel.json`.
//!
//! The document is JSON with two fields: `record`, for human readers, and `envelope`, the same record in a libp2p
//! signed envelope (RFC 0002), as 0x-hex of its protobuf. Only the envelope is evaluated. A record proves the addresses
//! of a peer id and the time of its clock. It proves nothing about blocks, which are verified whichever peer sends
//! them.
//!
//! Bounds: a document of [`RelayRecord::MAX`] bytes, [`RelayRecord::ADDRESSES`] of the relay and
//! [`RelayRecord::OTHERS`] of other relays.

use core::time::Duration;

use alloy_primitives::hex;
use libp2p::{
    Multiaddr, PeerId,
    core::SignedEnvelope,
    identity::{Keypair, SigningError},
    multiaddr::Protocol,
};
use serde::{Deserialize, Serialize};

/// Domain separation: a signature for this domain is valid for nothing else that the key signs.
const DOMAIN: &str = "petrel-relay-record";
/// Payload type of the envelope.
const KIND: &[u8] = b"/petrel/relay-record/1";

/// A relay's chain, addresses and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRecord {
    /// The id of the chain that the relay follows.
    pub chain: u64,
    /// The relay's peer id.
    pub peer: String,
    /// Addresses for browsers: multiaddrs with the relay's peer id, and with certificate hashes if the certificate is
    /// self-signed.
    pub addresses: Vec<String>,
    /// When the record was signed, by the relay's clock, in Unix milliseconds.
    pub time_ms: u64,
    /// When the record expires, in Unix milliseconds.
    pub expires_ms: u64,
    /// Other relays of the chain, as multiaddrs with their peer ids: those that the relay is connected to, which it does not verify,
    /// and those that it has found by discovery, whose own records it has verified.
    pub others: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Document<R> {
    record: R,
    envelope: String,
}

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayRecordError {
    /// The document is longer than [`RelayRecord::MAX`].
    #[error("the record has {0} bytes, more than {max}", max = RelayRecord::MAX)]
    TooLong(usize),
    /// The document cannot be parsed.
    #[error("not a relay record: {0}")]
    Malformed(String),
    /// The signature is invalid, or is of another peer than the record's.
    #[error("the record is forged: {0}")]
    Forged(String),
    /// The record is of another chain.
    #[error("the relay follows chain {found}, not {expected}")]
    Foreign {
        /// The record's chain id.
        found: u64,
        /// The expected chain id.
        expected: u64,
    },
    /// The record has expired.
    #[error("the record expired {} s ago, or this device's clock is fast", .0.as_secs())]
    Expired(Duration),
}

impl RelayRecordError {
    /// Stable error code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) | Self::Malformed(_) => "bad_record",
            Self::Forged(_) => "forged_record",
            Self::Foreign { .. } => "foreign_record",
            Self::Expired(_) => "expired_record",
        }
    }
}

impl RelayRecord {
    /// Maximum bytes of a document.
    pub const MAX: usize = 64 << 10;
    /// Maximum addresses of the relay itself.
    pub const ADDRESSES: usize = 16;
    /// Maximum addresses of other relays.
    pub const OTHERS: usize = 32;
    /// How long a record is valid. Certificates are announced at least eleven days before they are used, and addresses
    /// change rarely.
    pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);
    /// How much a browser's clock may be fast: many clocks are wrong by minutes.
    pub const SKEW: Duration = Duration::from_secs(600);

    /// The document to serve.
    ///
    /// # Errors
    /// The key's type cannot sign.
    pub fn sign(&self, key: &Keypair) -> Result<String, SigningError> {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        let envelope = SignedEnvelope::new(key, DOMAIN.to_owned(), KIND.to_vec(), payload)?;
        let envelope = hex::encode_prefixed(envelope.into_protobuf_encoding());
        Ok(serde_json::to_string(&Document { record: self, envelope }).unwrap_or_default())
    }

    /// Verifies a document of a relay of this chain; `now` is the time since the Unix epoch.
    ///
    /// # Errors
    /// See [`RelayRecordError`].
    pub fn verify(document: &[u8], chain: u64, now: Duration) -> Result<Self, RelayRecordError> {
        if document.len() > Self::MAX {
            return Err(RelayRecordError::TooLong(document.len()));
        }
        let record = Self::open(document)?;
        if record.chain != chain {
            return Err(RelayRecordError::Foreign { found: record.chain, expected: chain });
        }
        let end = Duration::from_millis(record.expires_ms).saturating_add(Self::SKEW);
        if now > end { Err(RelayRecordError::Expired(now.saturating_sub(end))) } else { Ok(record) }
    }

    /// The record in the envelope, if its signature and its peer id are valid.
    fn open(document: &[u8]) -> Result<Self, RelayRecordError> {
        let malformed = |why: &dyn core::fmt::Display| RelayRecordError::Malformed(why.to_string());
        let document: Document<serde::de::IgnoredAny> =
            serde_json::from_slice(document).map_err(|error| malformed(&error))?;
        let bytes = hex::decode(document.envelope).map_err(|error| malformed(&error))?;
        let envelope = SignedEnvelope::from_protobuf_encoding(&bytes).map_err(|error| malformed(&error))?;
        let (payload, key) = envelope
            .payload_and_signing_key(DOMAIN.to_owned(), KIND)
            .map_err(|error| RelayRecordError::Forged(error.to_string()))?;
        let record: Self = serde_json::from_slice(payload).map_err(|error| malformed(&error))?;
        let signer = key.to_peer_id();
        if record.peer != signer.to_string() {
            return Err(RelayRecordError::Forged(format!("it is of {}, but {signer} signed it", record.peer)));
        }
        record.check(signer)
    }

    fn check(self, signer: PeerId) -> Result<Self, RelayRecordError> {
        let malformed = |why: String| Err(RelayRecordError::Malformed(why));
        if self.addresses.len() > Self::ADDRESSES || self.others.len() > Self::OTHERS {
            return malformed("it has too many addresses".to_owned());
        }
        for address in &self.addresses {
            if peer_of(address) != Some(signer) {
                return malformed(format!("{address} is not the address of {signer}"));
            }
        }
        match self.others.iter().find(|address| peer_of(address).is_none()) {
            Some(address) => malformed(format!("{address} has no peer id")),
            None => Ok(self),
        }
    }
}

/// The peer id at the end of a multiaddr.
fn peer_of(address: &str) -> Option<PeerId> {
    match address.parse::<Multiaddr>().ok()?.pop()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn key(seed: u8) -> Keypair {
        let secret = libp2p::identity::secp256k1::SecretKey::try_from_bytes([seed; 32]).expect("a key");
        libp2p::identity::secp256k1::Keypair::from(secret).into()
    }

    fn record(key: &Keypair) -> RelayRecord {
        let peer = key.public().to_peer_id().to_string();
        let addresses = vec![format!("/ip4/127.0.0.1/tcp/9223/ws/p2p/{peer}")];
        let others = vec![format!("/ip4/10.0.0.1/tcp/9223/ws/p2p/{}", self::key(9).public().to_peer_id())];
        let now = u64::try_from(NOW.as_millis()).unwrap();
        RelayRecord { chain: 10, peer, addresses, time_ms: now, expires_ms: now + 1000, others }
    }

    fn verify(document: &str) -> Result<RelayRecord, RelayRecordError> {
        RelayRecord::verify(document.as_bytes(), 10, NOW)
    }

    #[test]
    fn a_record_that_its_relay_signed_is_valid() {
        let record = record(&key(1));
        assert_eq!(verify(&record.sign(&key(1)).unwrap()), Ok(record));
    }

    #[test]
    fn a_record_that_another_key_signed_is_forged() {
        let document = record(&key(1)).sign(&key(2)).unwrap();
        assert_eq!(verify(&document).unwrap_err().code(), "forged_record");
    }

    #[test]
    fn a_changed_byte_of_the_envelope_makes_the_record_forged_or_malformed() {
        let document = record(&key(1)).sign(&key(1)).unwrap();
        let start = document.find("0x").unwrap() + 2;
        for at in (start..document.len() - 2).step_by(7) {
            let mut changed = document.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let error = RelayRecord::verify(&changed, 10, NOW).unwrap_err();
            assert!(["forged_record", "bad_record"].contains(&error.code()), "{at}: {error}");
        }
    }

    #[test]
    fn only_the_envelope_is_evaluated() {
        let record = record(&key(1));
        let document = record.sign(&key(1)).unwrap().replacen("127.0.0.1", "127.0.0.2", 1);
        assert_eq!(verify(&document), Ok(record));
    }

    #[test]
    fn a_record_of_another_chain_and_an_expired_record_are_refused() {
        let document = record(&key(1)).sign(&key(1)).unwrap();
        let foreign = RelayRecord::verify(document.as_bytes(), 11, NOW).unwrap_err();
        assert_eq!(foreign, RelayRecordError::Foreign { found: 10, expected: 11 });
        let end = NOW + Duration::from_secs(1) + RelayRecord::SKEW;
        assert!(RelayRecord::verify(document.as_bytes(), 10, end).is_ok());
        let late = RelayRecord::verify(document.as_bytes(), 10, end + Duration::from_secs(5)).unwrap_err();
        assert_eq!(late, RelayRecordError::Expired(Duration::from_secs(5)));
    }

    #[test]
    fn addresses_of_another_peer_are_refused_as_the_relays_own() {
        let mut stolen = record(&key(1));
        stolen.addresses = stolen.others.clone();
        assert_eq!(verify(&stolen.sign(&key(1)).unwrap()).unwrap_err().code(), "bad_record");
    }

    #[test]
    fn too_many_addresses_and_too_long_documents_are_refused() {
        let mut long = record(&key(1));
        long.others = vec![long.others[0].clone(); RelayRecord::OTHERS + 1];
        assert_eq!(verify(&long.sign(&key(1)).unwrap()).unwrap_err().code(), "bad_record");
        assert_eq!(verify(&" ".repeat(RelayRecord::MAX + 1)), Err(RelayRecordError::TooLong(RelayRecord::MAX + 1)));
        for text in ["", "{}", "[]", r#"{"record":{},"envelope":"0x"}"#, r#"{"record":{},"envelope":"0xff"}"#] {
            assert!(verify(text).is_err(), "{text}");
        }
    }
}
