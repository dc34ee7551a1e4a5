//! `cargo xtask wasm`: the crate `wasm` as `www/package/pkg/petrel_wasm{.js,.d.ts,_bg.wasm}`, and the crate `wasm/verify`, the judge
//! without a node, as `www/package/pkg-verify/petrel_verify{…}`.
//!
//! Three tools run one after the other: cargo, wasm-bindgen (pinned in `Cargo.lock`) and, for the real build, wasm-opt (pinned in
//! `www/package-lock.json`). The last two run only when cargo's output or the tool has changed; they are installed while cargo
//! builds the module.
//!
//! The build for tests is in `pkg-test` and `pkg-verify-test`: cargo's dev profile with the packages of the tests on wasm32 (see `compile`), so that only
//! the module itself is compiled for it, without wasm-opt.

use std::{
    fs, panic,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    compile, setup,
    shell::{Shell, run},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Flags of rustc for the smallest module: k256's arithmetic on 32-bit words, whose multiplication is not inlined (that alone saves
/// 10 kB of brotli), and SHA-256 as a loop.
const SMALL: [&str; 6] =
    ["--cfg", "cpubits=\"32\"", "--cfg", "sha2_backend_soft=\"compact\"", "--cfg", "getrandom_backend=\"wasm_js\""];

/// A crate that is built as a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasmCrate {
    /// The node.
    Node,
    /// The judge of one message.
    Verify,
}

impl WasmCrate {
    pub(crate) const ALL: [Self; 2] = [Self::Node, Self::Verify];

    const fn package(self) -> &'static str {
        match self {
            Self::Node => "petrel-wasm",
            Self::Verify => "petrel-verify",
        }
    }

    /// The name of its files.
    const fn name(self) -> &'static str {
        match self {
            Self::Node => "petrel_wasm",
            Self::Verify => "petrel_verify",
        }
    }

    /// Cargo's profile of the real build.
    const fn profile(self) -> &'static str {
        match self {
            Self::Node => "wasm",
            Self::Verify => "wasm-small",
        }
    }

    /// Flags of rustc in the real build, instead of those in `.cargo/config.toml`.
    const fn flags(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Node => None,
            Self::Verify => Some(&SMALL),
        }
    }

    /// The file that cargo writes into the folder of a profile.
    fn built(self, shell: &Shell, profile: &str) -> PathBuf {
        shell.target().join(TARGET).join(profile).join(self.name()).with_extension("wasm")
    }

    /// The file that wasm-bindgen writes and wasm-opt shrinks.
    fn wasm(self) -> String {
        format!("{}_bg.wasm", self.name())
    }

    /// The files that wasm-bindgen writes.
    fn written(self) -> [String; 3] {
        [format!("{}.js", self.name()), format!("{}.d.ts", self.name()), self.wasm()]
    }

    /// The output folder of wasm-bindgen.
    pub(crate) fn folder(self, shell: &Shell, build: Build) -> PathBuf {
        let name = match self {
            Self::Node => "package/pkg",
            Self::Verify => "package/pkg-verify",
        };
        build.folder(shell, name)
    }
}

/// Features of rustc's wasm32 code that are not in the first version of WebAssembly. Every browser with WebTransport has them.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// The build that is published, embedded in the release daemon and measured: profile `wasm`, optimised by wasm-opt.
    Real,
    /// The build for tests: fast to compile.
    Test,
}

impl Build {
    /// A folder of this build, in `www`.
    pub(crate) fn folder(self, shell: &Shell, name: &str) -> PathBuf {
        let suffix = if self == Self::Test { "-test" } else { "" };
        shell.www().join(format!("{name}{suffix}"))
    }
}

/// Builds both wasm packages.
pub(crate) fn build(shell: &Shell, build: Build) -> Result<()> {
    setup::wasm(shell)?;
    let ((), bindgen) = beside_tools(shell, || match build {
        Build::Real => WasmCrate::ALL.into_iter().try_for_each(|module| optimised(shell, module, &[])),
        Build::Test => compile::wasm_modules(shell),
    })?;
    WasmCrate::ALL.into_iter().try_for_each(|module| pack(shell, module, build, &bindgen))
}

/// Makes a package of the module that cargo has built, unless it is up to date.
fn pack(shell: &Shell, module: WasmCrate, build: Build, bindgen: &Path) -> Result<()> {
    let built = module.built(shell, if build == Build::Real { module.profile() } else { "debug" });
    let package = module.folder(shell, build);
    let made_from = made_from(shell, &built, build)?;
    let mark = package.join(".made-from");
    let complete = module.written().iter().all(|name| package.join(name).is_file());
    if complete && fs::read_to_string(&mark).is_ok_and(|before| before == made_from) {
        println!("{} is up to date", package.display());
        return Ok(());
    }
    if package.exists() {
        fs::remove_dir_all(&package).with_context(|| format!("cannot replace {}", package.display()))?;
    }
    generate(shell, bindgen, &built, &package)?;
    if build == Build::Real {
        shrink(shell, &package.join(module.wasm()))?;
    }
    fs::write(&mark, made_from).with_context(|| format!("cannot write {}", mark.display()))
}

/// Builds the node's module with the functions for benches, into `package`.
pub(crate) fn build_for_bench(shell: &Shell, package: &Path) -> Result<()> {
    let ((), bindgen) = beside_tools(shell, || optimised(shell, WasmCrate::Node, &["--features", "bench"]))?;
    generate(shell, &bindgen, &WasmCrate::Node.built(shell, WasmCrate::Node.profile()), package)?;
    shrink(shell, &package.join(WasmCrate::Node.wasm()))
}

/// Builds modules, and beside it installs and builds the tools that come after it: the optimisation of a linked module uses
/// one processor alone. Returns what was built, and the program of wasm-bindgen.
fn beside_tools<T>(shell: &Shell, build: impl FnOnce() -> Result<T>) -> Result<(T, PathBuf)> {
    thread::scope(|scope| {
        let tools = scope.spawn(|| {
            setup::npm(shell)?;
            compile::tool(shell, "xtask-bindgen")
        });
        let built = build();
        let bindgen = tools.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        Ok((built?, bindgen?))
    })
}

/// Builds a module with its profile. Each is built alone: cargo would give the judge the node's features of the core.
fn optimised(shell: &Shell, module: WasmCrate, features: &[&str]) -> Result<()> {
    let (package, profile) = (module.package(), module.profile());
    let mut cargo = shell.cargo(["build", "--package", package, "--lib", "--target", TARGET, "--profile", profile]);
    if let Some(flags) = module.flags() {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    }
    run(cargo.args(features))
}

/// A hash of all inputs of the package: cargo's output, and the versions of the later tools.
fn made_from(shell: &Shell, built: &Path, build: Build) -> Result<String> {
    let mut hash = Sha256::new();
    let lock = fs::read_to_string(shell.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let bindgen = lock.split("[[package]]").find(|package| package.contains("name = \"wasm-bindgen-cli\""));
    hash.update(fs::read(built).with_context(|| format!("cannot read {}", built.display()))?);
    hash.update(bindgen.unwrap_or_default());
    if build == Build::Real {
        hash.update(fs::read(shell.www().join("package-lock.json")).context("cannot read www/package-lock.json")?);
        hash.update(FEATURES.concat());
    }
    Ok(hex(&hash.finalize()))
}

/// These bytes as hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn generate(shell: &Shell, bindgen: &Path, built: &Path, out: &Path) -> Result<()> {
    run(shell.command(bindgen, ["bindgen", "--target", "web", "--out-dir"]).arg(out).arg(built))
}

fn shrink(shell: &Shell, wasm: &Path) -> Result<()> {
    let mut command = shell.command(shell.www().join("node_modules/.bin/wasm-opt"), ["-Oz"]);
    run(command.args(FEATURES).arg(wasm).arg("--output").arg(wasm))
}
