//! Why the program cannot start. Exit status 2.

/// One sentence per error, each with its remedy; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);
