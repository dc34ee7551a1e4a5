//! Missing programs of a machine. Small ones are installed; for the others the error has the command that installs them.
//!
//! Installed are rustup's wasm target and components, the page's npm packages, and (for tests, as root on Debian) Chromium,
//! Firefox and Prometheus.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::shell::{Shell, find, read, run, succeeds};

const WASM: &str = "wasm32-unknown-unknown";
/// The oldest Node of each release line that runs the page's tools and the wasm tests; newer release lines work too.
const NODE: [(u32, u32); 2] = [(20, 19), (22, 12)];
/// The oldest Go that builds the interop peers: `tests/interop/go-libp2p/newest.mod` requires it. An older Go downloads it.
const GO: &str = "1.26.6";

/// The wasm target of Rust, for the page.
pub(crate) fn wasm(shell: &Shell) -> Result<()> {
    if has_wasm(shell) {
        return Ok(());
    }
    ensure!(
        find(&["rustup"]).is_some(),
        "Rust's standard library for {WASM} is missing and there is no rustup to add it.\n\
         Install rustup, or the package of your system that has the library (Debian: libstd-rust-dev-wasm32)."
    );
    run(&mut shell.command("rustup", ["target", "add", WASM]))
}

fn has_wasm(shell: &Shell) -> bool {
    let libraries = read(&mut shell.command("rustc", ["--print", "target-libdir", "--target", WASM]));
    libraries.is_ok_and(|dir| fs::read_dir(dir.trim()).is_ok_and(|mut files| files.next().is_some()))
}

/// A component of the toolchain, by the name of its program.
pub(crate) fn component(shell: &Shell, name: &str, program: &str) -> Result<()> {
    if succeeds(&mut shell.command(program, ["--version"])) {
        return Ok(());
    }
    ensure!(
        find(&["rustup"]).is_some(),
        "{program} is missing and there is no rustup to add it; install your system's package"
    );
    run(&mut shell.command("rustup", ["component", "add", name]))
}

/// Node, npm, and the packages of `www/package-lock.json`: installed again only when that file has changed.
pub(crate) fn npm(shell: &Shell) -> Result<()> {
    node(shell)?;
    let www = shell.www();
    let wanted = fs::read(www.join("package-lock.json")).context("cannot read www/package-lock.json")?;
    let mark = www.join("node_modules/.petrel-lock.json");
    if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(&mut shell.npm(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// Node in a version that works, and npm.
pub(crate) fn node(shell: &Shell) -> Result<()> {
    let [(old, old_minor), (new, new_minor)] = NODE;
    let how = format!(
        "Install Node.js {old}.{old_minor}, {new}.{new_minor} or newer with npm (nodejs.org, or your system's packages nodejs and npm)."
    );
    let version = read(&mut shell.command("node", ["--version"])).ok();
    let version = version
        .as_deref()
        .map(str::trim)
        .with_context(|| format!("Node.js is missing; the page is built and tested with it. {how}"))?;
    ensure!(is_new_enough(version), "Node.js {version} is too old. {how}");
    ensure!(succeeds(&mut shell.command("npm", ["--version"])), "npm is missing; the page is built with it. {how}");
    Ok(())
}

/// Whether this is, as in `v22.12.0`, a version of Node that works.
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse::<u32>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return false };
    let line = NODE.iter().find(|(line, _)| *line == major);
    line.map_or(NODE.iter().all(|(line, _)| *line < major), |(_, least)| *least <= minor)
}

/// Go, for the interop peers.
pub(crate) fn go(shell: &Shell) -> Result<()> {
    ensure!(
        succeeds(&mut shell.command("go", ["version"])),
        "Go is missing; op-node is built with it. Install Go {GO} or newer (go.dev), or an older one that may fetch it \
         (your system's package, with GOTOOLCHAIN=auto, which is its default)"
    );
    Ok(())
}

/// Chromium for the page's tests: `PETREL_CHROMIUM`, or one in `PATH`, or Debian's package when we may install it.
///
/// # Errors
/// None was found and none could be installed; says what to install.
pub(crate) fn chromium(shell: &Shell) -> Result<PathBuf> {
    if let Some(found) = has_chromium() {
        return Ok(found);
    }
    install(shell, "chromium");
    has_chromium().context(
        "Chromium is missing. Install it (Debian: `apt-get install chromium`, as root), \
         or name one with PETREL_CHROMIUM=/path/to/chromium",
    )
}

/// Firefox for the page's tests: `PETREL_FIREFOX`, or one in `PATH`, or Debian's package when we may install it.
///
/// # Errors
/// None was found and none could be installed; says what to install.
pub(crate) fn firefox(shell: &Shell) -> Result<PathBuf> {
    if let Some(found) = has_firefox() {
        return Ok(found);
    }
    install(shell, "firefox-esr");
    has_firefox().context(
        "Firefox is missing. Install it (Debian: `apt-get install firefox-esr`, as root), \
         or name one with PETREL_FIREFOX=/path/to/firefox",
    )
}

/// Prometheus and its promtool in `PATH`, or Debian's package when we may install it.
///
/// # Errors
/// They were not found and could not be installed; says what to install.
pub(crate) fn prometheus(shell: &Shell) -> Result<()> {
    let has = || find(&["prometheus"]).is_some() && find(&["promtool"]).is_some();
    if !has() {
        install(shell, "prometheus");
    }
    ensure!(has(), "prometheus and promtool are missing. Install them (Debian: `apt-get install prometheus`, as root)");
    Ok(())
}

/// Tries to install Debian's package; the caller checks the result.
fn install(shell: &Shell, package: &str) {
    let root = read(&mut shell.command("id", ["-u"])).is_ok_and(|id| id.trim() == "0");
    if root && find(&["apt-get"]).is_some() {
        let installed = run(&mut shell.command("apt-get", ["update", "-qq"]))
            .and_then(|()| run(&mut apt(shell, &["install", "-y", "-qq", "--no-install-recommends", package])));
        if let Err(error) = installed {
            eprintln!("{error:#}");
        }
    }
}

fn apt(shell: &Shell, args: &[&str]) -> std::process::Command {
    let mut command = shell.command("apt-get", args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn has_chromium() -> Option<PathBuf> {
    browser("PETREL_CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
}

fn has_firefox() -> Option<PathBuf> {
    browser("PETREL_FIREFOX", &["firefox-esr", "firefox"])
}

/// The one that the variable names, or one of these in `PATH`.
fn browser(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| find(names))
}

/// Whether cargo-deny is installed.
pub(crate) fn has_deny(shell: &Shell) -> bool {
    succeeds(&mut shell.cargo(["deny", "--version"]))
}

/// Prints which programs this machine has and lacks; fails if a necessary one is missing.
pub(crate) fn doctor(shell: &Shell) -> Result<()> {
    let version =
        |program: &str, args: &[&str]| read(&mut shell.command(program, args)).map(|text| text.trim().to_owned());
    let line = |name: &str, state: &str| println!("{name:<12} {state}");
    line("rust", &version("rustc", &["--version"]).unwrap_or_else(|_| "missing".to_owned()));
    let clippy = version("clippy-driver", &["--version"]);
    line("clippy", &clippy.unwrap_or_else(|_| "missing; added by `cargo xtask test`".to_owned()));
    line("wasm target", if has_wasm(shell) { "installed" } else { "missing; added by `cargo xtask run`" });
    line("node", &version("node", &["--version"]).unwrap_or_else(|_| "missing".to_owned()));
    line("npm", &version("npm", &["--version"]).unwrap_or_else(|_| "missing".to_owned()));
    let perl = version("perl", &["-e", "print $^V"]);
    line("perl", &perl.unwrap_or_else(|_| "missing; the daemon's keccak is built with it".to_owned()));
    let make = version("make", &["--version"]).map(|text| text.lines().next().unwrap_or_default().to_owned());
    line("make", &make.unwrap_or_else(|_| "missing; the daemon's allocator is built with it".to_owned()));
    let packages = shell.www().join("node_modules/.petrel-lock.json").is_file();
    line("npm packages", if packages { "installed" } else { "missing; added by `cargo xtask run`" });
    let chromium = has_chromium().map(|path| path.display().to_string());
    line(
        "chromium",
        chromium.as_deref().unwrap_or("missing; the page's tests need it (Debian: apt-get install chromium)"),
    );
    let firefox = has_firefox().map(|path| path.display().to_string());
    line(
        "firefox",
        firefox.as_deref().unwrap_or("missing; the page's tests need it too (Debian: apt-get install firefox-esr)"),
    );
    line("go", &version("go", &["version"]).unwrap_or_else(|_| "missing; op-node is built with it".to_owned()));
    line("cargo-deny", if has_deny(shell) { "installed" } else { DENY });
    node(shell)
}

/// How to install cargo-deny.
pub(crate) const DENY: &str = "not installed (`cargo install --locked cargo-deny`)";

#[cfg(test)]
mod tests {
    use super::{GO, NODE, is_new_enough};

    const README: &str = include_str!("../../README.md");
    const WORKFLOW: &str = include_str!("../../.github/workflows/ci.yml");

    #[test]
    fn the_versions_of_node_that_work() {
        assert!(["v20.19.0", "v22.12.1", "v24.0.0", "v20.20.1"].iter().all(|version| is_new_enough(version)));
        assert!(["v18.20.0", "v20.18.9", "v21.7.0", "v22.11.0", "", "v"].iter().all(|version| !is_new_enough(version)));
    }

    #[test]
    fn readme_and_workflow_name_the_same_versions() {
        let asked =
            include_str!("../../tests/interop/go-libp2p/newest.mod").lines().find_map(|line| line.strip_prefix("go "));
        assert_eq!(asked, Some(GO));
        assert!(README.contains(GO) && WORKFLOW.contains(&format!("GO: \"{GO}\"")));
        let [old, new] = NODE.map(|(major, minor)| format!("{major}.{minor}"));
        assert!(README.contains(&old) && README.contains(&new));
        let rust = env!("CARGO_PKG_RUST_VERSION");
        assert!(README.contains(&format!("Rust {rust}")) && WORKFLOW.contains(&format!("RUST: \"{rust}")));
    }
}
