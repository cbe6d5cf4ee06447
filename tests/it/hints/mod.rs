//! Every hint helps: each is printed in a real situation, its command is run there, and the problem
//! is solved or, for a command that only reads, shown. Fixes of failed checks and next steps have
//! tests in `gates`, `preflight` and `next_steps`.
#![cfg(unix)]

mod cases;
mod listed;
mod receiver;
mod sources;
mod stores;

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use crate::support::advice::shell;
use crate::support::{Run, Sandbox};

/// A hint as the sources have it, and the situation in which it is printed and followed.
type Case = (&'static str, fn(&Hint));

/// A hint of the sources.
struct Hint(&'static str);

impl Hint {
    /// What was printed for it by this failed run.
    fn of(&self, run: &Run) -> String {
        assert_ne!(run.code, Some(0), "{run:#?}");
        let printed = run
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "))
            .unwrap_or_else(|| panic!("no hint: {run:#?}"));
        assert!(self.matches(printed), "`{printed}` is not `{}`", self.0);
        printed.to_owned()
    }

    /// True if `printed` is this hint with values in its places.
    fn matches(&self, printed: &str) -> bool {
        let mut rest = printed;
        let parts = self.0.split('{').enumerate();
        for (n, part) in parts {
            let fixed = if n == 0 {
                part
            } else {
                part.split_once('}').unwrap().1
            };
            let Some(at) = rest.find(fixed).filter(|at| n > 0 || *at == 0) else {
                return false;
            };
            rest = &rest[at + fixed.len()..];
        }
        true
    }

    /// Runs the line of a shell that this failed run names; it must succeed. Its output.
    fn follow(&self, sandbox: &Sandbox, run: &Run, line: &str) -> String {
        let printed = self.of(run);
        assert!(printed.contains(line), "`{line}` is not in `{printed}`");
        succeeds(sandbox, line)
    }
}

/// Runs a line of a shell, which must succeed; its output.
fn succeeds(sandbox: &Sandbox, line: &str) -> String {
    let output = shell(sandbox, line);
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{line}: {said:?}");
    said.concat()
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [cases::CASES, receiver::CASES, stores::CASES]
        .into_iter()
        .flatten()
}

#[test]
fn each_hint_helps() {
    let helps = |(hint, case): &&Case| catch_unwind(|| case(&Hint(hint))).is_ok();
    let failed: Vec<_> = cases().filter(|case| !helps(case)).collect();
    let hints: Vec<_> = failed.iter().map(|(hint, _)| hint).collect();
    assert!(failed.is_empty(), "these do not help: {hints:#?}");
}

/// A new hint needs a case, or a reason why it cannot have one.
#[test]
fn every_hint_of_the_sources_is_followed_or_listed() {
    let found: BTreeSet<String> = sources::hints();
    let followed = cases().map(|(hint, _)| (*hint).to_owned());
    let listed = listed::LISTED.iter().map(|(hint, _)| (*hint).to_owned());
    let known: BTreeSet<String> = followed.chain(listed).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "neither followed nor listed: {new:#?}\nnot in the sources: {gone:#?}"
    );
    assert!(listed::LISTED.iter().all(|(_, reason)| !reason.is_empty()));
    assert!(known.len() > 60, "only {} hints found", known.len());
}
