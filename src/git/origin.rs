//! The URL of the remote `origin`, read from git's configuration files if possible.
//!
//! Left to git: included files, `insteadOf`, quotes, several URLs, a configuration per work tree,
//! and remotes in other files.

use std::path::{Path, PathBuf};

use super::{Checkout, plain};

/// Result of reading the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The URL; `None` without such a remote.
    Plain(Option<String>),
    /// The files are not enough.
    Unclear,
}

/// Reads the repository's configuration, and checks whether one of `others` (the user's, the
/// system's) could change the result.
pub(super) fn read(checkout: &Checkout, others: &[PathBuf]) -> Origin {
    let (Some(git_dir), Some(common)) = (&checkout.git_dir, &checkout.common_dir) else {
        return Origin::Plain(None);
    };
    let is_there = |path: &Path| std::fs::symlink_metadata(path).is_ok();
    let odd = [
        git_dir.join("config.worktree"),
        common.join("remotes/origin"),
        common.join("branches/origin"),
    ];
    if odd.iter().any(|path| is_there(path))
        || others.iter().any(|path| is_there(path) && !is_silent(path))
    {
        return Origin::Unclear;
    }
    plain::text(&common.join("config")).map_or(Origin::Unclear, |text| in_text(&text))
}

/// True if a file mentions no remotes and includes no other file.
fn is_silent(path: &Path) -> bool {
    plain::text(path).is_ok_and(|text| {
        let text = text.to_ascii_lowercase();
        !["insteadof", "[include", "[remote"]
            .iter()
            .any(|word| text.contains(word))
    })
}

/// The result for the text of a repository's configuration. Pure.
pub(super) fn in_text(text: &str) -> Origin {
    // What git calls blank; other white space is a part of names and values.
    const BLANKS: [char; 3] = [' ', '\t', '\r'];
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut urls = Vec::new();
    let mut in_origin = false;
    for line in text.lines().map(|line| line.trim_matches(BLANKS)) {
        if line.ends_with('\\') {
            return Origin::Unclear;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some(header) = header.strip_suffix(']') else {
                return Origin::Unclear;
            };
            let name = header
                .split(|c: char| c.is_whitespace() || c == '.')
                .next()
                .unwrap_or_default();
            let is_remote = name.eq_ignore_ascii_case("remote");
            let is_quoted = header
                .get(name.len()..)
                .is_some_and(|rest| rest.trim_start().starts_with('"'));
            let leads_away = ["include", "includeif", "url"]
                .iter()
                .any(|word| name.eq_ignore_ascii_case(word));
            if leads_away || header.contains([']', '\\']) || is_remote && !is_quoted {
                return Origin::Unclear;
            }
            in_origin = is_remote && header[name.len()..].trim() == "\"origin\"";
        } else if in_origin {
            let (key, rest) = line.split_at(
                line.find(|c: char| !c.is_ascii_alphanumeric())
                    .unwrap_or(line.len()),
            );
            if key.eq_ignore_ascii_case("url") {
                let Some(value) = rest.trim_start_matches(BLANKS).strip_prefix('=') else {
                    return Origin::Unclear;
                };
                urls.push(value.trim_matches(BLANKS));
            }
        }
    }
    match urls[..] {
        [] => Origin::Plain(None),
        [url] if !url.is_empty() && !url.contains(['"', '\\', '#', ';']) => {
            Origin::Plain(Some(url.to_owned()))
        }
        _ => Origin::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::git::discover;

    /// Git's answer, without a configuration of the user or the system.
    fn asked(dir: &Path) -> Option<String> {
        let mut command = Command::new("git");
        command
            .args(["remote", "get-url", "origin"])
            .current_dir(dir)
            .env_remove("GIT_DIR")
            .env("HOME", dir);
        let output = command
            .env("XDG_CONFIG_HOME", dir)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        output.status.success().then(|| {
            String::from_utf8(output.stdout)
                .unwrap()
                .trim_end()
                .to_owned()
        })
    }

    #[test]
    fn what_is_read_is_what_git_says() {
        let temp = tempfile::tempdir().unwrap();
        let init = Command::new("git")
            .args(["init", "-q"])
            .current_dir(temp.path())
            .output()
            .unwrap();
        assert!(init.status.success());
        let config = temp.path().join(".git/config");
        let base = std::fs::read_to_string(&config).unwrap();
        for (text, is_plain) in [
            ("", true),
            (
                "[remote \"origin\"]\n\turl = https://u:p@example.org/o/r.git\n\tfetch = +refs/heads/*:refs/x/*\n",
                true,
            ),
            (
                "[Remote \"origin\"]\n  URL=git@example.org:o/r.git  \n",
                true,
            ),
            (
                "[remote \"Origin\"]\n\turl = a\n[remote \"upstream\"]\n\turl = b\n",
                true,
            ),
            (
                "# [remote \"origin\"]\n; url = x\n[remote \"origin\"]\n\tpushurl = p\n\turl = u\n[core]\n\turl = c\n",
                true,
            ),
            ("[remote \"origin\"]\n\turl = \"quoted\"\n", false),
            ("[remote \"origin\"]\n\turl = a # comment\n", false),
            ("[remote \"origin\"]\n\turl = a\n\turl = b\n", false),
            ("[remote \"origin\"]\n\turl = a\\\nb\n", false),
            ("[remote \"origin\"] url = a\n", false),
            ("[remote.origin]\n\turl = a\n", false),
            (
                "[remote \"origin\"]\n\turl = gh:o/r\n[url \"git@example.org:team/\"]\n\tinsteadOf = gh:\n",
                false,
            ),
            (
                "[include]\n\tpath = more\n[remote \"origin\"]\n\turl = a\n",
                false,
            ),
            ("[includeIf \"gitdir:/\"]\n\tpath = more\n", false),
        ] {
            std::fs::write(&config, format!("{base}{text}")).unwrap();
            let read = read(&discover(temp.path()).unwrap(), &[]);
            let expected = if is_plain {
                Origin::Plain(asked(temp.path()))
            } else {
                Origin::Unclear
            };
            assert_eq!(read, expected, "{text}");
        }
    }

    /// A character put anywhere into a configuration: what is read is what git reads, or left to
    /// git.
    #[test]
    fn no_odd_character_makes_it_differ_from_git() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("config");
        let asked = || {
            let mut command = Command::new("git");
            command.args(["config", "--file"]).arg(&file).args([
                "--null",
                "--get-all",
                "remote.origin.url",
            ]);
            let output = command
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("HOME", temp.path())
                .output()
                .unwrap();
            // 128: git reads nothing of the repository either.
            (output.status.code() != Some(128)).then(|| String::from_utf8(output.stdout).unwrap())
        };
        let base = "[remote \"origin\"]\n\turl = a\n[core]\n\tx = y\n";
        let odd = [
            "\\", "\"", "#", "]", "\n", "\u{b}", "\u{a0}", "\u{feff}", "\\g", ".", "url",
        ];
        let mut is_plain = 0;
        for (at, odd) in (0..=base.len()).flat_map(|at| odd.map(|odd| (at, odd))) {
            let text = format!("{}{odd}{}", &base[..at], &base[at..]);
            let Origin::Plain(url) = in_text(&text) else {
                continue;
            };
            std::fs::write(&file, &text).unwrap();
            is_plain += 1;
            let Some(said) = asked() else { continue };
            assert_eq!(
                url.map(|url| url + "\0").unwrap_or_default(),
                said,
                "{text:?}"
            );
        }
        assert!(is_plain > 100, "{is_plain}");
    }

    #[test]
    fn another_file_can_change_it() {
        let temp = tempfile::tempdir().unwrap();
        let init = Command::new("git")
            .args(["init", "-q"])
            .current_dir(temp.path())
            .output()
            .unwrap();
        assert!(init.status.success());
        let (checkout, own) = (
            discover(temp.path()).unwrap(),
            temp.path().join("gitconfig"),
        );
        assert_eq!(
            read(&checkout, std::slice::from_ref(&own)),
            Origin::Plain(None),
            "there is none"
        );
        for (text, is_plain) in [
            ("[user]\n\tname = A\n", true),
            ("[url \"a\"]\n\tinsteadOf = b\n", false),
            ("[INCLUDE]\npath = x\n", false),
            ("[remote \"origin\"]\nurl = x\n", false),
        ] {
            std::fs::write(&own, text).unwrap();
            assert_eq!(
                read(&checkout, std::slice::from_ref(&own)) != Origin::Unclear,
                is_plain,
                "{text}"
            );
        }
        std::fs::write(temp.path().join(".git/config.worktree"), "").unwrap();
        assert_eq!(read(&checkout, &[]), Origin::Unclear);
    }
}
