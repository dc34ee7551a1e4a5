//! What a relay says of itself to browsers, signed by its node key: `/.well-known/petrel.json`.
//!
//! The document is JSON: `record`, for people to read, and `envelope`, the same text in a libp2p signed envelope (RFC 0002),
//! as 0x-hex of its protobuf. Only what is in the envelope counts. A record proves where a peer id is and what it thinks the
//! time is, and nothing of blocks: those are verified whoever brings them.
//!
//! Bounds: a document of [`RelayRecord::MAX`] bytes, [`RelayRecord::ADDRESSES`] of its own and [`RelayRecord::OTHERS`] of others.

use core::time::Duration;

use alloy_primitives::hex;
use libp2p::{
    Multiaddr, PeerId,
    core::SignedEnvelope,
    identity::{Keypair, SigningError},
    multiaddr::Protocol,
};
use serde::{Deserialize, Serialize};

/// Parts this from all else that the key signs.
const DOMAIN: &str = "petrel-relay-record";
const KIND: &[u8] = b"/petrel/relay-record/1";

/// What a relay says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRecord {
    /// The id of the chain that it follows.
    pub chain: u64,
    /// Its peer id.
    pub peer: String,
    /// Where browsers can dial it: multiaddrs with its peer id, and with the certificates' hashes where it signs its own.
    pub addresses: Vec<String>,
    /// Unix milliseconds by its clock when this was signed.
    pub time_ms: u64,
    /// Unix milliseconds after which this is worth nothing.
    pub expires_ms: u64,
    /// Other relays that it is connected to, as multiaddrs with their peer ids; not vouched for.
    pub others: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Document<R> {
    record: R,
    envelope: String,
}

/// Why a document is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayRecordError {
    /// Longer than any honest one.
    #[error("the record has {0} bytes, more than {max}", max = RelayRecord::MAX)]
    TooLong(usize),
    /// It cannot be read.
    #[error("this is no relay's record: {0}")]
    Malformed(String),
    /// The signature is wrong, or is another peer's than the record's.
    #[error("the record is forged: {0}")]
    Forged(String),
    /// It is of another chain.
    #[error("the relay follows chain {found}, not {expected}")]
    Foreign {
        /// The record's.
        found: u64,
        /// Ours.
        expected: u64,
    },
    /// Its time is over.
    #[error("the record ended {} s ago, or this device's clock is ahead", .0.as_secs())]
    Expired(Duration),
}

impl RelayRecordError {
    /// Stable, for programs.
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
    /// Bytes of a document at most.
    pub const MAX: usize = 64 << 10;
    /// Addresses of the relay itself at most.
    pub const ADDRESSES: usize = 16;
    /// Addresses of others at most.
    pub const OTHERS: usize = 16;
    /// How long a record is worth something: certificates are told at least eleven days ahead, addresses change seldom.
    pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);
    /// By so much a browser's clock may be ahead: many are minutes off.
    pub const SKEW: Duration = Duration::from_secs(600);

    /// The document, as it is served.
    ///
    /// # Errors
    /// A kind of key that cannot sign.
    pub fn sign(&self, key: &Keypair) -> Result<String, SigningError> {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        let envelope = SignedEnvelope::new(key, DOMAIN.to_owned(), KIND.to_vec(), payload)?;
        let envelope = hex::encode_prefixed(envelope.into_protobuf_encoding());
        Ok(serde_json::to_string(&Document { record: self, envelope }).unwrap_or_default())
    }

    /// Reads a document that should be of a relay of this chain; `now` is since the Unix epoch.
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

    /// What was signed, by whom it should be.
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
            return Err(RelayRecordError::Forged(format!("it is of {}, and {signer} signed it", record.peer)));
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
            Some(address) => malformed(format!("{address} names no peer")),
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
    fn what_a_relay_signs_is_believed() {
        let record = record(&key(1));
        assert_eq!(verify(&record.sign(&key(1)).unwrap()), Ok(record));
    }

    #[test]
    fn what_another_key_signs_is_forged() {
        let document = record(&key(1)).sign(&key(2)).unwrap();
        assert_eq!(verify(&document).unwrap_err().code(), "forged_record");
    }

    #[test]
    fn one_changed_byte_of_the_envelope_is_forged_or_no_record() {
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
    fn what_is_there_to_read_does_not_count() {
        let record = record(&key(1));
        let document = record.sign(&key(1)).unwrap().replacen("127.0.0.1", "127.0.0.2", 1);
        assert_eq!(verify(&document), Ok(record));
    }

    #[test]
    fn another_chains_and_an_old_one_are_refused() {
        let document = record(&key(1)).sign(&key(1)).unwrap();
        let foreign = RelayRecord::verify(document.as_bytes(), 11, NOW).unwrap_err();
        assert_eq!(foreign, RelayRecordError::Foreign { found: 10, expected: 11 });
        let end = NOW + Duration::from_secs(1) + RelayRecord::SKEW;
        assert!(RelayRecord::verify(document.as_bytes(), 10, end).is_ok());
        let late = RelayRecord::verify(document.as_bytes(), 10, end + Duration::from_secs(5)).unwrap_err();
        assert_eq!(late, RelayRecordError::Expired(Duration::from_secs(5)));
    }

    #[test]
    fn addresses_of_others_cannot_pass_for_the_relays_own() {
        let mut stolen = record(&key(1));
        stolen.addresses = stolen.others.clone();
        assert_eq!(verify(&stolen.sign(&key(1)).unwrap()).unwrap_err().code(), "bad_record");
    }

    #[test]
    fn too_much_is_refused() {
        let mut long = record(&key(1));
        long.others = vec![long.others[0].clone(); RelayRecord::OTHERS + 1];
        assert_eq!(verify(&long.sign(&key(1)).unwrap()).unwrap_err().code(), "bad_record");
        assert_eq!(verify(&" ".repeat(RelayRecord::MAX + 1)), Err(RelayRecordError::TooLong(RelayRecord::MAX + 1)));
        for text in ["", "{}", "[]", r#"{"record":{},"envelope":"0x"}"#, r#"{"record":{},"envelope":"0xff"}"#] {
            assert!(verify(text).is_err(), "{text}");
        }
    }
}
