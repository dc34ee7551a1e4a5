//! `cargo xtask size`: the bytes that a first visit to the page downloads, from `www/page/dist`, and those of the package's
//! `petrel/verify`, from `www/package/dist`.
//!
//! All files are counted except source maps, which a browser fetches only for its developer tools, and the judge of evidence, which the
//! page loads when a file is given. The compressed sizes are
//! those of a static server: gzip at level 9, and brotli at quality 11 with its largest standard window. A visit loads at most
//! one of the chains' modules, so only the largest is counted.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use flate2::{Compression, write::GzEncoder};

use crate::shell::Shell;

/// The folder of the chains' modules, and the maximum bytes of one module.
const CHAINS: &str = "assets/chains";
const CHAIN: usize = 2000;

/// The page's folder of `petrel/verify`.
const JUDGE: &str = "assets/verify";

/// The folder of `petrel/verify`, its first script, its module, and the maximum bytes of all that it downloads, as brotli.
const VERIFY: &str = "verify";
const VERIFY_SCRIPT: &str = "verify/index.js";
const VERIFY_MODULE: &str = "verify/petrel_verify_bg.wasm";
const VERIFY_BROTLI: usize = 100_000;
/// The chains' modules of the package, of which it loads one at most.
const PACKAGE_CHAINS: &str = "page/chains";

/// Sizes in bytes: raw, gzip, brotli.
#[derive(Clone, Copy, Default)]
struct Sizes {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Sizes {
    const fn add(&mut self, other: Self) {
        self.raw += other.raw;
        self.gzip += other.gzip;
        self.brotli += other.brotli;
    }
}

/// Prints the tables.
///
/// # Errors
/// A file is missing, or larger than it may be.
pub(crate) fn size(shell: &Shell) -> Result<()> {
    page(shell)?;
    let dist = shell.www().join("package/dist");
    verify(&fs::canonicalize(dist).context("www/package/dist is missing; build it with `cargo xtask www`")?)
}

/// `petrel/verify`: its module, its scripts with all that they import, and the largest of the chains' modules.
fn verify(dist: &Path) -> Result<()> {
    let mut files = BTreeSet::from([dist.join(VERIFY_MODULE)]);
    scripts(&dist.join(VERIFY_SCRIPT), &mut files)?;
    let mut total = Sizes::default();
    println!("\n{:<48} {:>10} {:>10} {:>10}", "bytes of petrel/verify", "raw", "gzip", "brotli");
    for file in &files {
        let sizes = measure(&fs::read(file).with_context(|| format!("{} is missing", file.display()))?)?;
        line(&file.strip_prefix(dist)?.display().to_string(), sizes);
        total.add(sizes);
    }
    let mut chains = Vec::new();
    collect(&dist.join(PACKAGE_CHAINS), &mut chains)?;
    chains.retain(|file| file.extension().is_some_and(|kind| kind == "js") && !files.contains(file));
    let largest = largest(&chains.iter().collect::<Vec<_>>())?;
    line(&format!("{PACKAGE_CHAINS}: one of {}, the largest", chains.len()), largest);
    total.add(largest);
    line("total", total);
    let brotli = total.brotli;
    ensure!(
        brotli < VERIFY_BROTLI,
        "petrel/{VERIFY} has {brotli} bytes as brotli; it may have less than {VERIFY_BROTLI}"
    );
    Ok(())
}

/// A script and all that it imports statically, by paths that begin with a dot.
fn scripts(script: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !found.insert(script.to_owned()) {
        return Ok(());
    }
    let text = fs::read_to_string(script).with_context(|| format!("{} is missing", script.display()))?;
    let folder = script.parent().unwrap_or(script);
    imported(&text).into_iter().try_for_each(|path| {
        let path = fs::canonicalize(folder.join(path)).with_context(|| format!("{path} in {}", script.display()))?;
        scripts(&path, found)
    })
}

/// The relative paths of the static imports in a script.
fn imported(script: &str) -> Vec<&str> {
    let quoted = script.split(" from ").skip(1).filter_map(|rest| rest.split(['\'', '"']).nth(1));
    quoted.filter(|path| path.starts_with('.')).collect()
}

/// What a first visit to the page downloads.
fn page(shell: &Shell) -> Result<()> {
    let dist = shell.www().join("page/dist");
    let mut files = Vec::new();
    collect(&dist, &mut files).context("www/page/dist is missing; build it with `cargo xtask www`")?;
    files.retain(|file| file.extension().is_none_or(|kind| kind != "map") && !file.starts_with(dist.join(JUDGE)));
    files.sort();
    ensure!(!files.is_empty(), "www/page/dist is empty; build it with `cargo xtask www`");
    let (chains, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.starts_with(dist.join(CHAINS)));
    let mut total = Sizes::default();
    println!("{:<48} {:>10} {:>10} {:>10}", "bytes", "raw", "gzip", "brotli");
    for file in others {
        let sizes = measure(&fs::read(file)?)?;
        line(&file.strip_prefix(&dist)?.display().to_string(), sizes);
        total.add(sizes);
    }
    let largest = largest(&chains)?;
    line(&format!("{CHAINS}: one of {}, the largest", chains.len()), largest);
    ensure!(largest.raw < CHAIN, "a chain's module has {} bytes; it may have less than {CHAIN}", largest.raw);
    total.add(largest);
    line("total", total);
    Ok(())
}

/// The sizes of the largest file.
fn largest(files: &[&PathBuf]) -> Result<Sizes> {
    let all = files.iter().map(|file| measure(&fs::read(file)?)).collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().max_by_key(|sizes| sizes.raw).unwrap_or_default())
}

fn line(name: &str, Sizes { raw, gzip, brotli }: Sizes) {
    println!("{name:<48} {raw:>10} {gzip:>10} {brotli:>10}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn measure(bytes: &[u8]) -> Result<Sizes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    let mut packed = Vec::new();
    let mut brotli = brotli::CompressorWriter::new(&mut packed, 1 << 16, 11, 22);
    brotli.write_all(bytes)?;
    drop(brotli);
    Ok(Sizes { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: packed.len() })
}

#[cfg(test)]
mod tests {
    use super::{imported, measure};

    #[test]
    fn static_imports_are_found_and_packages_are_not() {
        let script =
            "import { a } from './a.js';\nexport { b } from \"../b.js\";\nimport fs from 'node:fs';\nimport('./c.js');";
        assert_eq!(imported(script), ["./a.js", "../b.js"]);
    }

    #[test]
    fn compression_is_seen() {
        let sizes = measure(&[7; 10_000]).unwrap();
        assert_eq!(sizes.raw, 10_000);
        assert!(sizes.gzip < 100 && sizes.brotli < 100 && sizes.brotli > 0);
    }
}
