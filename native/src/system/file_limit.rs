//! The limit of open files and connections.

/// Raises the soft limit to the hard one: the usual 1,024 are too few for a relay of browsers. A failure is logged.
pub(crate) fn raise_limit() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
}
