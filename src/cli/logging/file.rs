//! A log file: lines of text or JSON, readable by the owner only, at most twice its size limit on
//! disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use log::Level;
use serde::Serialize;

use super::redact::Redactor;
use crate::base::{Timestamp, files, text};

/// Size in bytes from which a file is rotated to `FILE.1`, replacing an older one.
const BOUND: u64 = 8 << 20;

/// Format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: time, level, where, what.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    /// Module of the program.
    pub(super) module: &'a str,
    pub(super) message: &'a str,
}

/// The open file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    format: LogFormat,
    redactor: Redactor,
    bound: u64,
    file: File,
}

#[derive(Serialize)]
struct JsonLine<'a> {
    at: String,
    level: &'a str,
    pid: u32,
    module: &'a str,
    message: &'a str,
}

impl LogFile {
    /// Opens the file for appending, creating it readable by the owner only.
    pub(super) fn open(path: &Path, format: LogFormat, redactor: Redactor) -> io::Result<Self> {
        let named = |error: &io::Error| files::named(error, "cannot open the log", path);
        files::create_private_file(path).map_err(|error| named(&error))?;
        let file = append(path).map_err(|error| named(&error))?;
        Ok(Self {
            path: path.to_owned(),
            format,
            redactor,
            bound: BOUND,
            file,
        })
    }

    /// Adds a line, in one write, so that lines of several processes do not mix.
    pub(super) fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.rotate()?;
        let message = self.redactor.clean(line.message);
        let level = line.level.as_str().to_ascii_lowercase();
        let mut bytes = match self.format {
            LogFormat::Text => {
                let Line { at, module, .. } = line;
                format!(
                    "{at} {level:5} {} {module}: {}",
                    std::process::id(),
                    text::printable(&message)
                )
                .into_bytes()
            }
            LogFormat::Json => serde_json::to_vec(&JsonLine {
                at: line.at.to_string(),
                level: &level,
                pid: std::process::id(),
                module: line.module,
                message: &message,
            })?,
        };
        bytes.push(b'\n');
        self.file.write_all(&bytes)
    }

    /// Rotates a full file. If another process has done so, its new file is opened.
    fn rotate(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.bound {
            return Ok(());
        }
        if std::fs::metadata(&self.path).is_ok_and(|there| there.len() >= self.bound) {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            std::fs::rename(&self.path, aside)?;
        }
        files::create_private_file(&self.path)?;
        self.file = append(&self.path)?;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(0);

    fn line(message: &str) -> Line<'_> {
        Line {
            at: AT,
            level: Level::Info,
            module: "store",
            message,
        }
    }

    #[test]
    fn both_forms_are_one_line_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        for (format, expected) in [
            (
                LogFormat::Text,
                "1970-01-01T00:00:00.000000+00:00 info  PID store: a\\n[redacted] \"q\"\n",
            ),
            (
                LogFormat::Json,
                "{\"at\":\"1970-01-01T00:00:00.000000+00:00\",\"level\":\"info\",\"pid\":PID,\"module\":\"store\",\
                 \"message\":\"a\\n[redacted] \\\"q\\\"\"}\n",
            ),
        ] {
            let path = dir.path().join(format!("{format:?}"));
            let mut file =
                LogFile::open(&path, format, Redactor::new(["hunter22"].into_iter())).unwrap();
            file.write(&line("a\nhunter22 \"q\"")).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(
                text,
                expected.replace("PID", &std::process::id().to_string())
            );
        }
    }

    #[test]
    fn two_processes_share_a_file_and_it_stays_within_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let open = || LogFile {
            bound: 1000,
            ..LogFile::open(&path, LogFormat::Text, Redactor::default()).unwrap()
        };
        let (mut one, mut two) = (open(), open());
        for n in 0..100 {
            one.write(&line(&format!("one {n}"))).unwrap();
            two.write(&line(&format!("two {n}"))).unwrap();
            let sizes = ["log", "log.1"]
                .map(|name| std::fs::metadata(dir.path().join(name)).map_or(0, |m| m.len()));
            assert!(sizes.iter().all(|size| *size < 1200), "{sizes:?}");
        }
        let text = ["log.1", "log"]
            .map(|name| std::fs::read_to_string(dir.path().join(name)).unwrap())
            .concat();
        assert!(
            text.ends_with("two 99\n") && text.contains("one 99"),
            "{text}"
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let error = LogFile::open(
            Path::new("/nonexistent/log"),
            LogFormat::Text,
            Redactor::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("/nonexistent/log"), "{error}");
    }
}
