//! The daemon `petrel` as tests start it: the path of its program, and its usual command lines.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::SystemTime,
};

use alloy_primitives::Address;

use crate::process::Process;

/// How to build a missing or outdated program, with the features of the tests, so that nothing is built twice.
const BUILD: &str = "cargo test --workspace --no-run --test native";

/// The path of the program: `PETREL_BIN`, else `petrel` of the profile of this test.
///
/// # Panics
/// It is not built, or one of its sources is newer.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(named) = env::var_os("PETREL_BIN") {
        return named.into();
    }
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT
        .get_or_init(built)
        .clone()
        .unwrap_or_else(|why| panic!("{why}; build it by `{BUILD}` (release: and `--release`)"))
}

/// `target/PROFILE/petrel`, seen from `target/PROFILE/deps/TEST` or `target/PROFILE/examples/EXAMPLE`.
fn built() -> Result<PathBuf, String> {
    let here = env::current_exe().map_err(|error| format!("this program's own path is unknown: {error}"))?;
    let profile = here.ancestors().nth(2).ok_or("this program is not in a target folder")?;
    let binary = profile.join(format!("petrel{}", env::consts::EXE_SUFFIX));
    let built = modified(&binary).ok_or_else(|| format!("there is no {}", binary.display()))?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let newer = ["core/src", "native/src"].into_iter().find_map(|sources| newer(&workspace.join(sources), built));
    newer.map_or(Ok(binary.clone()), |source| Err(format!("{} is older than {}", binary.display(), source.display())))
}

/// A file in this folder that is newer than the program.
fn newer(folder: &Path, than: SystemTime) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).find_map(|path| {
        let changed = || modified(&path).is_some_and(|changed| changed > than);
        if path.is_dir() { newer(&path, than) } else { changed().then(|| path.clone()) }
    })
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// `petrel` with these arguments and without the caller's environment variables.
#[must_use]
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PETREL_") || name.starts_with("OP_NODE_")) {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// `petrel node` on loopback with JSON events, for the chain of this file, whose blocks `signer` signs.
#[must_use]
pub fn node(rollup: &Path, signer: Address, datadir: &Path) -> Command {
    let mut command = command(&["node", "--p2p.listen.ip=127.0.0.1", "--events=json"]);
    command.arg("--rollup.config").arg(rollup).arg("--datadir").arg(datadir);
    command.args(["--p2p.unsafe-block-signer", &signer.to_string()]);
    command
}

/// Starts `petrel` with JSON events.
///
/// # Panics
/// It cannot be started.
#[must_use]
pub fn start(args: &[&str]) -> Process {
    Process::start("petrel", command(args).args(["--events", "json"]))
}

/// Runs `petrel` until it exits.
///
/// # Panics
/// It cannot be started.
#[must_use]
pub fn output(args: &[&str]) -> Output {
    command(args).output().expect("petrel starts")
}

/// Its exit status and what it wrote to stderr.
///
/// # Panics
/// It cannot be started, or its output is not UTF-8.
#[must_use]
pub fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = output(args);
    (output.status.code(), String::from_utf8(output.stderr).expect("text on stderr"))
}
