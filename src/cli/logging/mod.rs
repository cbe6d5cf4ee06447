//! Destinations of `log` lines: stderr, as much as `-v` asks for, and a named file. Secrets do not
//! get here, since their types cannot be printed; lines for a file are still searched for them.

mod file;
mod redact;

pub(crate) use file::LogFormat;

use std::io::Write as _;
use std::sync::{Mutex, OnceLock};

use log::{Level, LevelFilter, Log, Metadata, Record};

use self::file::{Line, LogFile};
use self::redact::Redactor;
use crate::base::clock::SystemClock;
use crate::base::env::{SECRET_PREFIX, TOKEN};
use crate::base::mutex::held;
use crate::base::{Clock as _, Env, text};
use crate::cli::{Failure, Globals};

/// Only lines of this program; lines of libraries may contain URLs and headers.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// The named file, once it is open.
static FILE: OnceLock<Mutex<LogFile>> = OnceLock::new();
/// Level for stderr.
static STDERR: OnceLock<LevelFilter> = OnceLock::new();

#[derive(Debug)]
struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && is_ours(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        if STDERR.get().is_some_and(|most| record.level() <= *most) {
            // A closed stderr is ignored.
            let _closed = writeln!(std::io::stderr(), "{}", line(record));
        }
        let module = record.target().rsplit("::").next().unwrap_or_default();
        keep(record.level(), module, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Writes a line only to the file, if there is one: messages shown to the user, and results of
/// commands.
pub(crate) fn keep(level: Level, module: &str, message: &str) {
    let Some(file) = FILE.get() else { return };
    let line = Line {
        at: SystemClock.now(),
        level,
        module,
        message,
    };
    // A log that cannot be written must not stop the work; the result of the work is reported
    // elsewhere.
    let _unwritten = held(file).write(&line);
}

fn is_ours(target: &str) -> bool {
    target.split("::").next() == Some(OURS)
}

/// `debug: store: opened …`: the level, the module's last name, the message.
fn line(record: &Record<'_>) -> String {
    let level = record.level().as_str().to_ascii_lowercase();
    let module = record.target().rsplit("::").next().unwrap_or_default();
    format!(
        "{level}: {module}: {}",
        text::printable(&record.args().to_string())
    )
}

/// How much is logged: `-v` info, `-vv` debug, `-vvv` trace. Nothing with `--quiet`, and nothing
/// with `--json`, whose document carries the warnings.
fn level(globals: &Globals, is_json: bool) -> LevelFilter {
    match globals.verbose {
        _ if globals.quiet || is_json => LevelFilter::Off,
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

/// Level for a file: one step more than stderr.
const fn file_level(verbose: u8) -> LevelFilter {
    match verbose {
        0 => LevelFilter::Info,
        1 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

/// Starts logging for the rest of the process.
pub(super) fn start(env: &Env, globals: &Globals, is_json: bool) -> Result<(), Failure> {
    let stderr = level(globals, is_json);
    let mut most = stderr;
    if let Some(path) = &globals.log_file {
        let secrets = env
            .pairs()
            .filter(|(name, _)| *name == TOKEN || name.starts_with(SECRET_PREFIX));
        let redactor = Redactor::new(secrets.map(|(_, value)| value));
        let file = LogFile::open(path, globals.log_format, redactor)
            .map_err(|error| Failure::io(&error))?;
        let _already_set = FILE.set(Mutex::new(file));
        most = most.max(file_level(globals.verbose));
    }
    let _already_set = STDERR.set(stderr);
    let _already_set = log::set_logger(&Lines);
    log::set_max_level(most);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_chooses_the_level() {
        let globals = |quiet, verbose| Globals {
            quiet,
            verbose,
            ..Globals::default()
        };
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
        let record = Record::builder()
            .level(Level::Debug)
            .target("sk_sync::store")
            .args(format_args!("a\nb"))
            .build();
        assert_eq!(line(&record), "debug: store: a\\nb");
    }
}
