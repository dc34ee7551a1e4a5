//! Reads a JSON document of three levels: an object, in it a list of two, in that objects. Everything deeper, and each
//! key that is not asked for, is skipped: what is kept does not exceed a few strings, which are borrowed where possible.
//!
//! It is no derived `Deserialize` because serde's errors print any value, also floating-point numbers: code and tables
//! that make the module of the npm package's `petrel/verify` larger by a tenth.

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The keys that are kept.
const KEYS: [&str; 9] = ["kind", "v", "chain", "signer", "number", "blocks", "version", "hash", "message"];

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    /// A list of exactly two.
    Pair(Box<[Json<'a>; 2]>),
    Object(JsonObject<'a>),
    /// Any other value, and what is too deep.
    Other,
}

/// The kept keys of an object: at most one entry each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct JsonObject<'a>(Vec<(&'static str, Json<'a>)>);

impl<'a> JsonObject<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl<'a> Json<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// It is no JSON, nested more than 128 levels deep, or has a kept key twice.
    pub(super) fn read(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let document = Level(0).deserialize(&mut reader)?;
        reader.end()?;
        Ok(document)
    }
}

/// How deep a value is: objects are kept in level 0 and 2, lists in level 1.
#[derive(Clone, Copy)]
struct Level(u8);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        let mut two = [None, None];
        if self.0 == 1 {
            for item in &mut two {
                *item = list.next_element_seed(Self(2))?;
            }
        }
        let mut more = false;
        while list.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(match two {
            [Some(first), Some(second)] if !more => Json::Pair(Box::new([first, second])),
            _ => Json::Other,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut object = JsonObject::default();
        while let Some(key) = map.next_key_seed(KeptKey)? {
            match key.filter(|_| self.0 == 0 || self.0 == 2) {
                None => _ = map.next_value::<IgnoredAny>()?,
                Some(key) if object.get(key).is_some() => return Err(A::Error::custom(format_args!("`{key}` twice"))),
                Some(key) => object.0.push((key, map.next_value_seed(Self(self.0 + 1))?)),
            }
        }
        Ok(if self.0 == 0 || self.0 == 2 { Json::Object(object) } else { Json::Other })
    }
}

/// A key of an object: the kept one, or none.
struct KeptKey;

impl<'de> DeserializeSeed<'de> for KeptKey {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // Keys of JSON are always text.
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeptKey {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(KEYS.into_iter().find(|key| *key == text))
    }
}
