//! Import circles between files of a crate: the strongly connected components of the import graph.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    edges::{Edges, edges},
    source::SourceFile,
    tree::Tree,
};

/// Every circle as lines: the number of files, then each edge with the referenced names.
///
/// # Errors
/// The crate has no root.
pub(super) fn circles(files: &[SourceFile]) -> Result<Vec<String>> {
    let edges = edges(files, &Tree::new(files)?);
    let mut lines = Vec::new();
    for circle in components(files.len(), &edges) {
        lines.push(format!("circle of {} files:", circle.len()));
        for ((from, to), names) in edges.iter().filter(|((from, to), _)| circle.contains(from) && circle.contains(to)) {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            lines.push(format!("    {} -> {}: {names}", files[*from].path, files[*to].path));
        }
    }
    Ok(lines)
}

/// Groups of two or more files, each of which reaches all others of its group.
fn components(files: usize, edges: &Edges) -> Vec<BTreeSet<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..files).map(|from| reach(from, edges)).collect();
    let mut done = BTreeSet::<usize>::new();
    let mut found = Vec::new();
    for (file, to) in reached.iter().enumerate() {
        if done.contains(&file) || !to.contains(&file) {
            continue;
        }
        let group: BTreeSet<usize> = to.iter().copied().filter(|other| reached[*other].contains(&file)).collect();
        done.extend(&group);
        found.push(group);
    }
    found
}

/// All files that a file reaches: itself too if it is in a circle.
fn reach(from: usize, edges: &Edges) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for ((_, to), _) in edges.range((at, 0)..=(at, usize::MAX)) {
            if reached.insert(*to) {
                open.push(*to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, circles};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let parse = |(path, text): &(&str, &str)| SourceFile::parse(format!("src/{path}"), text).unwrap();
        circles(&files.iter().map(parse).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn two_files_that_name_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "pub struct B; impl B { fn f() { super::a::A; } }"),
        ];
        let expected = ["circle of 2 files:", "    src/a.rs -> src/b.rs: B", "    src/b.rs -> src/a.rs: A"];
        assert_eq!(found(&files), expected);
    }

    #[test]
    fn one_way_is_no_circle_nor_are_tests_and_docs() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "#[cfg(doc)] use crate::b::B; pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"),
            ("b.rs", "use crate::a::A; pub struct B(A);"),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn a_re_export_is_followed_to_the_definition() {
        let parent = "mod child; mod other; pub use child::Child; pub use other::*; fn f() -> Child { todo!() }";
        let free = [
            ("lib.rs", "mod parent;"),
            ("parent.rs", parent),
            ("parent/child.rs", "use super::Other; pub struct Child(Other);"),
            ("parent/other.rs", "pub struct Other;"),
        ];
        assert!(found(&free).is_empty());
        let tied = [free[0], free[1], free[2], ("parent/other.rs", "pub struct Other(super::Child);")];
        assert_eq!(found(&tied).len(), 3);
    }

    #[test]
    fn a_child_that_needs_its_parents_item_is_tied_when_the_parent_needs_the_child() {
        let files = [
            ("lib.rs", "mod parent;"),
            ("parent.rs", "mod child; use child::Child; pub struct Parent(Child);"),
            ("parent/child.rs", "pub struct Child; impl Child { fn of(_: &super::Parent) {} }"),
        ];
        assert_eq!(found(&files).len(), 3);
    }

    #[test]
    fn what_macros_are_given_counts() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub fn a() { println!(\"{}\", crate::b::b(1)); }"),
            ("b.rs", "use crate::a::a; pub fn b(_: u8) { assert!(a()); }"),
        ];
        assert_eq!(found(&files).len(), 3);
    }
}
