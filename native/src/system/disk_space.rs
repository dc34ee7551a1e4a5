//! Free space of a disk.

use std::path::Path;

/// Bytes that an ordinary user may still write to the disk of this directory; `None` if the system does not tell.
pub(crate) fn free_bytes(directory: &Path) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return rustix::fs::statvfs(directory).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(target_os = "linux"))]
    {
        let _asked = directory;
        None
    }
}
