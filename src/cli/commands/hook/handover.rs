//! What a hook leaves to a background process, and what it tells in the log: it has no other output.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::base::{Clock as _, clock::SystemClock};
use crate::cli::Context;
use crate::hook;

/// Input of the watchdog's handover, once it is known.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// The log of hooks.
    pub(super) log: Option<PathBuf>,
    /// Hooks may start a delivery.
    pub(super) delivers: bool,
}

/// The arguments of the background process: those of this process up to its command, with another
/// command.
pub(super) fn leave_words(context: &Context) -> Vec<OsString> {
    let own: Vec<_> = std::env::args_os()
        .skip(1)
        .take_while(|word| word != "hook")
        .collect();
    let names_repo = own
        .iter()
        .any(|word| word.to_string_lossy().starts_with("--repo"));
    let below = context.globals.repo.clone().filter(|_| !names_repo);
    let repo = below
        .into_iter()
        .flat_map(|dir| [OsString::from("--repo"), dir.into_os_string()]);
    own.into_iter()
        .chain(repo)
        .chain(["hook", "deliver"].map(OsString::from))
        .collect()
}

pub(super) fn leave(words: &[OsString]) -> std::io::Result<()> {
    hook::leave_behind(&std::env::current_exe()?, words)
}

/// The watchdog's last act: hands the capture to a background process, or logs that it was not
/// made.
pub(super) fn hand_over(handover: &Mutex<Handover>, mut words: Vec<OsString>) {
    let Ok(known) = handover.lock() else { return };
    let Some(log) = &known.log else { return };
    if known.delivers {
        words.push("--index".into());
        let said = leave(&words).map_or_else(
            |e| format!(", nor can it be left to another process: {e}"),
            |()| String::new(),
        );
        tell(
            log,
            &format!("the time of this hook is over (hook.budget){said}"),
        );
    } else {
        tell(
            log,
            "the time of this hook is over (hook.budget); the next hook or run captures what changed",
        );
    }
}

/// Writes a line to the log, because a hook has no other output.
pub(super) fn tell(log: &Path, said: &str) {
    if let Err(error) = hook::note(log, SystemClock.now(), said) {
        log::debug!("cannot write {}: {error}", log.display());
    }
}
