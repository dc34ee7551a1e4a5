//! The layers of a crate: a module may import only from its own line and from the lines before it. Modules of the line of state
//! machines do not import each other.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{edges::edges, source::SourceFile, tree::Tree};

/// Modules at the crate's root that import only modules of the lines before them, and of their own line if `mixed`.
pub(super) struct Line {
    pub(super) modules: &'static [&'static str],
    pub(super) mixed: bool,
}

/// The lines of `core/src`, as the README draws them.
pub(super) const CORE: [Line; 9] = [
    Line { modules: &["address", "ban", "chain", "fork", "peer", "random", "time"], mixed: true },
    Line {
        modules: &[
            "block",
            "hash",
            "l1",
            "message",
            "payload_by_number",
            "primitives",
            "schedule",
            "sign",
            "state_proof",
        ],
        mixed: true,
    },
    Line { modules: &["config", "event", "fault", "rate_limit", "score"], mixed: true },
    Line { modules: &["context", "peer_store", "peers", "persistence"], mixed: true },
    Line { modules: &["range_sync"], mixed: true },
    Line { modules: &["dialing", "reputation", "serving", "unsafe_chain", "validation"], mixed: false },
    Line { modules: &["evidence", "offline"], mixed: true },
    Line { modules: &["node"], mixed: true },
    Line { modules: &["net", "relay_record"], mixed: true },
];

/// A line for each import from a later line or between state machines, and for each module that is on no line.
///
/// # Errors
/// The crate has no root.
pub(super) fn broken(files: &[SourceFile], source: &str, lines: &[Line]) -> Result<Vec<String>> {
    let module = |file: usize| top(&files[file].path, source);
    let line_of = |name: &str| lines.iter().position(|line| line.modules.contains(&name));
    let unknown: BTreeSet<&str> =
        (0..files.len()).map(module).filter(|name| *name != "lib" && line_of(name).is_none()).collect();
    let mut broken: Vec<String> = unknown
        .iter()
        .map(|name| format!("{source}: module `{name}` stands on no line of .xtask/src/shape/layers.rs"))
        .collect();
    for ((from, to), names) in edges(files, &Tree::new(files)?) {
        let (importer, imported) = (module(from), module(to));
        let (Some(above), Some(below)) = (line_of(importer), line_of(imported)) else { continue };
        let sideways = above == below && importer != imported && !lines[above].mixed;
        if above < below || sideways {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            broken.push(format!("{} must not import {}: {names}", files[from].path, files[to].path));
        }
    }
    Ok(broken)
}

/// The module at the crate's root that a file belongs to.
fn top<'a>(path: &'a str, source: &str) -> &'a str {
    let inside = path.strip_prefix(source).unwrap_or(path).trim_start_matches('/');
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

#[cfg(test)]
mod tests {
    use super::{Line, SourceFile, broken};

    const LINES: [Line; 2] =
        [Line { modules: &["low"], mixed: true }, Line { modules: &["one", "other"], mixed: false }];

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let parse = |(path, text): &(&str, &str)| SourceFile::parse(format!("src/{path}"), text).unwrap();
        broken(&files.iter().map(parse).collect::<Vec<_>>(), "src", &LINES).unwrap()
    }

    #[test]
    fn an_import_from_a_lower_line_is_allowed_and_one_from_a_higher_line_is_not() {
        let root = ("lib.rs", "mod low; mod one; mod other;");
        assert!(found(&[root, ("low.rs", "pub struct A;"), ("one.rs", "use crate::low::A;")]).is_empty());
        let upwards = [root, ("low.rs", "use crate::one::B;"), ("one.rs", "pub struct B;")];
        assert_eq!(found(&upwards), ["src/low.rs must not import src/one.rs: B"]);
    }

    #[test]
    fn machines_of_one_line_do_not_import_each_other() {
        let root = ("lib.rs", "mod one; mod other;");
        let sideways = [root, ("one.rs", "pub struct B;"), ("other.rs", "use crate::one::B;")];
        assert_eq!(found(&sideways), ["src/other.rs must not import src/one.rs: B"]);
    }

    #[test]
    fn a_module_on_no_line_is_named() {
        let found = found(&[("lib.rs", "mod stray;"), ("stray.rs", "")]);
        assert!(found.len() == 1 && found[0].contains("`stray`"), "{found:?}");
    }
}
