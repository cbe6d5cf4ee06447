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
