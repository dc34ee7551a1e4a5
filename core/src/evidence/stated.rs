//! The document as it is written. Strings are borrowed from it where JSON allows, and lists have a fixed length: what is
//! allocated does not exceed the document.

use std::borrow::Cow;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use super::fault::EvidenceFault;

/// The `kind` of the document.
pub const KIND: &str = "petrel-equivocation";
/// The version of the document, `v`.
pub const VERSION: u64 = 1;
/// Maximum length of a document, bytes: two messages of 10 MiB as hex are 40 MiB; the rest is for white space and for
/// keys that other programs add.
pub const MAX_BYTES: usize = 48 << 20;

#[derive(Deserialize, Serialize)]
pub(super) struct StatedEvidence<'a> {
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) v: u64,
    pub(super) chain: u64,
    pub(super) signer: Address,
    pub(super) number: u64,
    #[serde(borrow)]
    pub(super) blocks: (StatedBlock<'a>, StatedBlock<'a>),
}

#[derive(Deserialize, Serialize)]
pub(super) struct StatedBlock<'a> {
    #[serde(borrow)]
    pub(super) version: Cow<'a, str>,
    pub(super) hash: B256,
    #[serde(borrow)]
    pub(super) message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StatedKind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StatedVersion {
    v: u64,
}

/// Whether these bytes are a JSON object with this `kind`: a document to judge, of any version and however wrong.
pub fn is_evidence(json: &[u8]) -> bool {
    kind(json).is_some_and(|kind| kind == KIND)
}

fn kind(json: &[u8]) -> Option<Cow<'_, str>> {
    serde_json::from_slice::<StatedKind<'_>>(json).ok().map(|stated| stated.kind)
}

impl<'a> StatedEvidence<'a> {
    /// Reads a document of this kind and version.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, EvidenceFault> {
        if kind(json).is_some_and(|kind| kind != KIND) {
            return Err(EvidenceFault::malformed(format_args!("`kind` is not {KIND:?}")));
        }
        let version: StatedVersion = serde_json::from_slice(json).map_err(EvidenceFault::malformed)?;
        if version.v != VERSION {
            return Err(EvidenceFault::malformed(format_args!("`v` is {}, this program reads {VERSION}", version.v)));
        }
        serde_json::from_slice(json).map_err(EvidenceFault::malformed)
    }
}
