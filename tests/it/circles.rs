//! Files of one module form no circle: what a file needs lies below it, and can be read before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::iter::Peekable;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree, token_stream};
use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use crate::support::source::{Source, files};

/// A path in the sources, from `crate`, without the word itself.
type Path = Vec<String>;

/// What one file says about the others.
#[derive(Default)]
struct File {
    /// What it imports, by the name that it gives it: the path, and whether it passes it on.
    imports: BTreeMap<String, (Path, bool)>,
    /// The modules of which it passes everything on.
    globs: Vec<Path>,
    /// The paths that its code names, those of its imports included.
    named: BTreeSet<Path>,
}

/// The files of the sources, by the path of the module that each is.
struct Tree(BTreeMap<Path, File>);

impl Tree {
    fn of(sources: &[Source]) -> Self {
        let known: BTreeSet<_> = sources.iter().filter_map(|s| module(&s.file)).collect();
        let read = |source: &Source| {
            let own = module(&source.file)?;
            let is_test = source.code.trim().is_empty();
            (!is_test).then(|| (own.clone(), File::read(&own, &source.text, &known)))
        };
        Self(sources.iter().filter_map(read).collect())
    }

    /// The file that defines what `path` names, through whatever passes it on.
    fn home(&self, path: &[String]) -> Option<&Path> {
        let depth = (1..=path.len())
            .take_while(|n| self.0.contains_key(&path[..*n]))
            .last()?;
        let (own, file) = self.0.get_key_value(&path[..depth])?;
        let Some(name) = path.get(depth) else {
            return Some(own);
        };
        if let Some((target, _)) = file.imports.get(name) {
            return self.home(&[target, &path[depth + 1..]].concat());
        }
        let through = |glob: &Path| {
            let found = self.home(&[glob.as_slice(), &path[depth..]].concat())?;
            (found != glob).then_some(found)
        };
        file.globs.iter().find_map(through).or(Some(own))
    }

    /// The files that each file needs. What a file only passes on is none of them.
    fn needs(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        self.0
            .iter()
            .map(|(own, file)| {
                let named = file.named.iter().filter(|path| !self.0.contains_key(*path));
                let homes = named.filter_map(|path| self.home(path));
                (own, homes.filter(|home| *home != own).collect())
            })
            .collect()
    }

    /// The sets of files that need each other, by way of others or directly.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let needs = self.needs();
        let reached: BTreeMap<_, _> = needs.keys().map(|own| (*own, reach(own, &needs))).collect();
        let circle = |own: &&Path| {
            let is_in = |other: &&&Path| reached[**other].contains(*own);
            let members: Vec<_> = reached[*own].iter().filter(is_in).collect();
            let names = members.iter().map(|member| member.join("/"));
            (!members.is_empty()).then(|| names.collect())
        };
        reached.keys().filter_map(circle).collect()
    }

    /// The files of a circle and, for each, which others of it are needed.
    fn explain(&self, circle: &[String]) -> String {
        let is_in = |file: &&Path| circle.contains(&file.join("/"));
        let mut text = format!("{} files: {}\n", circle.len(), circle.join(" "));
        for (own, needs) in self.needs().into_iter().filter(|(own, _)| is_in(own)) {
            let needs: Vec<_> = needs
                .into_iter()
                .filter(is_in)
                .map(|n| n.join("/"))
                .collect();
            writeln!(text, "    {} needs {}", own.join("/"), needs.join(" ")).unwrap();
        }
        text
    }
}

impl File {
    fn read(own: &Path, text: &str, known: &BTreeSet<Path>) -> Self {
        let mut file = Self::default();
        let mut named = Named::default();
        let tokens = without_tests(text.parse().unwrap());
        for item in syn::parse2::<syn::File>(tokens).unwrap().items {
            if let Item::Use(item) = item {
                let passes_on = !matches!(item.vis, Visibility::Inherited);
                file.import(own, known, &mut Vec::new(), &item.tree, passes_on);
            } else {
                named.visit_item(&item);
            }
        }
        for path in named.0.into_iter().filter(|path| !path.is_empty()) {
            let path = match file.imports.get(&path[0]) {
                Some((target, _)) => Some([target, &path[1..]].concat()),
                None => absolute(own, &path, known),
            };
            file.named.extend(path);
        }
        file
    }

    /// Takes one `use` declaration.
    fn import(
        &mut self,
        own: &Path,
        known: &BTreeSet<Path>,
        head: &mut Path,
        tree: &UseTree,
        passes_on: bool,
    ) {
        let (last, name) = match tree {
            UseTree::Path(path) => {
                head.push(path.ident.to_string());
                self.import(own, known, head, &path.tree, passes_on);
                head.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(own, known, head, tree, passes_on);
                }
                return;
            }
            UseTree::Glob(_) => (None, None),
            UseTree::Name(name) => (Some(name.ident.to_string()), None),
            UseTree::Rename(name) => (Some(name.ident.to_string()), Some(name.rename.to_string())),
        };
        let mut path = head.clone();
        path.extend(last.filter(|last| last != "self"));
        let name = name.or_else(|| path.last().cloned());
        let Some(path) = absolute(own, &path, known) else {
            return;
        };
        match tree {
            UseTree::Glob(_) if passes_on => self.globs.push(path),
            UseTree::Glob(_) => {}
            _ => {
                if !passes_on {
                    self.named.insert(path.clone());
                }
                self.imports.insert(name.unwrap(), (path, passes_on));
            }
        }
    }
}

/// The module that a file is; `None` for the two roots, and for code that no build for people has.
fn module(file: &str) -> Option<Path> {
    let file = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let path: Path = file
        .trim_end_matches("/mod")
        .split('/')
        .map(str::to_owned)
        .collect();
    let last = path.last()?;
    (!["lib", "main", "properties"].contains(&last.as_str())).then_some(path)
}

/// `path` from the root, when it is a path of this crate.
fn absolute(own: &Path, path: &[String], known: &BTreeSet<Path>) -> Option<Path> {
    let ups = path.iter().take_while(|word| *word == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (&[][..], &path[1..]),
        "self" => (&own[..], &path[1..]),
        "super" => (&own[..own.len().checked_sub(ups)?], &path[ups..]),
        head => {
            let child = [own.as_slice(), &[head.to_owned()]].concat();
            known.contains(&child).then_some((&own[..], path))?
        }
    };
    Some([base, rest].concat())
}

/// `tokens` without what is behind `#[cfg(test)]`, and without any attribute.
fn without_tests(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter().peekable();
    let mut kept: Vec<TokenTree> = Vec::new();
    while let Some(token) = tokens.next() {
        let attribute = match (&token, tokens.peek()) {
            (TokenTree::Punct(mark), Some(TokenTree::Group(group))) if mark.as_char() == '#' => {
                (group.delimiter() == Delimiter::Bracket).then(|| group.stream().to_string())
            }
            _ => None,
        };
        match (attribute, token) {
            (Some(attribute), _) => {
                tokens.next();
                if attribute == "cfg (test)" {
                    skip_item(&mut tokens);
                }
            }
            (None, TokenTree::Group(group)) => {
                let inside = without_tests(group.stream());
                kept.push(Group::new(group.delimiter(), inside).into());
            }
            (None, other) => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

/// Goes past one item, up to its `;` or its body.
fn skip_item(tokens: &mut Peekable<token_stream::IntoIter>) {
    let is_semicolon =
        |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    for token in tokens.by_ref() {
        let is_body = matches!(&token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
        if is_semicolon(&token) || is_body {
            break;
        }
    }
    tokens.next_if(is_semicolon);
}

/// The paths that code names; of a macro's tokens, those of two words and more.
#[derive(Default)]
struct Named(Vec<Path>);

impl<'a> Visit<'a> for Named {
    fn visit_path(&mut self, path: &'a syn::Path) {
        let words = path.segments.iter().map(|part| part.ident.to_string());
        self.0.push(words.collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.take(call.tokens.clone());
    }
}

impl Named {
    fn take(&mut self, tokens: TokenStream) {
        let mut path: Path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) if colons == 2 => {
                    path.push(word.to_string());
                    colons = 0;
                }
                other => {
                    self.0.push(std::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Ident(word) => path.push(word.to_string()),
                        TokenTree::Group(group) => self.take(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.0.push(path);
    }
}

/// Every file that `own` needs, by way of others too; itself only when it is in a circle.
fn reach<'a>(own: &Path, needs: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<&Path> = needs[own].iter().copied().collect();
    while let Some(next) = pending.pop() {
        if let Some((next, further)) = needs.get_key_value(next)
            && found.insert(*next)
        {
            pending.extend(further);
        }
    }
    found
}

#[test]
fn files_form_no_circle() {
    let tree = Tree::of(&files("src", "rs"));
    let circles: Vec<_> = tree
        .circles()
        .iter()
        .map(|circle| tree.explain(circle))
        .collect();
    assert!(
        circles.is_empty(),
        "files that need each other:\n{}",
        circles.join("\n")
    );
}

#[test]
fn a_planted_circle_is_found() {
    let tree = |texts: &[(&str, &str)]| {
        let sources: Vec<_> = texts.iter().map(|(f, text)| Source::new(f, text)).collect();
        Tree::of(&sources).circles()
    };
    let facade = (
        "src/x/mod.rs",
        "mod a; mod b; mod c; pub(crate) use a::A; pub(crate) use c::*;",
    );
    let c = ("src/x/c.rs", "pub(crate) struct C;");
    for (a, b, expected) in [
        (
            "use super::b::B; pub(crate) struct A(B);",
            "use super::A; pub(crate) struct B(A);",
            true,
        ),
        (
            "pub(crate) struct A(super::b::B);",
            "fn f() { format!(\"{}\", crate::x::a::N) }",
            true,
        ),
        (
            "use super::C; pub(crate) struct A(C);",
            "use super::{A, C}; pub(crate) struct B(A, C);",
            false,
        ),
        (
            "#[cfg(test)] mod t { use super::super::b::B; }",
            "pub(crate) struct B(crate::x::A);",
            false,
        ),
        (
            "/// [`super::b::B`]\npub(crate) struct A;",
            "pub(crate) struct B(super::A);",
            false,
        ),
    ] {
        let found = tree(&[facade, ("src/x/a.rs", a), ("src/x/b.rs", b), c]);
        let circle: BTreeSet<_> = [vec!["x/a".to_owned(), "x/b".to_owned()]].into();
        assert_eq!(
            found,
            if expected { circle } else { BTreeSet::new() },
            "{a} {b}"
        );
    }
}
