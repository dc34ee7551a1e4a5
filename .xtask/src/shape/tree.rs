//! The modules of a crate, and resolution of paths: the file in which the item of a path is defined, found through `use`, re-exports
//! and globs. Paths into other crates are not resolved.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use syn::{Item, ItemMod, ItemUse, UseTree, visit::Visit};

use super::source::{SourceFile, attributes, is_hidden};

/// Maximum depth of imports of imports: more than any code has; it ends a circle of imports.
const DEPTH: usize = 12;

/// The root is the first.
pub(super) struct Tree {
    modules: Vec<Module>,
}

/// A module: a file, or a part of one in braces.
#[derive(Default)]
struct Module {
    file: usize,
    parent: usize,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: Vec<Import>,
    globs: Vec<Vec<String>>,
}

/// A name that `use` brings into a module, and the path behind it.
pub(super) struct Import {
    name: String,
    pub(super) path: Vec<String>,
}

/// The item of a path.
pub(super) enum Named {
    Module(usize),
    /// The file in which it is defined, and its name there.
    Item(usize, String),
}

impl Tree {
    /// # Errors
    /// There is neither a `lib.rs` nor a `main.rs`.
    pub(super) fn new(files: &[SourceFile]) -> Result<Self> {
        let ends = |name| files.iter().position(|file| file.path.ends_with(name));
        let root = ends("src/lib.rs").or_else(|| ends("src/main.rs")).context("a crate without a root")?;
        let mut tree = Self { modules: vec![Module { file: root, ..Module::default() }] };
        Collector { tree: &mut tree, files, module: 0, folder: folder(&files[root].path) }
            .visit_file(&files[root].syntax);
        Ok(tree)
    }

    /// The modules that are files, with their files.
    pub(super) fn files(&self) -> impl Iterator<Item = (usize, usize)> {
        let own = |module: &Module| module.file != self.modules[module.parent].file;
        self.modules.iter().enumerate().filter(move |(at, module)| *at == 0 || own(module)).map(|(at, m)| (at, m.file))
    }

    /// The module `name` that is declared in `module`.
    pub(super) fn child(&self, module: usize, name: &str) -> Option<usize> {
        self.modules[module].children.get(name).copied()
    }

    /// Resolves a path in `module`.
    pub(super) fn resolve(&self, module: usize, path: &[String]) -> Option<Named> {
        self.follow(module, path, DEPTH)
    }

    fn follow(&self, from: usize, path: &[String], depth: usize) -> Option<Named> {
        let depth = depth.checked_sub(1)?;
        let mut at = Named::Module(from);
        for (index, segment) in path.iter().enumerate() {
            let Named::Module(module) = at else { return Some(at) };
            at = match segment.as_str() {
                "crate" => Named::Module(0),
                "self" => Named::Module(module),
                "super" => Named::Module(self.modules[module].parent),
                name => self.lookup(module, name, index + 1 == path.len(), depth)?,
            };
        }
        Some(at)
    }

    /// Resolves a name in a module. Modules and items may have the same name: the last segment of a path is the item, all others are
    /// modules.
    fn lookup(&self, at: usize, name: &str, last: bool, depth: usize) -> Option<Named> {
        let module = &self.modules[at];
        let child = module.children.get(name).map(|child| Named::Module(*child));
        let item = module.items.contains(name).then(|| Named::Item(module.file, name.to_owned()));
        let here = if last { item.or(child) } else { child.or(item) };
        here.or_else(|| self.imported(module, at, name, depth)).or_else(|| self.globbed(module, at, name, last, depth))
    }

    fn imported(&self, module: &Module, at: usize, name: &str, depth: usize) -> Option<Named> {
        let mut imports = module.imports.iter().filter(|import| import.name == name);
        imports.find_map(|import| self.follow(at, &import.path, depth))
    }

    fn globbed(&self, module: &Module, at: usize, name: &str, last: bool, depth: usize) -> Option<Named> {
        let depth = depth.checked_sub(1)?;
        module.globs.iter().find_map(|glob| match self.follow(at, glob, depth)? {
            Named::Module(other) if other != at => self.lookup(other, name, last, depth),
            _ => None,
        })
    }
}

/// The folder of the modules that a file declares.
fn folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    }
}

/// Visits a file and the modules that it declares.
struct Collector<'a> {
    tree: &'a mut Tree,
    files: &'a [SourceFile],
    module: usize,
    folder: String,
}

impl Collector<'_> {
    fn module(&mut self) -> Option<&mut Module> {
        self.tree.modules.get_mut(self.module)
    }

    fn declare(&mut self, item: &ItemMod) {
        let name = item.ident.to_string();
        let inner = format!("{}/{name}", self.folder);
        let outer = [format!("{inner}.rs"), format!("{inner}/mod.rs")];
        let outer = self.files.iter().position(|file| outer.contains(&file.path));
        let file = if item.content.is_some() { self.module().map(|module| module.file) } else { outer };
        let Some(file) = file else { return };
        let child = self.tree.modules.len();
        self.tree.modules.push(Module { file, parent: self.module, ..Module::default() });
        self.module().map(|module| module.children.insert(name, child));
        let mut inside = Collector { tree: self.tree, files: self.files, module: child, folder: inner };
        match &item.content {
            Some((_, items)) => items.iter().for_each(|item| inside.visit_item(item)),
            None => inside.visit_file(&self.files[file].syntax),
        }
    }

    fn import(&mut self, item: &ItemUse) {
        let (imports, globs) = leaves(item);
        if let Some(module) = self.module() {
            module.imports.extend(imports);
            module.globs.extend(globs);
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_hidden(attributes(item)) {
            return;
        }
        match item {
            Item::Mod(item) => return self.declare(item),
            Item::Use(item) => return self.import(item),
            _ => {}
        }
        if let (Some(name), Some(module)) = (name(item), self.module()) {
            module.items.insert(name);
        }
        syn::visit::visit_item(self, item);
    }
}

/// The name that an item defines.
fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The names that a `use` imports, and the modules of its globs.
pub(super) fn leaves(item: &ItemUse) -> (Vec<Import>, Vec<Vec<String>>) {
    let (mut imports, mut globs) = (Vec::new(), Vec::new());
    if item.leading_colon.is_none() {
        flatten(&item.tree, &[], &mut imports, &mut globs);
    }
    (imports, globs)
}

fn flatten(tree: &UseTree, before: &[String], imports: &mut Vec<Import>, globs: &mut Vec<Vec<String>>) {
    let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(&path.ident), imports, globs),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, imports, globs)),
        UseTree::Glob(_) => globs.push(before.to_vec()),
        UseTree::Name(leaf) => {
            let path = if leaf.ident == "self" { before.to_vec() } else { with(&leaf.ident) };
            imports.push(Import { name: path.last().cloned().unwrap_or_default(), path });
        }
        UseTree::Rename(leaf) => {
            let path = if leaf.ident == "self" { before.to_vec() } else { with(&leaf.ident) };
            imports.push(Import { name: leaf.rename.to_string(), path });
        }
    }
}
