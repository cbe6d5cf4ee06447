//! The hints of the sources: the texts that reach `with_hint`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::support::source::files;

/// Every text that is given to `with_hint`, formats included.
pub(super) fn hints() -> BTreeSet<String> {
    let parsed: Vec<syn::File> = files("src", "rs")
        .iter()
        .filter(|source| !source.code.trim().is_empty())
        .map(|source| syn::parse_file(&source.text).unwrap())
        .collect();
    let mut named = Named::default();
    for file in &parsed {
        named.visit_file(file);
    }
    let mut calls = Calls {
        named: named.texts,
        scopes: Vec::new(),
        found: BTreeSet::new(),
    };
    for file in &parsed {
        calls.visit_file(file);
    }
    calls.found
}

/// True for an item that only tests have.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|word| word == "test")
    })
}

/// Texts of constants and of functions whose name ends with `_hint`.
#[derive(Default)]
struct Named {
    texts: BTreeMap<String, Vec<String>>,
}

impl<'a> Visit<'a> for Named {
    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        let mut texts = Texts::default();
        texts.visit_expr(&item.expr);
        self.texts.insert(item.ident.to_string(), texts.found);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if item.sig.ident.to_string().ends_with("_hint") {
            let mut texts = Texts::default();
            texts.visit_block(&item.block);
            self.texts.insert(item.sig.ident.to_string(), texts.found);
        }
        visit::visit_item_fn(self, item);
    }
}

/// The string literals of an expression, but for patterns.
#[derive(Default)]
struct Texts {
    found: Vec<String>,
    /// Names in it, for which texts may be known.
    names: Vec<String>,
}

impl<'a> Visit<'a> for Texts {
    fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
        self.found.push(text.value());
    }

    fn visit_pat(&mut self, _pattern: &'a syn::Pat) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.names
            .extend(path.segments.last().map(|part| part.ident.to_string()));
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.found.extend(first_text(call.tokens.clone()));
    }
}

/// The format of a macro's arguments.
fn first_text(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Literal(literal) => syn::parse_str::<syn::LitStr>(&literal.to_string())
            .ok()
            .map(|text| text.value()),
        _ => None,
    })
}

/// The calls of `with_hint`.
struct Calls {
    named: BTreeMap<String, Vec<String>>,
    /// The bindings of each open function: a name, and the texts that it may have.
    scopes: Vec<BTreeMap<String, Vec<String>>>,
    found: BTreeSet<String>,
}

impl Calls {
    /// The texts that a name may have.
    fn texts_of(&self, name: &str) -> Vec<String> {
        let bound = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        bound
            .or_else(|| self.named.get(name))
            .cloned()
            .unwrap_or_default()
    }

    /// The texts of an expression, names in it resolved.
    fn texts_in(&self, expression: &syn::Expr) -> Vec<String> {
        let mut texts = Texts::default();
        texts.visit_expr(expression);
        if texts.found.is_empty() {
            let known = texts.names.iter().flat_map(|name| self.texts_of(name));
            texts.found = known.collect();
        }
        texts.found
    }
}

impl<'a> Visit<'a> for Calls {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_block(&mut self, block: &'a syn::Block) {
        self.scopes.push(BTreeMap::new());
        visit::visit_block(self, block);
        self.scopes.pop();
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let Some(init) = &local.init {
            match &local.pat {
                syn::Pat::Ident(name) => {
                    let texts = self.texts_in(&init.expr);
                    let scope = self.scopes.last_mut().unwrap();
                    scope.insert(name.ident.to_string(), texts);
                }
                // The last name of a tuple has the last parts of the tuples.
                syn::Pat::Tuple(names) => {
                    let mut lasts = Lasts {
                        calls: self,
                        found: Vec::new(),
                    };
                    lasts.visit_expr(&init.expr);
                    let texts = lasts.found;
                    if let Some(syn::Pat::Ident(name)) = names.elems.last() {
                        let scope = self.scopes.last_mut().unwrap();
                        scope.insert(name.ident.to_string(), texts);
                    }
                }
                _ => {}
            }
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if call.method == "with_hint" {
            let argument = call.args.first().unwrap();
            let texts = self.texts_in(argument);
            self.found.extend(texts);
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// The texts in the last part of each tuple.
struct Lasts<'c> {
    calls: &'c Calls,
    found: Vec<String>,
}

impl<'a> Visit<'a> for Lasts<'_> {
    fn visit_expr_tuple(&mut self, tuple: &'a syn::ExprTuple) {
        let last = tuple.elems.last();
        self.found
            .extend(last.into_iter().flat_map(|part| self.calls.texts_in(part)));
    }
}
