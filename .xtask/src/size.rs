//! `cargo xtask size`: the bytes that a first visit to the page downloads, from `www/page/dist`.
//!
//! All files are counted except source maps, which a browser fetches only for its developer tools. The compressed sizes are
//! those of a static server: gzip at level 9, and brotli at quality 11 with its largest standard window. A visit loads at most
//! one of the chains' modules, so only the largest is counted.

use std::{
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

/// Prints the table.
pub(crate) fn size(shell: &Shell) -> Result<()> {
    let dist = shell.www().join("page/dist");
    let mut files = Vec::new();
    collect(&dist, &mut files).context("www/page/dist is missing; build it with `cargo xtask www`")?;
    files.retain(|file| file.extension().is_none_or(|kind| kind != "map"));
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
    use super::measure;

    #[test]
    fn compression_is_seen() {
        let sizes = measure(&[7; 10_000]).unwrap();
        assert_eq!(sizes.raw, 10_000);
        assert!(sizes.gzip < 100 && sizes.brotli < 100 && sizes.brotli > 0);
    }
}
