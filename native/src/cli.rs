//! What the operator writes: flags ([`flags`]), their environment variables ([`env`]), the values in them ([`parse`]), and the
//! settings that follow from all of them ([`settings`]), with every mistake named at once.

pub mod env;
pub mod flags;
pub mod logging;
pub mod parse;
pub mod settings;
