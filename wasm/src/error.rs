//! What can go wrong before there are events: one code a mistake, for programs; message and remedy, for people.
//!
//! JavaScript gets a plain object `{code, message, remedy}`; the npm package makes its `PetrelError` of it. The codes are
//! part of the package's public interface.

use serde::Serialize;
use wasm_bindgen::JsValue;

/// A typed error as JavaScript sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// Stable, snake_case.
    pub(crate) code: &'static str,
    /// What is wrong, with every mistake of its kind.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: &'static str,
}

impl Error {
    pub(crate) fn new(code: &'static str, message: impl Into<String>, remedy: &'static str) -> Self {
        Self { code, message: message.into(), remedy }
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let json = serde_json::to_string(&error).unwrap_or_default();
        js_sys::JSON::parse(&json).unwrap_or_else(|_| Self::from_str(&error.message))
    }
}
