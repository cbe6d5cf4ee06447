//! The texts that call `sk-sync hook run`, and telling them from other people's.

use super::Hook;

/// What stands in the name of a section of git's configuration, before the hook's own name.
const SECTION: &str = "sk-sync-";

/// Whose hook a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is none.
    Absent,
    /// Written by this program, unchanged since.
    Ours,
    /// Somebody else's, and somebody made it call this program.
    ByHand,
    /// Somebody else's.
    Foreign,
}

/// The hook file: the same as in the repository's `hooks/`, for those who copy it by hand.
pub(super) const fn text(hook: Hook) -> &'static str {
    match hook {
        Hook::Commit => include_str!("../../hooks/post-commit"),
        Hook::Merge => include_str!("../../hooks/post-merge"),
        Hook::Rewrite => include_str!("../../hooks/post-rewrite"),
        Hook::Checkout => include_str!("../../hooks/post-checkout"),
    }
}

/// The friendly name of the hook in git's configuration (`hook.<name>.command`).
pub(super) fn section(hook: Hook) -> String {
    format!("hook.{SECTION}{}", hook.name())
}

/// The command of a configured hook. Git runs it with a shell and puts its own `"$@"` behind it; a machine without the
/// program is left in peace, and no answer of it fails what git does.
pub(super) fn command(hook: Hook) -> String {
    format!("command -v sk-sync >/dev/null 2>&1 && {} \"$@\" || :", call(hook))
}

/// The line to add to a hook that somebody else owns.
pub(crate) fn line(hook: Hook) -> String {
    format!("{} \"$@\" || :", call(hook))
}

/// What every hook comes down to.
pub(super) fn call(hook: Hook) -> String {
    format!("sk-sync hook run {}", hook.name())
}

/// Whose hook a file with these bytes is. A line that is only a comment calls nothing.
pub(super) fn recognise(hook: Hook, bytes: &[u8]) -> Standing {
    if bytes == text(hook).as_bytes() {
        return Standing::Ours;
    }
    let call = call(hook);
    let calls = |line: &str| !line.trim_start().starts_with('#') && line.contains(&call);
    if String::from_utf8_lossy(bytes).lines().any(calls) { Standing::ByHand } else { Standing::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_text_is_ours() {
        for hook in Hook::ALL {
            let own = text(hook);
            assert!(own.starts_with("#!/bin/sh\n") && own.contains(&format!("{} \"$@\" || exit 0\n", call(hook))));
            assert_eq!(recognise(hook, own.as_bytes()), Standing::Ours, "{hook:?}");
            assert_eq!(recognise(hook, format!("{own}make\n").as_bytes()), Standing::ByHand, "edited: {hook:?}");
        }
        let other = text(Hook::Merge).as_bytes();
        assert_eq!(recognise(Hook::Commit, other), Standing::Foreign, "the hook of another event");
        for (text, standing) in [
            ("", Standing::Foreign),
            ("#!/bin/sh\nmake\n", Standing::Foreign),
            ("#!/bin/sh\n  # sk-sync hook run post-commit\n", Standing::Foreign),
            ("#!/bin/sh\nmake\nsk-sync hook run post-commit \"$@\" || :\n", Standing::ByHand),
            ("#!/bin/sh\n/opt/bin/sk-sync hook run post-commit\n", Standing::ByHand),
        ] {
            assert_eq!(recognise(Hook::Commit, text.as_bytes()), standing, "{text:?}");
        }
        assert_eq!(recognise(Hook::Commit, b"\xff\xfe"), Standing::Foreign);
    }

    #[test]
    fn a_line_to_add_is_recognised() {
        for hook in Hook::ALL {
            assert_eq!(recognise(hook, line(hook).as_bytes()), Standing::ByHand);
            assert_eq!(recognise(hook, command(hook).as_bytes()), Standing::ByHand);
        }
    }
}
