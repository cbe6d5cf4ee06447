//! Where `log` lines go: stderr, as much as `-v` asks for. Secrets never get here; their types do not print.

use std::io::Write as _;

use log::{LevelFilter, Log, Metadata, Record};

use crate::base::text;
use crate::cli::Globals;

/// Lines of this program alone; what libraries log may hold addresses and headers.
const OURS: &str = env!("CARGO_CRATE_NAME");

#[derive(Debug)]
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && is_ours(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // A closed stderr is nobody's concern.
            let _closed = writeln!(std::io::stderr(), "{}", line(record));
        }
    }

    fn flush(&self) {}
}

fn is_ours(target: &str) -> bool {
    target.split("::").next() == Some(OURS)
}

/// `debug: store: opened …`: the level, the module's last name, the words.
fn line(record: &Record<'_>) -> String {
    let level = record.level().as_str().to_ascii_lowercase();
    let module = record.target().rsplit("::").next().unwrap_or_default();
    format!("{level}: {module}: {}", text::printable(&record.args().to_string()))
}

/// How much is logged: `-v` info, `-vv` debug, `-vvv` trace. Nothing with `--quiet`, and nothing with `--json`, whose
/// document carries the warnings.
fn level(globals: &Globals, is_json: bool) -> LevelFilter {
    match globals.verbose {
        _ if globals.quiet || is_json => LevelFilter::Off,
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

/// Starts logging for the rest of the process. A second start changes the level only.
pub(super) fn start(globals: &Globals, is_json: bool) {
    let _already_set = log::set_logger(&Stderr);
    log::set_max_level(level(globals, is_json));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_chooses_the_level() {
        let globals = |quiet, verbose| Globals { quiet, verbose, ..Globals::default() };
        for (quiet, verbose, is_json, expected) in [
            (false, 0, false, LevelFilter::Warn),
            (false, 1, false, LevelFilter::Info),
            (false, 2, false, LevelFilter::Debug),
            (false, 9, false, LevelFilter::Trace),
            (true, 0, false, LevelFilter::Off),
            (false, 2, true, LevelFilter::Off),
        ] {
            assert_eq!(level(&globals(quiet, verbose), is_json), expected);
        }
    }

    #[test]
    fn only_lines_of_this_program_are_shown() {
        assert!(is_ours("sk_sync::store::open") && is_ours("sk_sync"));
        assert!(!is_ours("ureq::run") && !is_ours("sk_sync_other::x"));
    }

    #[test]
    fn a_line_cannot_steer_the_terminal() {
        let record =
            Record::builder().level(log::Level::Debug).target("sk_sync::store").args(format_args!("a\nb")).build();
        assert_eq!(line(&record), "debug: store: a\\nb");
    }
}
