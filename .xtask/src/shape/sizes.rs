//! Lengths of functions, numbers of fields of structs, and type names that more than one file of a crate declares.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Block, ImplItemFn, Item, ItemFn, ItemStruct, Signature, TraitItemFn, visit, visit::Visit};

use super::source::{SourceFile, attributes, is_hidden};

/// A function: where it is, its name and its lines, from `fn` to the closing brace.
pub(super) struct Function {
    place: String,
    name: String,
    pub(super) lines: usize,
}

/// What is measured in a file.
#[derive(Default)]
struct Measured<'a> {
    path: &'a str,
    functions: Vec<Function>,
    /// Each with the number of its fields.
    structs: Vec<(String, usize)>,
    types: BTreeSet<String>,
    hidden: bool,
}

fn measure(file: &SourceFile) -> Measured<'_> {
    let mut measured = Measured { path: &file.path, ..Measured::default() };
    measured.visit_file(&file.syntax);
    measured
}

/// All functions of a crate, those of tests too.
pub(super) fn functions(files: &[SourceFile]) -> impl Iterator<Item = Function> {
    files.iter().flat_map(|file| measure(file).functions)
}

/// A line for each function with more than this many lines.
pub(super) fn long_functions(files: &[SourceFile], most: usize) -> impl Iterator<Item = String> {
    let long = functions(files).filter(move |function| function.lines > most);
    long.map(|function| format!("{}: `{}` has {} lines", function.place, function.name, function.lines))
}

/// A line for each struct with more than this many fields, except these.
pub(super) fn wide_structs(files: &[SourceFile], most: usize, exempt: &[&str]) -> impl Iterator<Item = String> {
    let structs = files.iter().flat_map(|file| measure(file).structs).filter(move |(place, fields)| {
        *fields > most && !exempt.iter().any(|name| place.ends_with(&format!("`{name}`")))
    });
    structs.map(|(place, fields)| format!("{place} has {fields} fields"))
}

/// A line for each type name that two or more files declare.
pub(super) fn names_declared_twice(files: &[SourceFile]) -> Vec<String> {
    let mut places = BTreeMap::<String, Vec<&str>>::new();
    for file in files {
        for name in measure(file).types {
            places.entry(name).or_default().push(&file.path);
        }
    }
    let twice = places.into_iter().filter(|(_, files)| files.len() > 1);
    twice.map(|(name, files)| format!("`{name}` is declared in {}", files.join(" and "))).collect()
}

/// The median.
pub(super) fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

impl Measured<'_> {
    fn function(&mut self, signature: &Signature, block: &Block) {
        let (first, last) = (signature.fn_token.span.start().line, block.brace_token.span.close().end().line);
        let place = format!("{}:{first}", self.path);
        self.functions.push(Function { place, name: signature.ident.to_string(), lines: last + 1 - first });
    }
}

impl<'ast> Visit<'ast> for Measured<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let before = self.hidden;
        self.hidden |= is_hidden(attributes(item));
        let name = match item {
            Item::Enum(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            _ => None,
        };
        self.types.extend(name.filter(|_| !self.hidden).map(ToString::to_string));
        visit::visit_item(self, item);
        self.hidden = before;
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let place = format!("{}:{}: `{}`", self.path, item.ident.span().start().line, item.ident);
        self.structs.push((place, item.fields.len()));
        visit::visit_item_struct(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, long_functions, median, names_declared_twice, wide_structs};

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::parse(path.to_owned(), text).unwrap()
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        let text = "struct S;\nimpl S {\n    fn long() {\n        ();\n    }\n    fn short() {}\n}\n";
        let found: Vec<String> = long_functions(&[file("a.rs", text)], 2).collect();
        assert_eq!(found, ["a.rs:3: `long` has 3 lines"]);
        assert_eq!(long_functions(&[file("a.rs", text)], 3).count(), 0);
    }

    #[test]
    fn a_wide_struct_is_found() {
        let found: Vec<String> = wide_structs(
            &[file("a.rs", "struct Two { a: u8, b: u8 }\nstruct One(u8);\nstruct Three { a: u8, b: u8 }")],
            1,
            &["Three"],
        )
        .collect();
        assert_eq!(found, ["a.rs:1: `Two` has 2 fields"]);
    }

    #[test]
    fn a_type_name_in_two_files_is_found_but_not_one_of_a_test() {
        let files = [file("a.rs", "struct Gate;"), file("b.rs", "mod inner { enum Gate {} }\ntrait Other {}")];
        assert_eq!(names_declared_twice(&files), ["`Gate` is declared in a.rs and b.rs"]);
        let files =
            [file("a.rs", "struct Gate;"), file("b.rs", "#[cfg(test)] mod tests { struct Gate; } type Gate = u8;")];
        assert!(names_declared_twice(&files).is_empty());
    }

    #[test]
    fn a_median_is_the_middle_one() {
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(Vec::new()), 0);
    }
}
