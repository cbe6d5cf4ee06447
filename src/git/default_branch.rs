//! The branch that missions are merged into if they name none.

use super::{Checkout, Git, head, plain};

/// The last part of `origin/HEAD`, else the current branch (in a rebase, the one that is rebased),
/// else the first of `main`, `master` and `develop` that exists, else `main`. Read from files if
/// possible; else with up to two child processes.
pub(crate) fn default_branch(git: &Git, checkout: &Checkout) -> String {
    of_origin(git, checkout)
        .or_else(|| current(git, checkout))
        .or_else(|| usual(git, checkout))
        .unwrap_or_else(|| "main".to_owned())
}

fn of_origin(git: &Git, checkout: &Checkout) -> Option<String> {
    const NAME: &str = "refs/remotes/origin/HEAD";
    let target = match head::symbolic_ref(checkout.common_dir.as_ref()?, NAME) {
        Some(target) => target,
        None => git
            .ask(checkout, &["symbolic-ref", "--quiet", NAME])
            .ok()?
            .line()?
            .to_owned(),
    };
    target
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn current(git: &Git, checkout: &Checkout) -> Option<String> {
    let plain = head::read(checkout.git_dir.as_ref()?, checkout.common_dir.as_ref()?);
    let branch = match plain {
        Some(head) => head.branch?,
        None => git
            .ask(checkout, &["rev-parse", "--abbrev-ref", "HEAD"])
            .ok()?
            .line()?
            .to_owned(),
    };
    if branch == "HEAD" {
        rebased(checkout)
    } else {
        Some(branch)
    }
}

/// The branch being rebased, while `HEAD` is detached; `None` outside a rebase.
fn rebased(checkout: &Checkout) -> Option<String> {
    let dir = checkout.git_dir.as_ref()?;
    let name = |state: &str| plain::text(&dir.join(state).join("head-name")).ok();
    let name = name("rebase-merge").or_else(|| name("rebase-apply"))?;
    name.trim().strip_prefix("refs/heads/").map(str::to_owned)
}

fn usual(git: &Git, checkout: &Checkout) -> Option<String> {
    const NAMES: [&str; 3] = ["main", "master", "develop"];
    let common_dir = checkout.common_dir.as_ref()?;
    let plain = NAMES.map(|name| head::has_ref(common_dir, &format!("refs/heads/{name}")));
    if plain.iter().all(Option::is_some) {
        let found = NAMES.iter().zip(plain).find(|(_, has)| *has == Some(true));
        return found.map(|(name, _)| (*name).to_owned());
    }
    let args = [
        "for-each-ref",
        "--format=%(refname)",
        "refs/heads/main",
        "refs/heads/master",
        "refs/heads/develop",
    ];
    let answer = git.ask(checkout, &args).ok()?;
    let exists = |name: &&str| {
        answer.line().is_some_and(|l| {
            l.lines()
                .any(|l| l.strip_prefix("refs/heads/") == Some(name))
        })
    };
    NAMES.into_iter().find(exists).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

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
        assert!(command.output().unwrap().status.success(), "{args:?}");
    }

    #[test]
    fn each_step_of_the_fallback() {
        let git = Git::new(&crate::base::Env::default());
        let temp = tempfile::tempdir().unwrap();
        let of = || default_branch(&git, &discover(temp.path()).unwrap());
        assert_eq!(of(), "main", "a plain directory");
        run(temp.path(), &["init", "-q", "-b", "topic/x"]);
        assert_eq!(of(), "main", "nothing exists yet");
        run(temp.path(), &["commit", "-q", "--allow-empty", "-m", "x"]);
        assert_eq!(of(), "topic/x", "the current branch");
        run(temp.path(), &["branch", "develop"]);
        run(temp.path(), &["checkout", "-q", "--detach"]);
        assert_eq!(of(), "develop", "the one that exists");
        std::fs::create_dir(temp.path().join(".git/rebase-merge")).unwrap();
        std::fs::write(
            temp.path().join(".git/rebase-merge/head-name"),
            "refs/heads/topic/x\n",
        )
        .unwrap();
        assert_eq!(of(), "topic/x", "the branch that is being rebased");
        run(
            temp.path(),
            &[
                "symbolic-ref",
                "refs/remotes/origin/HEAD",
                "refs/remotes/origin/release/2.x",
            ],
        );
        assert_eq!(of(), "2.x", "the last part of origin's");
    }
}
