//! What a work tree is about, told by its files alone: the branch it is on, and what git is in the middle of.

use super::Checkout;

/// What git is in the middle of: its next step follows, or a person is at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A rebase, or mails being applied.
    Rebase,
    /// One or more commits being picked or reverted.
    Pick,
    /// A merge.
    Merge,
}

/// What git keeps in a work tree's own directory while it is not done yet; the outermost first.
const SIGNS: [(&str, Operation); 6] = [
    ("rebase-merge", Operation::Rebase),
    ("rebase-apply", Operation::Rebase),
    ("sequencer", Operation::Pick),
    ("CHERRY_PICK_HEAD", Operation::Pick),
    ("REVERT_HEAD", Operation::Pick),
    ("MERGE_HEAD", Operation::Merge),
];

/// What git is in the middle of, if anything.
pub(crate) fn operation(checkout: &Checkout) -> Option<Operation> {
    let dir = checkout.git_dir.as_ref()?;
    SIGNS.iter().find(|(sign, _)| dir.join(sign).exists()).map(|(_, operation)| *operation)
}

/// What `HEAD` says of the branch: the ref's name, or nothing for a detached one, whose commits come and go.
pub(crate) fn branch_file(checkout: &Checkout) -> String {
    let head = checkout.git_dir.as_ref().and_then(|dir| super::plain::text(&dir.join("HEAD")).ok());
    head.filter(|text| text.starts_with("ref:")).unwrap_or_default()
}
