//! Carries out a plan.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::survey::asked;
use super::{Error, Hook, Plan, Standing, Step, script};
use crate::base::files;
use crate::git::{Checkout, Git};

/// Does the steps of a plan in order; stops at the first that fails. The remaining steps can be
/// carried out later.
pub(crate) fn apply(git: &Git, checkout: &Checkout, plan: &Plan) -> Result<(), Error> {
    for step in &plan.steps {
        if matches!(step, Step::Set { .. } | Step::RemoveSection(_)) {
            refuse_link(checkout)?;
        }
        match step {
            Step::Set { key, value } => {
                drop(asked(git, checkout, &["config", "--local", key, value])?);
            }
            Step::RemoveSection(name) => drop(asked(
                git,
                checkout,
                &["config", "--local", "--remove-section", name],
            )?),
            Step::Write(path, text) => write(path, text)?,
            Step::Remove(hook, path) => remove(*hook, path)?,
            // Fails while it contains other files, which keep it.
            Step::RemoveEmptyDir(dir) => drop(std::fs::remove_dir(dir)),
        }
    }
    Ok(())
}

/// Git writes through a link: that of an unpacked archive may lead to the user's own configuration.
fn refuse_link(checkout: &Checkout) -> std::io::Result<()> {
    let Some(config) = checkout.common_dir.as_ref().map(|dir| dir.join("config")) else {
        return Ok(());
    };
    if std::fs::symlink_metadata(&config).is_ok_and(|meta| meta.is_symlink()) {
        let error =
            std::io::Error::other("it is a link, and git would write to the file that it leads to");
        return Err(files::named(&error, "cannot change", &config));
    }
    Ok(())
}

/// Writes a hook only if the file does not exist, even if another process created it just now.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)
            .map_err(|e| files::named(&e, "cannot create directory", dir))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // As git's own samples: executable, minus the umask.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    let mut file = options
        .open(path)
        .map_err(|e| files::named(&e, "cannot create", path))?;
    file.write_all(text.as_bytes())
        .map_err(|e| files::named(&e, "cannot write", path))
}

/// Removes a hook file if its bytes are still those that this program wrote.
fn remove(hook: Hook, path: &Path) -> std::io::Result<()> {
    let is_ours = |bytes: Vec<u8>| {
        matches!(
            script::recognise(hook, &bytes, None),
            Standing::Ours | Standing::Outdated
        )
    };
    if std::fs::read(path).is_ok_and(is_ours) {
        return std::fs::remove_file(path).map_err(|e| files::named(&e, "cannot remove", path));
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::base::Env;

    #[test]
    fn a_configuration_that_is_a_link_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let git_dir = dir.path().join("r/.git");
        std::fs::create_dir_all(git_dir.join("objects")).unwrap();
        std::fs::create_dir_all(git_dir.join("refs")).unwrap();
        std::fs::write(git_dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let (own, text) = (dir.path().join("gitconfig"), "[user]\n\tname = A\n");
        std::fs::write(&own, text).unwrap();
        std::os::unix::fs::symlink(&own, git_dir.join("config")).unwrap();
        let checkout = crate::git::discover(&dir.path().join("r")).unwrap();
        let plan = Plan {
            steps: vec![Step::Set {
                key: "user.name".to_owned(),
                value: "B".to_owned(),
            }],
            ..Plan::default()
        };
        let env = Env::of(&[("PATH", "/usr/local/bin:/usr/bin:/bin")]);
        let error = apply(&Git::new(&env), &checkout, &plan).unwrap_err();
        assert!(error.to_string().contains("it is a link"), "{error}");
        assert_eq!(std::fs::read_to_string(own).unwrap(), text);
    }
}
