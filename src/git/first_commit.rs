//! The first commit of a history, which is the same in every full clone.

use super::{Checkout, Git};

/// The id of the first ancestor of `HEAD` (the last one that git lists, if there are several);
/// `None` without a commit, and outside repositories. In a shallow clone it is the oldest commit
/// present. One child process.
pub(crate) fn first_commit(git: &Git, checkout: &Checkout) -> Option<String> {
    checkout.common_dir.as_ref()?;
    let answer = git
        .ask(checkout, &["rev-list", "--max-parents=0", "HEAD"])
        .ok()?;
    let last = answer.line()?.lines().last()?.trim().to_owned();
    (last.len() >= 40 && last.bytes().all(|b| b.is_ascii_hexdigit())).then_some(last)
}
