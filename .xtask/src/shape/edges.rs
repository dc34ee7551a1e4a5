//! References between files: in `use`, in types, patterns and expressions, and in arguments of macros. `mod`, `pub use` and code only
//! for tests or documentation do not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Path, Visibility, visit, visit::Visit};

use super::{
    source::{SourceFile, attributes, attributes_in_impl, is_hidden},
    tree::{Named, Tree, leaves},
};

/// From a file to another one, with the referenced names.
pub(super) type Edges = BTreeMap<(usize, usize), BTreeSet<String>>;

/// All edges between the files of a crate.
pub(super) fn edges(files: &[SourceFile], tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (module, file) in tree.files() {
        Namer { tree, file, module, edges: &mut edges }.visit_file(&files[file].syntax);
    }
    edges
}

/// Walks through a file.
struct Namer<'a> {
    tree: &'a Tree,
    file: usize,
    module: usize,
    edges: &'a mut Edges,
}

impl Namer<'_> {
    fn add(&mut self, path: &[String]) {
        if let Some(Named::Item(file, name)) = self.tree.resolve(self.module, path)
            && file != self.file
        {
            self.edges.entry((self.file, file)).or_default().insert(name);
        }
    }

    /// Arguments of macros are not parsed: every token sequence that looks like a path counts as one. A single word in lower case
    /// counts only if it is called, because else it is more likely a variable.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let (mut colons, mut after_dot) = (0, false);
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(&mut path, false);
                    }
                    if !after_dot {
                        path.push(ident.to_string());
                    }
                    (colons, after_dot) = (0, false);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path, group.delimiter() == Delimiter::Parenthesis);
                    (colons, after_dot) = (0, false);
                    self.scan(group.stream());
                }
                other => {
                    let punct = |sign| matches!(other, TokenTree::Punct(punct) if punct.as_char() == sign);
                    self.end(&mut path, punct('!'));
                    (colons, after_dot) = (0, punct('.'));
                }
            }
        }
        self.end(&mut path, false);
    }

    fn end(&mut self, path: &mut Vec<String>, called: bool) {
        let upper = |word: &String| word.starts_with(|letter: char| letter.is_ascii_uppercase());
        if path.len() > 1 || called || path.iter().any(upper) {
            self.add(path);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Namer<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_hidden(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !is_hidden(attributes_in_impl(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let (Some((_, items)), Some(child)) = (&item.content, self.tree.child(self.module, &item.ident.to_string()))
        else {
            return;
        };
        let mut inside = Namer { tree: self.tree, file: self.file, module: child, edges: self.edges };
        items.iter().for_each(|item| inside.visit_item(item));
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            leaves(item).0.iter().for_each(|import| self.add(&import.path));
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&words);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.scan(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }
}
