//! Doing what was decided.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::survey::asked;
use super::{Error, Hook, Plan, Standing, Step, script};
use crate::base::files;
use crate::git::{Checkout, Git};

/// Does the steps of a plan in order; stops at the first that fails. Doing what is left of it later does no harm.
pub(crate) fn apply(git: &Git, checkout: &Checkout, plan: &Plan) -> Result<(), Error> {
    for step in &plan.steps {
        if matches!(step, Step::Set { .. } | Step::RemoveSection(_)) {
            refuse_link(checkout)?;
        }
        match step {
            Step::Set { key, value } => drop(asked(git, checkout, &["config", "--local", key, value])?),
            Step::RemoveSection(name) => drop(asked(git, checkout, &["config", "--local", "--remove-section", name])?),
            Step::Write(path, text) => write(path, text)?,
            Step::Remove(hook, path) => remove(*hook, path)?,
            // Somebody else's files keep it.
            Step::RemoveEmptyDir(dir) => drop(std::fs::remove_dir(dir)),
        }
    }
    Ok(())
}

/// git writes through a link: that of an unpacked archive may lead to the person's own configuration.
fn refuse_link(checkout: &Checkout) -> std::io::Result<()> {
    let Some(config) = checkout.common_dir.as_ref().map(|dir| dir.join("config")) else { return Ok(()) };
    if std::fs::symlink_metadata(&config).is_ok_and(|meta| meta.is_symlink()) {
        let error = std::io::Error::other("it is a link, and git would write to the file that it leads to");
        return Err(files::named(&error, "cannot change", &config));
    }
    Ok(())
}

/// Writes a hook where there is none: somebody who came in between keeps theirs.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|e| files::named(&e, "cannot create directory", dir))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // As git's own samples: executable, less what the umask takes.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    let mut file = options.open(path).map_err(|e| files::named(&e, "cannot create", path))?;
    file.write_all(text.as_bytes()).map_err(|e| files::named(&e, "cannot write", path))
}

/// Removes a hook that is still ours, byte for byte.
fn remove(hook: Hook, path: &Path) -> std::io::Result<()> {
    let is_ours = |bytes: Vec<u8>| matches!(script::recognise(hook, &bytes, None), Standing::Ours | Standing::Outdated);
    if std::fs::read(path).is_ok_and(is_ours) {
        return std::fs::remove_file(path).map_err(|e| files::named(&e, "cannot remove", path));
    }
    Ok(())
}
