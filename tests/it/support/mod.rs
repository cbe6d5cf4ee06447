//! Shared code of the tests: a sandbox for the program, a scripted server, and a reader of this
//! project's sources.

#[cfg(unix)]
pub(crate) mod advice;
pub(crate) mod chance;
pub(crate) mod gates;
pub(crate) mod help;
pub(crate) mod hub;
mod message;
pub(crate) mod older;
#[cfg(all(unix, feature = "postgres"))]
pub(crate) mod postgres;
#[cfg(unix)]
pub(crate) mod programs;
pub(crate) mod proxy;
#[cfg(unix)]
pub(crate) mod rights;
mod run;
pub(crate) mod sandbox;
mod served;
pub(crate) mod server;
pub(crate) mod source;
pub(crate) mod stores;
mod time;
pub(crate) mod tls;
pub(crate) mod wire;

pub(crate) use run::Run;
pub(crate) use sandbox::Sandbox;
pub(crate) use served::Served;

/// True when the person at the keyboard asked for tests that take their time
/// (`SK_SYNC_LONG_TESTS=1`).
#[expect(clippy::disallowed_methods, reason = "tests read their environment")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("SK_SYNC_LONG_TESTS").is_some_and(|value| value == "1")
}

/// A number in the environment of the tests.
#[expect(clippy::disallowed_methods, reason = "tests read their environment")]
pub(crate) fn wanted(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={value}"))
    })
}

/// Prints a line that is read: figures, and what was skipped.
#[expect(clippy::print_stderr, reason = "a person reads it")]
pub(crate) fn tell(line: &str) {
    eprintln!("{line}");
}

/// Lets time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has nobody to interrupt it"
)]
pub(crate) fn pause(time: std::time::Duration) {
    std::thread::sleep(time);
}

/// Lets the first waits after a failed try pass: they are up to a second, and not measured.
pub(crate) fn let_waits_pass() {
    pause(std::time::Duration::from_millis(1100));
}

/// Copies a directory with everything in it.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
