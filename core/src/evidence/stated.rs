//! The document as it is written, and as it is read: by [`Json`], which keeps nothing but its fields.

use std::borrow::Cow;

use alloy_primitives::{Address, B256};
use serde::Serialize;

use super::{
    fault::EvidenceFault,
    json::{Json, JsonObject},
};

/// The `kind` of the document.
pub const KIND: &str = "petrel-equivocation";
/// The version of the document, `v`.
pub const VERSION: u64 = 1;
/// Maximum length of a document, bytes: two messages of 10 MiB as hex are 40 MiB; the rest is for white space and for
/// keys that other programs add.
pub const MAX_BYTES: usize = 48 << 20;

#[derive(Serialize)]
pub(super) struct StatedEvidence<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) v: u64,
    pub(super) chain: u64,
    pub(super) signer: Address,
    pub(super) number: u64,
    pub(super) blocks: [StatedBlock<'a>; 2],
}

#[derive(Serialize)]
pub(super) struct StatedBlock<'a> {
    pub(super) version: Cow<'a, str>,
    pub(super) hash: B256,
    pub(super) message: Cow<'a, str>,
}

/// Whether these bytes are a JSON object with this `kind`: a document to judge, of any version and however wrong.
pub fn is_evidence(json: &[u8]) -> bool {
    let document = Json::read(json);
    matches!(&document, Ok(Json::Object(fields)) if is_text(fields, "kind", KIND))
}

fn is_text(fields: &JsonObject<'_>, key: &str, wanted: &str) -> bool {
    matches!(fields.get(key), Some(Json::Text(text)) if text == wanted)
}

impl<'a> StatedEvidence<'a> {
    /// Reads a document of this kind and version.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, EvidenceFault> {
        let document = Json::read(json).map_err(EvidenceFault::malformed)?;
        let fields = StatedFields::of(&document, "document")?;
        if !is_text(fields.object, "kind", KIND) {
            return Err(EvidenceFault::malformed(format_args!("`kind` is not {KIND:?}")));
        }
        let v = fields.number("v")?;
        if v != VERSION {
            return Err(EvidenceFault::malformed(format_args!("`v` is {v}, this program reads {VERSION}")));
        }
        let Some(Json::Pair(pair)) = fields.object.get("blocks") else { return Err(fields.wrong("blocks")) };
        let [first, second] = pair.as_ref();
        Ok(Self {
            kind: KIND.into(),
            v,
            chain: fields.number("chain")?,
            signer: fields.hex("signer")?,
            number: fields.number("number")?,
            blocks: [StatedBlock::of(first, "first block")?, StatedBlock::of(second, "second block")?],
        })
    }
}

impl<'a> StatedBlock<'a> {
    fn of(json: &Json<'a>, place: &'static str) -> Result<Self, EvidenceFault> {
        let fields = StatedFields::of(json, place)?;
        Ok(Self { version: fields.text("version")?, hash: fields.hex("hash")?, message: fields.text("message")? })
    }
}

/// The fields of an object, and what it is, for errors.
struct StatedFields<'f, 'a> {
    object: &'f JsonObject<'a>,
    place: &'static str,
}

impl<'f, 'a> StatedFields<'f, 'a> {
    fn of(json: &'f Json<'a>, place: &'static str) -> Result<Self, EvidenceFault> {
        match json {
            Json::Object(object) => Ok(Self { object, place }),
            _ => Err(EvidenceFault::malformed(format_args!("the {place} is no object"))),
        }
    }

    fn wrong(&self, key: &str) -> EvidenceFault {
        EvidenceFault::malformed(format_args!("`{key}` of the {} is missing or malformed", self.place))
    }

    fn number(&self, key: &str) -> Result<u64, EvidenceFault> {
        match self.object.get(key) {
            Some(Json::Number(number)) => Ok(*number),
            _ => Err(self.wrong(key)),
        }
    }

    fn text(&self, key: &str) -> Result<Cow<'a, str>, EvidenceFault> {
        match self.object.get(key) {
            Some(Json::Text(text)) => Ok(text.clone()),
            _ => Err(self.wrong(key)),
        }
    }

    fn hex<T: core::str::FromStr>(&self, key: &str) -> Result<T, EvidenceFault> {
        self.text(key)?.parse().map_err(|_| self.wrong(key))
    }
}
