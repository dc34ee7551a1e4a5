//! Checks flags and collects all errors. The files of the flag groups add a method for each group.

use std::net::IpAddr;

use crate::cli::logging;

/// Collects errors; the values that it returns are valid only if there are none.
#[derive(Default)]
pub(crate) struct FlagChecker(pub(crate) Vec<String>);

impl FlagChecker {
    /// The value; an error is recorded under the flag's name, and a default takes the value's place.
    pub(crate) fn take<T: Default>(&mut self, flag: &str, value: Result<T, String>) -> T {
        value.unwrap_or_else(|error| {
            self.0.push(format!("--{flag}: {error}"));
            T::default()
        })
    }

    /// A whole number. Instead of an invalid one `default` is returned, so that it is not reported as out of range too.
    pub(super) fn number(&mut self, flag: &str, text: &str, default: usize) -> usize {
        let number = text.trim().parse().map(Some).map_err(|_| format!("{text:?} is no number"));
        self.take(flag, number).unwrap_or(default)
    }

    pub(crate) fn ip(&mut self, flag: &str, text: &str) -> Option<IpAddr> {
        let invalid = |_| self.0.push(format!("--{flag}: {text:?} is no IP address"));
        text.trim().parse().map_err(invalid).ok()
    }

    pub(crate) fn log_level(&mut self, text: Option<&str>) {
        if let Some(text) = text
            && let Err(error) = logging::filter(Some(text), "info")
        {
            self.0.push(format!("--log.level: {text:?}: {error}"));
        }
    }
}
