//! The path by which the control socket is bound and connected to. A socket's address has room for some hundred bytes, a data
//! directory's path may have thousands: on Linux a longer path is replaced by one through an open descriptor of the directory.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Bytes of a socket's path at most: `sun_path` without its final zero (108 on Linux, 104 on BSD and macOS).
const MAX_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// See the module.
#[derive(Debug)]
pub(super) struct SocketPath {
    path: PathBuf,
    /// Open as long as the path is used.
    _directory: Option<File>,
}

impl SocketPath {
    /// The path of the file `name` in a directory.
    ///
    /// # Errors
    /// It is too long, and cannot be replaced; or the directory cannot be opened.
    pub(super) fn new(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        if path.as_os_str().len() <= MAX_PATH {
            return Ok(Self { path, _directory: None });
        }
        Self::through_descriptor(directory, name)
    }

    /// What to bind or to connect to.
    pub(super) fn as_path(&self) -> &Path {
        &self.path
    }

    #[cfg(target_os = "linux")]
    fn through_descriptor(directory: &Path, name: &str) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        const DESCRIPTORS: &str = "/proc/self/fd";
        let opened = File::open(directory)?;
        if !Path::new(DESCRIPTORS).exists() {
            return Err(too_long(directory, name));
        }
        let path = PathBuf::from(format!("{DESCRIPTORS}/{}/{name}", opened.as_raw_fd()));
        Ok(Self { path, _directory: Some(opened) })
    }

    #[cfg(not(target_os = "linux"))]
    fn through_descriptor(directory: &Path, name: &str) -> io::Result<Self> {
        Err(too_long(directory, name))
    }
}

/// The error of a path that is too long.
fn too_long(directory: &Path, name: &str) -> io::Error {
    let length = directory.join(name).as_os_str().len();
    let text = format!("the path has {length} bytes, and a socket's has {MAX_PATH} at most: give a shorter --datadir");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::net::{UnixListener, UnixStream},
    };

    use super::*;

    #[test]
    fn a_short_path_is_used_as_it_is_and_the_error_of_a_long_one_says_what_to_do() {
        let path = SocketPath::new(Path::new("/tmp/x"), "petrel.sock").unwrap();
        assert_eq!(path.as_path(), Path::new("/tmp/x/petrel.sock"));
        let error = too_long(&Path::new("/").join("x".repeat(200)), "petrel.sock").to_string();
        assert!(error.contains("the path has 213 bytes") && error.contains("a shorter --datadir"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_long_path_is_bound_and_connected_to() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(200)).join("y".repeat(200));
        fs::create_dir_all(&deep).unwrap();
        let _listener = UnixListener::bind(SocketPath::new(&deep, "new").unwrap().as_path()).unwrap();
        fs::rename(deep.join("new"), deep.join("petrel.sock")).unwrap();
        assert!(UnixStream::connect(SocketPath::new(&deep, "petrel.sock").unwrap().as_path()).is_ok());
        let missing = SocketPath::new(&deep.join("z".repeat(200)), "petrel.sock").unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
