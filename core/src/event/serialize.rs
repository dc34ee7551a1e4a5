//! Serialisation of protocol values in events.

use serde::Serializer;

use crate::fork::Version;

/// As text: `V1` to `V4`.
pub(super) fn version<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}
