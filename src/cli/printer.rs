//! Writes to stdout and stderr: results to stdout, everything else to stderr.
//!
//! A reader that closed the pipe is not an error: the rest is dropped silently and the work
//! continues. Any other write error is kept and reported at the end, so that a full disk behind `>
//! file` is never taken for success.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::{Arc, Mutex};

use log::Level;
use serde::Serialize;

use crate::base::mutex::held;
use crate::base::{Env, env, text};
use crate::cli::globals::ColorChoice;
use crate::cli::logging::keep;
use crate::cli::table::Table;
use crate::cli::{Exit, Failure, Globals, Reply};

/// A handle on both streams; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    out: Arc<Mutex<Sink>>,
    err: Arc<Mutex<Sink>>,
    is_quiet: bool,
    is_json: bool,
    out_paint: Paint,
    err_paint: Paint,
}

/// One stream, and its first error.
struct Sink {
    to: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Sink {
    fn shared(to: impl Write + Send + 'static) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            to: Box::new(to),
            failed: None,
        }))
    }

    /// Writes until the first error; then drops everything.
    fn write(&mut self, line: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.to, "{line}").err();
        }
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.to.flush().err();
        }
    }
}

impl Printer {
    /// The streams of this process.
    pub(crate) fn of_process(env: &Env, globals: &Globals, is_json: bool) -> Self {
        let paint = |is_terminal| Paint(wants_color(globals.color, env, is_terminal));
        Self {
            out: Sink::shared(BufWriter::new(io::stdout())),
            err: Sink::shared(io::stderr()),
            is_quiet: globals.quiet,
            is_json,
            out_paint: paint(io::stdout().is_terminal()),
            err_paint: paint(io::stderr().is_terminal()),
        }
    }

    /// True if the result is one JSON document.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// The colours of results.
    pub(crate) fn paint(&self) -> Paint {
        self.out_paint
    }

    /// One line of the result.
    pub(crate) fn result(&self, line: &str) {
        held(&self.out).write(line);
    }

    /// Lines of the result.
    pub(crate) fn results(&self, lines: impl IntoIterator<Item = String>) {
        lines.into_iter().for_each(|line| self.result(&line));
    }

    /// A table of the result.
    pub(crate) fn table(&self, table: &Table) {
        self.results(table.lines());
    }

    /// The result as one JSON document: see [`Reply`].
    pub(crate) fn reply(&self, command: &str, exit: Exit, body: &impl Serialize) {
        self.print(&Reply::new(command, exit, body));
    }

    /// The same, for a reply that exists already.
    pub(crate) fn print<T: Serialize>(&self, reply: &Reply<'_, T>) {
        self.line_of_json(reply);
    }

    /// One line of a result that is a stream of JSON values; a document is a [`Reply`].
    pub(crate) fn line_of_json(&self, document: &impl Serialize) {
        let mut out = held(&self.out);
        match serde_json::to_string(document) {
            Ok(text) => out.write(&text::printable_json(&text)),
            Err(error) => out.failed = Some(error.into()),
        }
    }

    /// Flushes buffered results.
    pub(crate) fn flush(&self) {
        held(&self.out).flush();
    }

    /// True once stdout is closed: a listing may stop.
    pub(crate) fn is_closed(&self) -> bool {
        held(&self.out).failed.is_some()
    }

    /// A line for the user; silent with `--quiet` and `--json`.
    pub(crate) fn note(&self, line: &str) {
        keep(Level::Info, "cli", line);
        if !self.is_quiet && !self.is_json {
            self.aside(&printable_lines(line));
        }
    }

    /// A warning; silent with `--quiet` and `--json` (the document has its own list).
    pub(crate) fn warning(&self, line: &str) {
        keep(Level::Warn, "cli", line);
        if !self.is_quiet && !self.is_json {
            self.aside(&format!(
                "{} {}",
                self.err_paint.yellow("warning:"),
                printable_lines(line)
            ));
        }
    }

    /// A failure: on stderr, or with `--json` as the document that `command` did not print. Never
    /// both, so that a reader of both streams together gets one document.
    pub(crate) fn failure(&self, command: Option<&str>, failure: &Failure) {
        keep(Level::Error, "cli", &failure.message);
        if self.is_json && command.is_some() {
            return self.error_document(command, failure);
        }
        self.aside(&format!(
            "{} {}",
            self.err_paint.red("error:"),
            printable_lines(&failure.message)
        ));
        for cause in &failure.causes {
            self.aside(&format!("  caused by: {}", printable_lines(cause)));
        }
        if let Some(hint) = &failure.hint {
            self.aside(&format!(
                "{} {}",
                self.err_paint.cyan("hint:"),
                printable_lines(hint)
            ));
        }
    }

    /// The document of a command that failed before it had one.
    pub(crate) fn error_document(&self, command: Option<&str>, failure: &Failure) {
        self.line_of_json(&failure.document(command));
    }

    /// Flushes both streams. The first error of stdout that is not a closed pipe is returned.
    pub(crate) fn finish(&self) -> io::Result<()> {
        held(&self.err).flush();
        let mut out = held(&self.out);
        out.flush();
        match out.failed.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// A line on stderr, after the results so far.
    fn aside(&self, line: &str) {
        held(&self.out).flush();
        held(&self.err).write(line);
    }
}

/// Each line of `words` made printable: untrusted text can neither control the terminal nor start a
/// line.
fn printable_lines(words: &str) -> String {
    words
        .lines()
        .map(text::printable)
        .collect::<Vec<_>>()
        .join("\n")
}

/// True if a stream gets colours (<https://bixense.com/clicolors>, <https://no-color.org>).
fn wants_color(choice: ColorChoice, env: &Env, is_terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if env.text(env::NO_COLOR).is_some() => false,
        ColorChoice::Auto if env.text(env::CLICOLOR_FORCE).is_some_and(|v| v != "0") => true,
        ColorChoice::Auto => is_terminal && env.text(env::TERM) != Some("dumb"),
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Paint(bool);

impl Paint {
    fn with(self, code: &str, words: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{words}\u{1b}[0m")
        } else {
            words.to_owned()
        }
    }

    /// For success.
    pub(crate) fn green(self, words: &str) -> String {
        self.with("32", words)
    }

    /// For warnings.
    pub(crate) fn yellow(self, words: &str) -> String {
        self.with("33", words)
    }

    /// For errors.
    pub(crate) fn red(self, words: &str) -> String {
        self.with("1;31", words)
    }

    /// For next steps.
    pub(crate) fn cyan(self, words: &str) -> String {
        self.with("36", words)
    }

    /// For headings.
    pub(crate) fn bold(self, words: &str) -> String {
        self.with("1", words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that a test can read after the printer wrote them.
    #[derive(Clone, Default)]
    struct Shown(Arc<Mutex<Vec<u8>>>);

    impl Write for Shown {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Shown {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printer(
        out: impl Write + Send + 'static,
        err: &Shown,
        is_quiet: bool,
        is_json: bool,
    ) -> Printer {
        let paint = Paint(false);
        let (out, err) = (Sink::shared(out), Sink::shared(err.clone()));
        Printer {
            out,
            err,
            is_quiet,
            is_json,
            out_paint: paint,
            err_paint: paint,
        }
    }

    #[test]
    fn a_failure_is_words_on_stderr_or_a_document_on_stdout() {
        for (is_quiet, is_json, notes) in [
            (false, false, "n\nwarning: w\n"),
            (true, false, ""),
            (false, true, ""),
        ] {
            let (out, err) = (Shown::default(), Shown::default());
            let printer = printer(out.clone(), &err, is_quiet, is_json);
            printer.note("n");
            printer.warning("w");
            assert_eq!(
                (out.text(), err.text()),
                (String::new(), notes.to_owned()),
                "quiet {is_quiet} json {is_json}"
            );
            printer.failure(Some("run"), &Failure::usage("bad \u{1b}[2J").with_hint("h"));
            assert_eq!(
                err.text().ends_with("error: bad \\u{1b}[2J\nhint: h\n"),
                !is_json,
                "{}",
                err.text()
            );
            assert_eq!(out.text().contains("\"ok\":false"), is_json);
            // If not even a document can be written, stderr is used.
            printer.failure(None, &Failure::usage("stdout is full"));
            assert!(
                err.text().ends_with("error: stdout is full\n"),
                "{}",
                err.text()
            );
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is_one() {
        for (kind, ok) in [
            (io::ErrorKind::BrokenPipe, true),
            (io::ErrorKind::StorageFull, false),
        ] {
            let printer = printer(Broken(kind), &Shown::default(), false, false);
            assert!(!printer.is_closed());
            printer.result("x");
            printer.result("y");
            assert!(printer.is_closed());
            assert_eq!(printer.finish().is_ok(), ok, "{kind:?}");
        }
    }

    #[test]
    fn colour_follows_the_choice_then_the_environment_then_the_terminal() {
        let auto = ColorChoice::Auto;
        for (choice, vars, is_terminal, expected) in [
            (auto, &[][..], true, true),
            (auto, &[], false, false),
            (auto, &[("NO_COLOR", "1")], true, false),
            (auto, &[("NO_COLOR", ""), ("TERM", "xterm")], true, true),
            (auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (auto, &[("CLICOLOR_FORCE", "0")], false, false),
            (auto, &[("TERM", "dumb")], true, false),
            (ColorChoice::Always, &[("NO_COLOR", "1")], false, true),
            (ColorChoice::Never, &[("CLICOLOR_FORCE", "1")], true, false),
        ] {
            assert_eq!(
                wants_color(choice, &Env::of(vars), is_terminal),
                expected,
                "{choice:?} {vars:?} {is_terminal}"
            );
        }
    }
}
