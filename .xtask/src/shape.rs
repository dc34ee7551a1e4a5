//! Rules for the source that no compiler checks: no import circle between the files of a crate, no long function, no struct with
//! many fields, no type name that is declared twice in a crate; and the layers of the core.
//!
//! Reading order: `source` (parsed files), `tree` (the modules of a crate, and resolution of paths), `edges` (references between
//! files), `circles` (import circles), `layers` (allowed imports), `sizes` (lengths, fields, type names).

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};

use crate::shell::Shell;

mod circles;
mod edges;
mod layers;
mod sizes;
mod source;
mod tree;

use source::SourceFile;

/// Maximum lines of a function, from `fn` to the closing brace.
const FUNCTION: usize = 60;
/// Maximum fields of a struct.
const FIELDS: usize = 16;
/// Structs with the fields of a container of the protocol, which may have more: SSZ execution payloads V3 and V4, and the Engine
/// API's.
const OF_THE_PROTOCOL: [&str; 4] = ["ExecutionPayload", "Fields", "PayloadV3", "PayloadV4"];

/// A crate: its folder, and whether its functions and structs are measured.
struct Part {
    name: &'static str,
    folder: &'static str,
    measured: bool,
}

const PARTS: [Part; 6] = [
    Part { name: "core", folder: "core/src", measured: true },
    Part { name: "native", folder: "native/src", measured: true },
    Part { name: "wasm", folder: "wasm/src", measured: true },
    Part { name: "verify", folder: "wasm/verify/src", measured: true },
    Part { name: "tests", folder: "tests/src", measured: false },
    Part { name: "xtask", folder: ".xtask/src", measured: true },
];

/// Fails with every place that breaks a rule.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    let faults = PARTS.iter().map(|part| faults(part, &part.read(shell.root())?)).collect::<Result<Vec<_>>>()?.concat();
    ensure!(faults.is_empty(), "the source is out of shape (see .xtask/src/shape.rs):\n{}", faults.join("\n"));
    println!(
        "no circle between files, no import from a higher layer, no function above {FUNCTION} lines, no struct above {FIELDS} fields"
    );
    Ok(())
}

/// Prints medians and every place that breaks a rule, of this workspace or of the one at `--root DIR`.
pub(crate) fn print(shell: &Shell, args: &[String]) -> Result<()> {
    let root = match args {
        [] => env::current_dir().ok().and_then(|here| workspace(&here)).unwrap_or_else(|| shell.root().to_owned()),
        [flag, folder] if flag == "--root" => PathBuf::from(folder),
        _ => bail!("expected nothing, or `--root DIR`"),
    };
    let mut all = Vec::new();
    println!("{:<8} {:>6} {:>14} {:>18}", "crate", "files", "median lines", "median of a fn");
    for part in &PARTS {
        let files = part.read(&root)?;
        let lines = sizes::median(files.iter().map(|file| file.lines).collect());
        let function = sizes::median(sizes::functions(&files).map(|function| function.lines).collect());
        println!("{:<8} {:>6} {lines:>14} {function:>18}", part.name, files.len());
        all.extend(faults(part, &files)?);
    }
    println!("\n{}", all.join("\n"));
    Ok(())
}

/// The nearest folder at or above `here` that is the root of a workspace.
fn workspace(here: &Path) -> Option<PathBuf> {
    let is = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.lines().any(|line| line == "[workspace]"))
    };
    here.ancestors().find(is).map(Path::to_owned)
}

impl Part {
    fn read(&self, root: &Path) -> Result<Vec<SourceFile>> {
        source::read(root, &root.join(self.folder))
    }
}

/// The broken rules of a crate, one line each.
fn faults(part: &Part, files: &[SourceFile]) -> Result<Vec<String>> {
    let mut faults = circles::circles(files)?;
    if part.name == "core" {
        faults.extend(layers::broken(files, part.folder, &layers::CORE)?);
    }
    if part.measured {
        faults.extend(sizes::long_functions(files, FUNCTION));
        faults.extend(sizes::wide_structs(files, FIELDS, &OF_THE_PROTOCOL));
    }
    faults.extend(sizes::names_declared_twice(files).into_iter().map(|line| format!("{}: {line}", part.name)));
    Ok(faults)
}
