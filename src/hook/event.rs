//! The hooks of git that are used.

/// One of git's hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hook {
    /// After `git commit`, and after each commit that a cherry-pick, revert or rebase makes.
    Commit,
    /// After a merge or pull, also a fast-forward.
    Merge,
    /// After an amended commit and at the end of a rebase.
    Rewrite,
    /// After a checkout; used for that of a fresh clone or work tree only.
    Checkout,
}

impl Hook {
    /// All of them, in the order they are listed.
    pub(crate) const ALL: [Self; 4] = [Self::Commit, Self::Merge, Self::Rewrite, Self::Checkout];

    /// What git calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Commit => "post-commit",
            Self::Merge => "post-merge",
            Self::Rewrite => "post-rewrite",
            Self::Checkout => "post-checkout",
        }
    }
}
