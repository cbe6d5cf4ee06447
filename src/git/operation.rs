//! State of a work tree, read from its files: the branch, and the operation in progress.

use super::Checkout;

/// A git operation in progress: its next step follows, or the user is working on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A rebase, or applying mails.
    Rebase,
    /// Picking or reverting one or more commits.
    Pick,
    /// A merge.
    Merge,
}

/// Files in a work tree's git directory during an operation; the outermost first.
const SIGNS: [(&str, Operation); 6] = [
    ("rebase-merge", Operation::Rebase),
    ("rebase-apply", Operation::Rebase),
    ("sequencer", Operation::Pick),
    ("CHERRY_PICK_HEAD", Operation::Pick),
    ("REVERT_HEAD", Operation::Pick),
    ("MERGE_HEAD", Operation::Merge),
];

/// The operation in progress; `None` without one.
pub(crate) fn operation(checkout: &Checkout) -> Option<Operation> {
    let dir = checkout.git_dir.as_ref()?;
    SIGNS
        .iter()
        .find(|(sign, _)| dir.join(sign).exists())
        .map(|(_, operation)| *operation)
}

/// The name of the ref in `HEAD`; empty if detached, since then its commits change often.
pub(crate) fn branch_file(checkout: &Checkout) -> String {
    let head = checkout
        .git_dir
        .as_ref()
        .and_then(|dir| super::plain::text(&dir.join("HEAD")).ok());
    head.filter(|text| text.starts_with("ref:"))
        .unwrap_or_default()
}
