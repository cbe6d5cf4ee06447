//! Memory use of the command `capture` for inputs of different lengths.

use std::io::{BufRead as _, Write as _};
use std::process::{Child, Stdio};
use std::time::Instant;

use super::corpus::{Kind, Stream};
use super::error::Error;
use super::ground::Ground;
use super::site::Site;
use super::stage::Stage;
use super::suite::{Measure, Reading, RowPlan, Suite};

const SHORT: &str = "the same with an input of 50,000 lines at most";
/// Lines of the short input: enough to fill every buffer and SQLite's cache.
const SHORT_LINES: u64 = 50_000;

/// Adds the lanes of a long and a short input, if the system reports the memory use of a process.
pub(super) fn lanes<'a>(
    suite: &mut Suite<'a>,
    stage: &'a Stage,
    ground: &'a Ground,
    lines: u64,
) -> Result<(), Error> {
    if most_memory(std::process::id()).is_none() {
        return Ok(());
    }
    let [long, short] = [lines, SHORT_LINES.min(lines / 2)].map(|count| {
        let project = Site::new(stage, ground, &format!("stream-{count}"))?;
        let name = format!("capture of {count} lines");
        Ok::<_, Error>(suite.lane(name, move || capture(&project, count)))
    });
    suite.row(RowPlan {
        name: "enqueue.memory",
        work: long?,
        limit: short?,
        limit_is: SHORT,
        measure: Measure::Mebibytes,
        params: vec![("events", lines)],
    });
    Ok(())
}

/// The peak memory of `capture` for `count` lines, in bytes. Read while the input is open, so only
/// the last batch is missed.
fn capture(project: &Site, count: u64) -> Result<Reading, Error> {
    project.forget()?;
    let begun = Instant::now();
    let mut child = project
        .command(&["capture", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let fed = feed(&mut child, count);
    let status = child.wait()?;
    match fed {
        Ok(memory) if status.success() => Ok(Reading {
            wall: begun.elapsed(),
            memory,
            ..Reading::default()
        }),
        Ok(_) => Err(Error::Work(format!("sk-sync capture ended with {status}"))),
        Err(error) => Err(error),
    }
}

fn feed(child: &mut Child, count: u64) -> Result<u64, Error> {
    let mut input = child
        .stdin
        .take()
        .ok_or_else(|| Error::Work("capture takes no input".to_owned()))?;
    let mut events = Stream::new(Kind::Plain, 0, count);
    loop {
        let chunk = events.fill_buf()?;
        if chunk.is_empty() {
            return Ok(most_memory(child.id()).unwrap_or(0));
        }
        input.write_all(chunk)?;
        let length = chunk.len();
        events.consume(length);
    }
}

/// The peak memory of a running process so far, in bytes; `None` if the system does not report it.
fn most_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
