//! Progress: bars on a terminal, a line every ten seconds in CI, nothing otherwise.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::mutex::held;
use crate::base::{Env, env};
use crate::cli::Globals;

/// Interval of progress lines in CI.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Shows progress. `ops` gets [`Progress::report`] as a plain function and does not depend on the
/// terminal. Dropping it clears the bar and ends the heartbeat.
#[derive(Debug)]
pub(crate) struct Progress(Form);

#[derive(Debug)]
enum Form {
    Silent,
    Bar(ProgressBar),
    Heartbeat(Heartbeat),
}

impl Progress {
    /// The form for the kind of stderr.
    pub(crate) fn of_process(env: &Env, globals: &Globals, is_json: bool) -> Self {
        let is_ci = env.text(env::CI).is_some_and(|v| !env::is_false(v));
        Self(
            match kind(globals, is_json, is_ci, std::io::stderr().is_terminal()) {
                Kind::Silent => Form::Silent,
                Kind::Bar => Form::Bar(bar()),
                Kind::Heartbeat => Form::Heartbeat(Heartbeat::start(HEARTBEAT, |line| {
                    // A closed stderr is ignored.
                    let _closed = writeln!(std::io::stderr(), "{line}");
                })),
            },
        )
    }

    /// `done` of `total` of a `step` are finished; `total` is `None` if unknown.
    pub(crate) fn report(&self, step: &str, done: u64, total: Option<u64>) {
        match &self.0 {
            Form::Silent => {}
            Form::Bar(bar) => {
                if bar.message() != step {
                    bar.set_message(step.to_owned());
                    bar.reset_eta();
                }
                match total {
                    Some(total) => bar.set_length(total),
                    None => bar.unset_length(),
                }
                bar.set_position(done);
            }
            Form::Heartbeat(heartbeat) => heartbeat.now_at(step, done, total),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Silent,
    Bar,
    Heartbeat,
}

/// Log lines and a bar would overwrite each other, so `-v` switches bars off.
fn kind(globals: &Globals, is_json: bool, is_ci: bool, is_terminal: bool) -> Kind {
    if globals.quiet || is_json {
        Kind::Silent
    } else if is_ci {
        Kind::Heartbeat
    } else if is_terminal && globals.verbose == 0 {
        Kind::Bar
    } else {
        Kind::Silent
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(
        "{spinner} {msg} {human_pos}/{human_len}, {per_sec}, {eta} left",
    ) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A thread that prints the progress at intervals, even while nothing is reported.
#[derive(Debug)]
struct Heartbeat {
    shared: Arc<(Mutex<Pulse>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Pulse {
    step: String,
    done: u64,
    total: Option<u64>,
    is_over: bool,
}

impl Heartbeat {
    fn start(every: Duration, say: impl Fn(&str) + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Pulse::default()), Condvar::new()));
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let (pulse, wake) = &*seen;
            let mut pulse = held(pulse);
            loop {
                let (next, timeout) = wake
                    .wait_timeout_while(pulse, every, |p| !p.is_over)
                    .unwrap_or_else(PoisonError::into_inner);
                if !timeout.timed_out() {
                    return;
                }
                say(&line(&next, begun.elapsed()));
                pulse = next;
            }
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    fn now_at(&self, step: &str, done: u64, total: Option<u64>) {
        let mut pulse = held(&self.shared.0);
        if pulse.step != step {
            step.clone_into(&mut pulse.step);
        }
        (pulse.done, pulse.total) = (done, total);
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        held(&self.shared.0).is_over = true;
        self.shared.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panicked heartbeat is ignored.
            let _panicked = thread.join();
        }
    }
}

fn line(pulse: &Pulse, elapsed: Duration) -> String {
    let step = if pulse.step.is_empty() {
        "working"
    } else {
        &pulse.step
    };
    let of = pulse
        .total
        .map(|total| format!("/{total}"))
        .unwrap_or_default();
    format!(
        "sk-sync: {step} {}{of} ({} s)",
        pulse.done,
        elapsed.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_suits_the_place() {
        let (plain, quiet) = (
            Globals::default(),
            Globals {
                quiet: true,
                ..Globals::default()
            },
        );
        let verbose = Globals {
            verbose: 1,
            ..Globals::default()
        };
        for (globals, is_json, is_ci, is_terminal, expected) in [
            (&quiet, false, true, true, Kind::Silent),
            (&plain, true, true, true, Kind::Silent),
            (&plain, false, true, true, Kind::Heartbeat),
            (&verbose, false, true, false, Kind::Heartbeat),
            (&plain, false, false, true, Kind::Bar),
            (&verbose, false, false, true, Kind::Silent),
            (&plain, false, false, false, Kind::Silent),
        ] {
            assert_eq!(
                kind(globals, is_json, is_ci, is_terminal),
                expected,
                "{globals:?} {is_json} {is_ci} {is_terminal}"
            );
        }
    }

    #[test]
    fn a_heartbeat_speaks_without_being_reported_to_and_ends_when_dropped() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let heartbeat = Heartbeat::start(Duration::from_millis(1), move |line| {
            let _gone = sender.send(line.to_owned());
        });
        heartbeat.now_at("upload", 3, Some(9));
        let line = receiver
            .iter()
            .find(|line| line.contains("upload"))
            .unwrap();
        assert!(line.starts_with("sk-sync: upload 3/9 ("), "{line}");
        drop(heartbeat);
        receiver.iter().for_each(drop);
    }
}
