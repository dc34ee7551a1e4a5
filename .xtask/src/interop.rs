//! `cargo xtask interop NAME`: Petrel against other implementations, built from their own sources. All downloaded, built and
//! written files are in `target/interop`.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    compile, setup,
    shell::{Shell, find, run, succeeds},
    www,
};

/// A program in Go: its name, our module that builds it, and the last arguments of `go build`.
struct Program {
    name: &'static str,
    module: &'static str,
    words: &'static [&'static str],
}

const PEER: Program = Program { name: "peer", module: "tests/interop/op-node/peer", words: &["."] };
const OP_NODE: Program =
    Program { name: "op-node", words: &["github.com/ethereum-optimism/optimism/op-node/cmd"], ..PEER };
const GETH: Program = Program { name: "geth", words: &["github.com/ethereum/go-ethereum/cmd/geth"], ..PEER };
const GO: Program = Program { name: "go-libp2p", module: "tests/interop/go-libp2p", words: &["."] };
const NEWEST: Program = Program { name: "go-libp2p-newest", words: &["-modfile=newest.mod", "."], ..GO };

/// Runs one of them. If the machine lacks a program for it, the error says what to install.
pub(crate) fn interop(shell: &Shell, args: &[String]) -> Result<()> {
    match args {
        [name] if name == "op-node" => op_node(shell),
        [name] if name == "sync" => sync(shell),
        [name] if name == "devnet" => devnet(shell),
        [name] if name == "libp2p" => libp2p(shell),
        [name] if name == "build" => build(shell),
        _ => bail!("expected one name: cargo xtask interop op-node, libp2p, sync, devnet or build"),
    }
}

/// Only compiles the slow parts of the other implementations.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    [PEER, GO, NEWEST, OP_NODE, GETH].iter().try_for_each(|program| program.build(shell).map(drop))
}

/// Against op-node's gossip package: blocks both ways, then a table of invalid messages with both verdicts.
pub(crate) fn op_node(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    let peer = PEER.build(shell)?;
    let petrel = petrel(shell)?;
    run(test(shell, "interop-op-node")?.env("PETREL_INTEROP_PEER", peer).env("PETREL_BIN", petrel))
}

/// Missed blocks by number, from op-node's server and by its client.
pub(crate) fn sync(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    let peer = PEER.build(shell)?;
    let petrel = petrel(shell)?;
    run(test(shell, "interop-sync")?.env("PETREL_INTEROP_PEER", peer).env("PETREL_BIN", petrel))
}

/// Every transport against go-libp2p, js-libp2p in Node and in Chromium, and Petrel itself.
pub(crate) fn libp2p(shell: &Shell) -> Result<()> {
    can_libp2p(shell)?;
    let chromium = setup::chromium(shell);
    let go = GO.build(shell)?;
    let newest = NEWEST.build(shell)?;
    let js = script_copy(shell, "js-libp2p", "js-libp2p")?;
    let petrel = petrel(shell)?;
    let mut test = test(shell, "interop-libp2p")?;
    test.env("PETREL_INTEROP_GO", go).env("PETREL_INTEROP_GO_NEWEST", newest);
    test.env("PETREL_INTEROP_JS", js).env("PETREL_BIN", petrel);
    match chromium {
        Ok(chromium) => test.env("PETREL_CHROMIUM", chromium),
        Err(error) => {
            println!("{error:#}");
            test.env_remove("PETREL_CHROMIUM")
        }
    };
    run(&mut test)
}

/// Checks that this machine can build the other implementations; without Chromium only its rows are left out.
///
/// # Errors
/// The missing programs.
pub(crate) fn can_libp2p(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    setup::node(shell)
}

/// A whole network: L1, a sequencer, a follower, Petrel, a tab if Chromium is installed, and two Petrel nodes with outdated schedules.
pub(crate) fn devnet(shell: &Shell) -> Result<()> {
    can_devnet(shell)?;
    let chromium = setup::chromium(shell);
    let anvil = anvil(shell)?;
    let wallet = script_copy(shell, "devnet/wallet", "wallet")?;
    let peer = PEER.build(shell)?;
    let op_node = OP_NODE.build(shell)?;
    let geth = GETH.build(shell)?;
    let petrel = petrel(shell)?;
    let mut command = in_namespace(shell, compile::test(shell, "interop-devnet")?.program)?;
    command
        .env("PETREL_INTEROP_ANVIL", anvil)
        .env("PETREL_INTEROP_PEER", peer)
        .env("PETREL_INTEROP_OP_NODE", op_node)
        .env("PETREL_INTEROP_GETH", geth)
        .env("PETREL_INTEROP_FOLDER", shell.target().join("interop/devnet"))
        .env("PETREL_BIN", petrel)
        .env("PETREL_TAB", shell.www().join("page/test/tab.js"))
        .env("PETREL_L1_TAB", shell.root().join("tests/interop/devnet/l1-tab.mjs"))
        .env("PETREL_WALLET", wallet.join("main.js"))
        .env("PETREL_PACKAGE", shell.www().join("package/dist-test"));
    match chromium {
        Ok(chromium) => command.env("PETREL_CHROMIUM", chromium),
        Err(error) => {
            println!("{error:#}");
            command.env_remove("PETREL_CHROMIUM")
        }
    };
    run(&mut command)
}

/// Checks that this machine can run the devnet.
///
/// # Errors
/// The missing programs.
pub(crate) fn can_devnet(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    setup::node(shell)?;
    can_make_namespace(shell)
}

/// A program in its own network and mount namespace: no packet leaves this machine, and every port is free.
pub(crate) fn in_namespace(shell: &Shell, program: PathBuf) -> Result<Command> {
    let mut command = shell.command("unshare", namespace(shell)?);
    command.args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]).arg(program);
    Ok(command)
}

/// Checks that this machine can create namespaces.
///
/// # Errors
/// The missing programs.
pub(crate) fn can_make_namespace(shell: &Shell) -> Result<()> {
    ensure!(find(&["ip"]).is_some(), "`ip` is missing (Debian: apt-get install iproute2)");
    namespace(shell).map(drop)
}

/// The arguments of `unshare` on this machine: as root, or as root of a user namespace.
fn namespace(shell: &Shell) -> Result<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["--net", "--mount"], &["--map-root-user", "--net", "--mount"]];
    let works = |way: &&&[&str]| succeeds(shell.command("unshare", **way).arg("true"));
    ways.iter().find(works).copied().context("a network namespace cannot be created here: `unshare --net` needs root")
}

/// The daemon. It has the page if that is built.
fn petrel(shell: &Shell) -> Result<PathBuf> {
    www::build_for_tests(shell)?;
    compile::petrel(shell)
}

/// A test of petrel-tests, where cargo would run it.
fn test(shell: &Shell, name: &str) -> Result<Command> {
    let test = compile::test(shell, name)?;
    let mut command = shell.command(test.program, [""; 0]);
    command.current_dir(test.folder);
    Ok(command)
}

impl Program {
    /// Builds it, or finds it built.
    fn build(&self, shell: &Shell) -> Result<PathBuf> {
        let here = shell.target().join("interop");
        let program = here.join("bin").join(self.name);
        let mut go = Command::new("go");
        go.current_dir(shell.root().join(self.module))
            .env("GOCACHE", here.join("go-build"))
            .env("GOMODCACHE", here.join("go-mod"))
            // Without this the module cache is read-only, and `cargo clean` cannot remove it.
            .env("GOFLAGS", "-modcacherw -buildvcs=false")
            .args(["build", "-o"])
            .arg(&program)
            .args(self.words);
        run(&mut go).with_context(|| format!("{} does not build", self.name))?;
        Ok(program)
    }
}

/// A copy of a folder of `tests/interop` with npm packages and our scripts that use them.
fn script_copy(shell: &Shell, folder: &str, name: &str) -> Result<PathBuf> {
    let here = npm_copy(shell, folder, name)?;
    for entry in fs::read_dir(shell.root().join("tests/interop").join(folder))?.flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "js") {
            fs::copy(entry.path(), here.join(entry.file_name()))?;
        }
    }
    Ok(here)
}

/// anvil from npm's packages: the program itself, because npm's wrapper does not forward signals.
fn anvil(shell: &Shell) -> Result<PathBuf> {
    let packages = npm_copy(shell, "devnet/anvil", "anvil")?.join("node_modules/@foundry-rs");
    let programs = fs::read_dir(&packages)?.flatten().map(|entry| entry.path().join("bin/anvil"));
    programs.into_iter().find(|path| path.is_file()).context("npm has no anvil for this machine")
}

/// A copy of a folder of `tests/interop` with its npm packages, in the build folder. They are installed again only when its lock file
/// has changed.
fn npm_copy(shell: &Shell, folder: &str, name: &str) -> Result<PathBuf> {
    let (from, here) = (shell.root().join("tests/interop").join(folder), shell.target().join("interop").join(name));
    fs::create_dir_all(&here)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), here.join(file))?;
    }
    let (wanted, mark) = (fs::read(here.join("package-lock.json"))?, here.join("node_modules/.petrel-lock.json"));
    if !fs::read(&mark).is_ok_and(|installed| installed == wanted) {
        let mut npm = shell.command("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        run(npm.current_dir(&here))?;
        fs::write(&mark, wanted)?;
    }
    Ok(here)
}
