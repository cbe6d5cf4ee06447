//! The git hooks that are used.

/// A git hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hook {
    /// After `git commit`, and after each commit that a cherry-pick, revert or rebase makes.
    Commit,
    /// After a merge or pull, also a fast-forward.
    Merge,
    /// After an amended commit and at the end of a rebase.
    Rewrite,
    /// After a checkout; used only for that of a new clone or work tree.
    Checkout,
}

impl Hook {
    /// All of them, in listing order.
    pub(crate) const ALL: [Self; 4] = [Self::Commit, Self::Merge, Self::Rewrite, Self::Checkout];

    /// Git's name of the hook.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Commit => "post-commit",
            Self::Merge => "post-merge",
            Self::Rewrite => "post-rewrite",
            Self::Checkout => "post-checkout",
        }
    }
}
