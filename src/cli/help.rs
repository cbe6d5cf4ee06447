//! The parts of the top-level help that are not options: examples, exit codes, environment.

use std::fmt::Write as _;

use crate::base::env;
use crate::cli::Exit;

/// Shown by `-h` and `--help`.
pub(crate) const EXAMPLES: &str = "\
Examples:
  sk-sync init --project            write an event-sync.toml with a new project identity
  sk-sync run --preset stub         try everything against a receiver inside sk-sync
  sk-sync run                       index, capture, and deliver to the configured target
  sk-sync run --json --strict       the same for a script: one JSON document, no leniency
  sk-sync status --check            is anything owed, stuck or blocked? The exit code says";

/// Examples, exit codes and environment variables, shown by `--help`.
pub(crate) fn after_long_help() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "  {:>3}  {}", exit.code(), exit.meaning());
    }
    text.push_str("\nEnvironment variables:\n");
    for variable in env::ALL {
        let _infallible = writeln!(text, "  {}\n          {}", variable.name, variable.meaning);
    }
    let _infallible = write!(
        text,
        "  {}<SECTION>__<KEY>\n          any configuration key, as {}DRAIN__MAX_EVENTS=200",
        env::KEY_PREFIX,
        env::KEY_PREFIX
    );
    text
}
