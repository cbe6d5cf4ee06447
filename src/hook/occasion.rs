//! Decides what a hook does, from the arguments and state of git.

use super::Hook;
use crate::git::Operation;

/// A call by git.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    /// The hook.
    pub(crate) hook: Hook,
    /// Arguments from git.
    pub(crate) args: &'a [String],
    /// True if this checkout was captured before.
    pub(crate) is_known: bool,
    /// The operation that git is performing; `None` outside one.
    pub(crate) operation: Option<Operation>,
}

/// Action of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Nothing.
    Nothing,
    /// Capture, and leave delivery to a later hook.
    Capture,
    /// Capture, then start delivery.
    CaptureAndDeliver,
}

/// Decides what the hook does.
pub(crate) fn duty(occasion: &Occasion<'_>) -> Duty {
    let first = occasion.args.first().map(String::as_str);
    let is_fresh = match first {
        // The previous commit is all zeros for a clone and for a new work tree.
        Some(before) => !before.is_empty() && before.bytes().all(|digit| digit == b'0'),
        // Hook managers may not pass the arguments on.
        None => !occasion.is_known,
    };
    match occasion.hook {
        Hook::Checkout if !is_fresh => Duty::Nothing,
        // A rebase or merge that calls these hooks is finished, although its files still exist.
        Hook::Rewrite if first == Some("rebase") => Duty::CaptureAndDeliver,
        Hook::Merge if occasion.operation == Some(Operation::Merge) => Duty::CaptureAndDeliver,
        _ if occasion.operation.is_some() => Duty::Capture,
        _ => Duty::CaptureAndDeliver,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_its_duty() {
        let (zeros, id) = (
            "0000000000000000000000000000000000000000",
            "0123456789abcdef0123456789abcdef01234567",
        );
        let (none, rebase, pick) = (None, Some(Operation::Rebase), Some(Operation::Pick));
        for (hook, args, is_known, operation, wanted) in [
            (Hook::Commit, &[][..], true, none, Duty::CaptureAndDeliver),
            (Hook::Commit, &[], true, rebase, Duty::Capture),
            (Hook::Commit, &[], true, pick, Duty::Capture),
            (
                Hook::Commit,
                &[],
                true,
                Some(Operation::Merge),
                Duty::Capture,
            ),
            (Hook::Merge, &["0"], true, none, Duty::CaptureAndDeliver),
            (
                Hook::Merge,
                &["0"],
                true,
                Some(Operation::Merge),
                Duty::CaptureAndDeliver,
            ),
            (Hook::Merge, &["0"], true, rebase, Duty::Capture),
            (
                Hook::Rewrite,
                &["amend"],
                true,
                none,
                Duty::CaptureAndDeliver,
            ),
            (Hook::Rewrite, &["amend"], true, rebase, Duty::Capture),
            (
                Hook::Rewrite,
                &["rebase"],
                true,
                rebase,
                Duty::CaptureAndDeliver,
            ),
            (
                Hook::Checkout,
                &[zeros, id, "1"],
                false,
                none,
                Duty::CaptureAndDeliver,
            ),
            (
                Hook::Checkout,
                &[zeros, id, "1"],
                true,
                none,
                Duty::CaptureAndDeliver,
            ),
            (Hook::Checkout, &[id, id, "1"], false, none, Duty::Nothing),
            (Hook::Checkout, &[id, id, "0"], true, rebase, Duty::Nothing),
            (Hook::Checkout, &[], true, none, Duty::Nothing),
            (Hook::Checkout, &[], false, none, Duty::CaptureAndDeliver),
        ] {
            let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
            let occasion = Occasion {
                hook,
                args: &args,
                is_known,
                operation,
            };
            assert_eq!(duty(&occasion), wanted, "{occasion:?}");
        }
    }
}
