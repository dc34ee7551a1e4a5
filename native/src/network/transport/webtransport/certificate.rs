//! The certificates of a listener: self-signed, short-lived, and derived from the node's key and the time.
//!
//! A browser accepts a certificate by its hash if it is ECDSA over P-256 and valid for at most 14 days (W3C
//! WebTransport, "custom certificate requirements"). So time is divided into periods; each has its certificate, and an address
//! holds the hashes of this period and the next: it can be dialled until the next period ends. The keys are derived from the
//! node's key and signatures follow RFC 6979, so that a restart, even on another machine, has the same hashes, and nothing
//! is stored. Periods of different nodes begin at different times.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libp2p::{identity::Keypair, multihash::Multihash};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    pkcs8::EncodePrivateKey,
};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SignatureAlgorithm,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::address::{CertificateHash, sha256_multihash};

/// How long a certificate is served: with [`SLACK`] on both sides it is valid for 13 of the 14 days that browsers allow.
pub const PERIOD: Duration = Duration::from_secs(11 * 24 * 3600);
/// How long a certificate is valid before and after its period, for browsers with a wrong clock.
pub const SLACK: Duration = Duration::from_secs(24 * 3600);
/// Domain separator for the secrets that are derived from the node's key.
const DOMAIN: &[u8] = b"petrel webtransport certificate";

/// Which certificate is served when, and the other secrets that are derived from the node's key.
#[derive(Clone)]
pub struct CertificateSchedule {
    secret: Zeroizing<[u8; 32]>,
    period: Duration,
    /// Where this node's periods begin.
    offset: Duration,
}

impl std::fmt::Debug for CertificateSchedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateSchedule").field("period", &self.period).finish_non_exhaustive()
    }
}

/// The certificate of one period.
pub struct PeriodCertificate {
    /// X.509.
    pub der: Vec<u8>,
    /// Its secret key, PKCS #8.
    pub key: Zeroizing<Vec<u8>>,
    /// Its SHA-256, as in an address.
    pub hash: Multihash<64>,
}

impl CertificateSchedule {
    /// The schedule of the node with this key; a certificate is served for `period`: one second to [`PERIOD`].
    ///
    /// # Errors
    /// No secret can be derived from this kind of key (RSA).
    pub fn new(identity: &Keypair, period: Duration) -> io::Result<Self> {
        let secret = identity.derive_secret(DOMAIN).map(Zeroizing::new);
        let secret = secret.ok_or_else(|| io::Error::other("no certificate can be derived from this kind of key"))?;
        let period = period.clamp(Duration::from_secs(1), PERIOD);
        let start: [u8; 32] = Sha256::digest(secret.as_slice()).into();
        let start = start.iter().take(8).fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte));
        Ok(Self { secret, period, offset: Duration::from_secs(start % period.as_secs()) })
    }

    /// The number of the period that contains `now`, counted from the epoch.
    pub fn number(&self, now: SystemTime) -> u64 {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default() + self.offset;
        since.as_secs() / self.period.as_secs()
    }

    /// The time until the next period begins.
    pub(super) fn time_left(&self, now: SystemTime) -> Duration {
        self.begin(self.number(now) + 1).duration_since(now).unwrap_or_default()
    }

    fn begin(&self, number: u64) -> SystemTime {
        let since = Duration::from_secs(number.saturating_mul(self.period.as_secs()));
        UNIX_EPOCH + since.saturating_sub(self.offset)
    }

    /// The certificate of a period.
    ///
    /// # Errors
    /// It cannot be encoded; never observed.
    pub fn certificate(&self, number: u64) -> io::Result<PeriodCertificate> {
        let key = self.key(number)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "petrel");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.serial_number = Some(number.into());
        params.not_before = (self.begin(number) - SLACK).into();
        params.not_after = (self.begin(number + 1) + SLACK).into();
        // The name is not verified when a hash is given, but some verifiers require one.
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().map_err(io::Error::other)?)];
        let pkcs8 = key.to_pkcs8_der().map_err(|_| io::Error::other("the P-256 key cannot be encoded"))?;
        let der = params.self_signed(&CertificateSigner::new(&key)).map_err(io::Error::other)?.der().to_vec();
        let hash = sha256_multihash(Sha256::digest(&der).into());
        Ok(PeriodCertificate { der, key: Zeroizing::new(pkcs8.as_bytes().to_vec()), hash })
    }

    /// The hash of a period's certificate.
    ///
    /// # Errors
    /// As [`Self::certificate`].
    pub(super) fn hash(&self, number: u64) -> io::Result<CertificateHash> {
        Ok(self.certificate(number)?.hash)
    }

    /// Derives a separate secret for each purpose.
    pub(super) fn secret(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(Sha256::digest([self.secret.as_slice(), purpose.as_bytes()].concat()).into())
    }

    /// Nearly every string of 32 bytes is a key of P-256; the few that are not are skipped.
    fn key(&self, number: u64) -> io::Result<SecretKey> {
        let seed = |attempt: u8| -> Zeroizing<[u8; 32]> {
            let parts =
                [self.secret.as_slice(), &self.period.as_secs().to_be_bytes(), &number.to_be_bytes(), &[attempt]];
            Zeroizing::new(Sha256::digest(parts.concat()).into())
        };
        let key = (0..=u8::MAX).find_map(|attempt| SecretKey::from_slice(seed(attempt).as_slice()).ok());
        key.ok_or_else(|| io::Error::other("no P-256 key can be derived from the node's key"))
    }
}

/// Signs for rcgen, which is built without cryptography.
struct CertificateSigner {
    key: SigningKey,
    point: Vec<u8>,
}

impl CertificateSigner {
    fn new(secret: &SecretKey) -> Self {
        let key = SigningKey::from(secret);
        let point = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Self { key, point }
    }
}

impl PublicKeyData for CertificateSigner {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for CertificateSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn schedule() -> CertificateSchedule {
        let key = libp2p::identity::secp256k1::SecretKey::try_from_bytes([7; 32]).expect("a key");
        let identity = Keypair::from(libp2p::identity::secp256k1::Keypair::from(key));
        CertificateSchedule::new(&identity, PERIOD).expect("a schedule")
    }

    fn day(day: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(20_000 * DAY + day * DAY)
    }

    #[test]
    fn a_restart_has_the_same_certificates() {
        let number = schedule().number(day(0));
        assert_eq!(schedule().certificate(number).unwrap().der, schedule().certificate(number).unwrap().der);
    }

    #[test]
    fn each_period_has_a_certificate_of_its_own() {
        let schedule = schedule();
        let hashes: Vec<_> = (0..40).map(|number| schedule.hash(number).unwrap()).collect();
        let mut once = hashes.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), hashes.len());
    }

    #[test]
    fn an_address_can_be_dialled_for_eleven_days_at_least() {
        let schedule = schedule();
        for from in 0..30 {
            let announced = [0, 1].map(|next| schedule.number(day(from)) + next);
            for later in 0..=11 {
                assert!(
                    announced.contains(&schedule.number(day(from + later))),
                    "announced on day {from}, dialled {later} days later"
                );
            }
        }
    }

    #[test]
    fn a_served_certificate_is_valid_for_less_than_fourteen_days() {
        let schedule = schedule();
        for at in 0..30 {
            let number = schedule.number(day(at));
            let (from, to) = (schedule.begin(number) - SLACK, schedule.begin(number + 1) + SLACK);
            assert!(from + SLACK <= day(at) && day(at) + SLACK <= to);
            assert!(to.duration_since(from).unwrap() < Duration::from_secs(14 * DAY));
        }
    }

    #[test]
    fn the_time_left_ends_at_the_next_period() {
        let schedule = schedule();
        let now = day(3);
        let next = now + schedule.time_left(now);
        assert_eq!(schedule.number(next), schedule.number(now) + 1);
        assert_eq!(schedule.number(next - Duration::from_secs(1)), schedule.number(now));
    }

    #[test]
    fn a_rustls_server_accepts_it() {
        let schedule = schedule();
        let made = schedule.certificate(schedule.number(day(0))).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.key.to_vec());
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        builder.with_no_client_auth().with_single_cert(vec![made.der.into()], key.into()).unwrap();
    }
}
