//! The git facts that events carry.

use super::origin::{self, Origin};
use super::{Checkout, Git, head, head::Head, slug};

/// Git facts about a checkout; a fact that is not available is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// The branch; the text `HEAD` if detached; `None` without a commit, and outside repositories.
    pub(crate) branch: Option<String>,
    /// The commit checked out; `None` without one.
    pub(crate) head: Option<String>,
    /// `owner/name` of the remote `origin`.
    pub(crate) repo_slug: Option<String>,
    /// Default name of the project: from the remote `origin`, else from the directory.
    pub(crate) project_slug: String,
    /// Why expected facts are missing, for people.
    pub(crate) warnings: Vec<String>,
}

/// Collects the facts of `checkout`, without a child process if files are enough.
pub(crate) fn facts(git: &Git, checkout: &Checkout) -> Facts {
    let mut facts = Facts::default();
    let mut origin = None;
    if let (Some(git_dir), Some(common_dir)) = (&checkout.git_dir, &checkout.common_dir) {
        let head = head::read(git_dir, common_dir)
            .or_else(|| ask_head(git, checkout, &mut facts.warnings))
            .unwrap_or_default();
        (facts.branch, facts.head) = (head.branch, head.commit);
        origin = match origin::read(checkout, &git.configurations()) {
            Origin::Plain(origin) => origin,
            Origin::Unclear => ask_origin(git, checkout, &mut facts.warnings),
        };
    }
    facts.repo_slug = origin.as_deref().and_then(slug::repo_slug);
    let directory = checkout
        .main_root
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    facts.project_slug = slug::project_slug(origin.as_deref(), &directory.unwrap_or_default());
    facts
}

fn ask_head(git: &Git, checkout: &Checkout, warnings: &mut Vec<String>) -> Option<Head> {
    let answer = ask(
        git,
        checkout,
        &["rev-parse", "HEAD", "--abbrev-ref", "HEAD"],
        warnings,
    )?;
    let (commit, branch) = answer.line()?.split_once('\n')?;
    Some(Head {
        branch: Some(branch.trim().to_owned()),
        commit: Some(commit.trim().to_owned()),
    })
}

/// The URL of `origin` as git would use it (`insteadOf` applied). It may contain a password and is
/// not passed on.
fn ask_origin(git: &Git, checkout: &Checkout, warnings: &mut Vec<String>) -> Option<String> {
    ask(git, checkout, &["remote", "get-url", "origin"], warnings)?
        .line()?
        .lines()
        .next()
        .map(str::to_owned)
}

/// Runs git in the work tree. If git refuses the repository, or cannot run, a warning is added
/// once.
fn ask(
    git: &Git,
    checkout: &Checkout,
    args: &[&str],
    warnings: &mut Vec<String>,
) -> Option<crate::base::child::Answer> {
    let warning = match git.ask(checkout, args) {
        Ok(answer) if answer.is_success || !answer.stderr.contains("dubious ownership") => {
            return Some(answer);
        }
        Ok(_) => "git refuses this repository because another user owns it (see safe.directory); \
                  its facts are left out"
            .to_owned(),
        Err(failure) => format!("{failure}; git facts are left out"),
    };
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use super::*;
    use crate::git::discover;

    fn run(dir: &Path, args: &[&str]) {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=T", "-c", "user.email=t@example.org"])
            .args(args)
            .current_dir(dir);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        let done = command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    fn git() -> Git {
        Git::new(&crate::base::Env::default())
    }

    #[test]
    fn a_repository_over_its_life() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("Tide_Table");
        std::fs::create_dir(&dir).unwrap();
        run(&dir, &["init", "-q", "-b", "trunk"]);
        let of = |dir: &Path| facts(&git(), &discover(dir).unwrap());
        let unborn = of(&dir);
        assert_eq!(
            (unborn.branch, unborn.head, unborn.repo_slug),
            (None, None, None)
        );
        assert_eq!(
            (unborn.project_slug.as_str(), unborn.warnings),
            ("tide-table", vec![])
        );

        run(&dir, &["commit", "-q", "--allow-empty", "-m", "x"]);
        run(
            &dir,
            &[
                "remote",
                "add",
                "origin",
                "git@example.org:harbour/Tide_Service.git",
            ],
        );
        let loose = of(&dir);
        assert_eq!(
            (
                loose.branch.as_deref(),
                loose.head.as_ref().map(String::len)
            ),
            (Some("trunk"), Some(40))
        );
        assert_eq!(
            (loose.repo_slug.as_deref(), loose.project_slug.as_str()),
            (Some("harbour/Tide_Service"), "tide-service")
        );
        run(&dir, &["pack-refs", "--all"]);
        assert_eq!(of(&dir), loose);

        run(&dir, &["tag", "trunk"]);
        assert_eq!(
            of(&dir).branch.as_deref(),
            Some("heads/trunk"),
            "git is asked where the name is ambiguous"
        );
        run(&dir, &["worktree", "add", "-q", "--detach", "../side"]);
        let detached = of(&temp.path().join("side"));
        assert_eq!(
            (detached.branch.as_deref(), &detached.head),
            (Some("HEAD"), &loose.head)
        );
        assert_eq!(detached.project_slug, "tide-service");
    }

    #[test]
    fn without_git_the_files_still_speak() {
        let temp = tempfile::tempdir().unwrap();
        run(temp.path(), &["init", "-q", "-b", "trunk"]);
        run(temp.path(), &["commit", "-q", "--allow-empty", "-m", "x"]);
        run(
            temp.path(),
            &["remote", "add", "origin", "https://example.org/o/r.git"],
        );
        let missing = Git::with("no-such-git-program", Duration::from_secs(1));
        let of = || facts(&missing, &discover(temp.path()).unwrap());
        let found = of();
        assert_eq!(
            (found.branch.as_deref(), found.repo_slug.as_deref()),
            (Some("trunk"), Some("o/r"))
        );
        assert_eq!(found.warnings, Vec::<String>::new());
        run(
            temp.path(),
            &[
                "config",
                "url.https://example.com/.insteadOf",
                "https://example.org/",
            ],
        );
        let found = of();
        assert_eq!(
            (found.branch.as_deref(), found.repo_slug),
            (Some("trunk"), None)
        );
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    }

    #[test]
    fn a_plain_directory_asks_nobody() {
        let temp = tempfile::tempdir().unwrap();
        let missing = Git::with("no-such-git-program", Duration::from_secs(1));
        let found = facts(&missing, &discover(temp.path()).unwrap());
        assert_eq!(
            (found.branch, found.head, found.repo_slug, found.warnings),
            (None, None, None, vec![])
        );
        assert!(!found.project_slug.is_empty());
    }
}
