//! The core's rules that no compiler checks: it is the same on every target, and outside `net` it has no clock, no
//! randomness, no task and no lock. A run can be recorded and replayed only as long as this holds.
//!
//! Two checks: the text of `core/src` without comments, and the packages that the core alone depends on.
//! Clippy's `disallowed-methods` in `core/.clippy.toml` repeats a part of it with resolved names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::shell::{Shell, read};

/// Forbidden in files that use ssz_rs: it may encode, but not decode bytes from peers, because it allocates before it checks.
const WITH_SSZ: &str = "deserialize";

/// Forbidden in the core: it is the same for all targets.
const NOWHERE: [&str; 8] = [
    "target_arch",
    "target_env",
    "target_family",
    "target_feature",
    "target_os",
    "target_vendor",
    "cfg(unix)",
    "cfg(windows)",
];

/// Allowed only in `net`, which is the interface to libp2p and not pure.
const NET_ALONE: [&str; 19] = [
    "Instant::now",
    "time::Instant",
    "SystemTime",
    "rand",
    "rand_core",
    "getrandom",
    "OsRng",
    "thread_rng",
    "spawn",
    "thread",
    "tokio",
    "async",
    "await",
    "impl Future",
    "dyn Future",
    "Mutex",
    "RwLock",
    "Condvar",
    "mpsc",
];

/// Targets on which the core must not depend on tokio.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "wasm32-unknown-unknown"];

/// Fails with every place that breaks a rule.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    let source = shell.root().join("core/src");
    let mut files = Vec::new();
    collect(&source, &mut files)?;
    files.sort();
    let mut broken = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let net = file.starts_with(source.join("net")) || *file == source.join("net.rs");
        for (line, word) in offences(&text, net) {
            broken.push(format!("{}:{line}: `{word}`", file.strip_prefix(shell.root())?.display()));
        }
    }
    ensure!(broken.is_empty(), "the core must be pure (see .xtask/src/purity.rs):\n{}", broken.join("\n"));
    println!(
        "core/src: {} files without a target, and outside `net` without clock, randomness, task or lock",
        files.len()
    );
    TARGETS.iter().try_for_each(|target| no_tokio(shell, target))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The forbidden words of a file, each with its line.
fn offences(text: &str, net: bool) -> Vec<(usize, &'static str)> {
    let ssz = text.contains("ssz_rs").then_some(WITH_SSZ);
    let words = || NOWHERE.into_iter().chain(ssz).chain(NET_ALONE.into_iter().filter(|_| !net));
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    let lines = code.enumerate();
    lines
        .flat_map(|(at, code)| words().filter(move |word| contains(code, word)).map(move |word| (at + 1, word)))
        .collect()
}

/// Whether `code` contains `word` as a whole word.
fn contains(code: &str, word: &str) -> bool {
    let letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = code.as_bytes();
    code.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !letter(before) && !letter(bytes.get(at + word.len()))
    })
}

/// Checks the core alone: other packages of a workspace build may enable tokio in a shared dependency.
fn no_tokio(shell: &Shell, target: &str) -> Result<()> {
    let args = ["tree", "--package", "petrel-core", "--edges", "normal", "--prefix", "none", "--target", target];
    let tree = read(&mut shell.cargo(args))?;
    let tokio: Vec<&str> =
        tree.lines().filter(|line| line.starts_with("tokio ") || line.starts_with("tokio-")).collect();
    ensure!(tokio.is_empty(), "petrel-core depends on {} for {target}", tokio.join(", "));
    ensure!(tree.starts_with("petrel-core "), "cargo tree did not show petrel-core:\n{tree}");
    println!("petrel-core has no tokio on {target}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::offences;

    #[test]
    fn words_are_whole_and_comments_are_free() {
        assert_eq!(offences("let operand = brand; // rand\n/// No tokio.", false), []);
        assert_eq!(offences("type Instant = Nanos;\nFault::Future", false), []);
        assert_eq!(offences("\nuse rand::Rng;", false), [(2, "rand")]);
        assert_eq!(offences("use ssz_rs::Decode as _;\nPayload::deserialize(bytes)", true), [(2, "deserialize")]);
        assert_eq!(offences("std::time::Instant::now()", false), [(1, "Instant::now"), (1, "time::Instant")]);
    }

    #[test]
    fn net_may_do_more_but_knows_no_target_either() {
        assert_eq!(offences("async fn run() {}", true), []);
        assert_eq!(offences("#[cfg(not(target_arch = \"wasm32\"))]", true), [(1, "target_arch")]);
    }
}
