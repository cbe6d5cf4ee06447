//! The texts that call `sk-sync hook run`, and recognising them.

use super::Hook;
use crate::base::shell::in_quotes;

/// Prefix of the names of our sections in git's configuration, followed by the hook's name.
const SECTION: &str = "sk-sync-";

/// Origin of a hook file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The file does not exist.
    Absent,
    /// Written by this program, unchanged since.
    Ours,
    /// Written by an older version of this program, unchanged since.
    Outdated,
    /// Written by another program or a user, and calls this program.
    ByHand,
    /// Written by another program or a user, and does not call this program.
    Foreign,
}

/// The hook file for copying by hand, as in the repository's `hooks/`: it finds the program on the
/// `PATH` only.
pub(super) const fn example(hook: Hook) -> &'static str {
    match hook {
        Hook::Commit => include_str!("../../hooks/post-commit"),
        Hook::Merge => include_str!("../../hooks/post-merge"),
        Hook::Rewrite => include_str!("../../hooks/post-rewrite"),
        Hook::Checkout => include_str!("../../hooks/post-checkout"),
    }
}

/// The hook file that is written. A GUI client starts hooks with a short `PATH`, so `program`, the
/// absolute path of the program that installs the hook, is tried if the name is not found.
pub(super) fn text(hook: Hook, program: Option<&str>) -> String {
    let Some(program) = program else {
        return example(hook).to_owned();
    };
    let (before, after) = halves(hook);
    format!("{before}{}{after}", in_quotes(program))
}

/// Text before and after the quoted path in a written hook file.
fn halves(hook: Hook) -> (String, String) {
    let (head, _) = example(hook).split_once("\ncommand -v").unwrap_or_default();
    let name = hook.name();
    let before = format!(
        "{head}\n# A GUI client may start this with a PATH that does not lead to sk-sync.\nprogram="
    );
    let after = format!(
        "\nif command -v sk-sync >/dev/null 2>&1; then\n  {} \"$@\" || exit 0\nelif [ -x \"$program\" ]; then\n  \"$program\" \
         hook run {name} \"$@\" || exit 0\nfi\n",
        call(hook)
    );
    (before, after)
}

/// True when `bytes` are the text written by an installation of this program: the text of [`text`],
/// with any path.
fn is_written(hook: Hook, bytes: &[u8]) -> bool {
    let (before, after) = halves(hook);
    let between = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| text.strip_prefix(&before)?.strip_suffix(&after));
    let Some(word) = between.and_then(|word| word.strip_prefix('\'')?.strip_suffix('\'')) else {
        return false;
    };
    // One quoted word: its only quotes are escaped ones, and it has no line end.
    !word.replace("'\\''", "").contains(['\'', '\n'])
}

/// The name of the hook's section in git's configuration (`hook.<name>.command`).
pub(super) fn section(hook: Hook) -> String {
    format!("hook.{SECTION}{}", hook.name())
}

/// The command of a configured hook. Git runs it with a shell and appends `"$@"`; without the
/// program it does nothing, and its failure never fails git's command. As in [`text`], `program` is
/// tried second.
pub(super) fn command(hook: Hook, program: Option<&str>) -> String {
    let second = program.map(|program| {
        let program = in_quotes(program);
        format!(
            "elif [ -x {program} ]; then {program} hook run {} \"$@\"; ",
            hook.name()
        )
    });
    let second = second.unwrap_or_default();
    format!(
        "if command -v sk-sync >/dev/null 2>&1; then {} \"$@\"; {second}fi || :",
        call(hook)
    )
}

/// The line to add to a hook that another program or the user owns.
pub(crate) fn line(hook: Hook) -> String {
    format!("{} \"$@\" || :", call(hook))
}

/// The call that every hook makes.
pub(super) fn call(hook: Hook) -> String {
    format!("sk-sync hook run {}", hook.name())
}

/// Origin of a hook file with these bytes, for an installation by `program`. A comment line is not
/// a call.
pub(super) fn recognise(hook: Hook, bytes: &[u8], program: Option<&str>) -> Standing {
    if bytes == text(hook, program).as_bytes() {
        return Standing::Ours;
    }
    if bytes == example(hook).as_bytes() || is_written(hook, bytes) {
        return Standing::Outdated;
    }
    let call = call(hook);
    let calls = |line: &str| !line.trim_start().starts_with('#') && line.contains(&call);
    if String::from_utf8_lossy(bytes).lines().any(calls) {
        Standing::ByHand
    } else {
        Standing::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: Option<&str> = Some("/home/o'neil/.cargo/bin/sk-sync");

    #[test]
    fn only_the_very_text_is_ours() {
        for hook in Hook::ALL {
            let own = text(hook, PROGRAM);
            assert!(
                own.starts_with("#!/bin/sh\n")
                    && own.contains(&format!("{} \"$@\" || exit 0\n", call(hook)))
            );
            assert!(
                own.contains(r"program='/home/o'\''neil/.cargo/bin/sk-sync'"),
                "{own}"
            );
            let standing = |text: &str| recognise(hook, text.as_bytes(), PROGRAM);
            assert_eq!(standing(&own), Standing::Ours, "{hook:?}");
            assert_eq!(standing(example(hook)), Standing::Outdated, "{hook:?}");
            assert_eq!(
                standing(&text(hook, Some("/opt/sk-sync"))),
                Standing::Outdated,
                "{hook:?}"
            );
            assert_eq!(
                standing(&format!("{own}make\n")),
                Standing::ByHand,
                "edited: {hook:?}"
            );
            let edited = own.replace("program='", "make; program='");
            assert_eq!(standing(&edited), Standing::ByHand, "edited: {hook:?}");
            for path in ["'; make; '", "a'\nmake\nb='", "x' 'y"] {
                let edited = own.replace("/home/o'\\''neil/.cargo/bin/sk-sync", path);
                assert_eq!(
                    standing(&edited),
                    Standing::ByHand,
                    "not one quoted word: {edited}"
                );
            }
        }
        let other = text(Hook::Merge, PROGRAM);
        assert_eq!(
            recognise(Hook::Commit, other.as_bytes(), PROGRAM),
            Standing::Foreign,
            "the hook of another event"
        );
        for (text, standing) in [
            ("", Standing::Foreign),
            ("#!/bin/sh\nmake\n", Standing::Foreign),
            (
                "#!/bin/sh\n  # sk-sync hook run post-commit\n",
                Standing::Foreign,
            ),
            (
                "#!/bin/sh\nmake\nsk-sync hook run post-commit \"$@\" || :\n",
                Standing::ByHand,
            ),
            (
                "#!/bin/sh\n/opt/bin/sk-sync hook run post-commit\n",
                Standing::ByHand,
            ),
        ] {
            assert_eq!(
                recognise(Hook::Commit, text.as_bytes(), None),
                standing,
                "{text:?}"
            );
        }
        assert_eq!(
            recognise(Hook::Commit, b"\xff\xfe", None),
            Standing::Foreign
        );
    }

    #[test]
    fn a_line_to_add_is_recognised() {
        for hook in Hook::ALL {
            assert_eq!(
                recognise(hook, line(hook).as_bytes(), PROGRAM),
                Standing::ByHand
            );
            assert_eq!(
                recognise(hook, command(hook, PROGRAM).as_bytes(), PROGRAM),
                Standing::ByHand
            );
        }
    }
}
