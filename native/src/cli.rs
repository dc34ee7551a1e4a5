//! What the operator writes: flags ([`flags`]) with their environment variables ([`env`]), the values in them ([`parse`]), and the
//! settings that result from all of them ([`settings`]), with every error reported at once. [`op_node`] has the flags of op-node that
//! Petrel does not use. [`logging`] sets the level of logs, and
//! `usage` is the text of `petrel` without arguments.

pub mod env;
pub mod flags;
pub mod logging;
pub mod op_node;
pub mod parse;
pub mod settings;
pub(crate) mod usage;
