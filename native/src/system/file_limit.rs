//! How many files and connections the process may have open.

/// Takes as many as the system allows: the usual 1,024 are few for a relay of browsers. What cannot be had is said.
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
