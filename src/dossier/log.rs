//! The events that a mission's own log names (`status.events.jsonl`, written by Spec Kitty beside the artifacts).

use std::collections::BTreeSet;
use std::io::{BufReader, Read as _};
use std::path::Path;

use serde::Deserialize;

use super::Error;
use super::discover;

/// The log's name in a feature directory.
const LOG: &str = "status.events.jsonl";
/// Bytes of a log that are read at most.
const LONGEST: u64 = 64 << 20;

/// What the log of a mission names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MissionLog {
    /// The mission.
    pub(crate) mission_slug: String,
    /// The ids of its events.
    pub(crate) ids: BTreeSet<String>,
    /// Lines that name no event.
    pub(crate) odd_lines: u64,
    /// Why it could not be read to its end.
    pub(crate) flaw: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    event_id: String,
}

/// The logs of every mission that has one, in the order of their names.
pub(crate) fn mission_logs(root: &Path, artifacts_root: &str) -> Result<Vec<MissionLog>, Error> {
    let found = discover::missions(root, artifacts_root, true)?;
    let Some(tree) = found.tree else { return Ok(Vec::new()) };
    let mut logs = Vec::new();
    for mission_slug in found.slugs {
        let mut log = MissionLog { mission_slug, ..MissionLog::default() };
        match tree.open_file(&format!("{}/{LOG}", log.mission_slug)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => log.flaw = Some(error.to_string()),
            Ok(None) => log.flaw = Some("not a regular file".to_owned()),
            Ok(Some((file, _))) => log.read(BufReader::new(file.take(LONGEST))),
        }
        logs.push(log);
    }
    Ok(logs)
}

impl MissionLog {
    fn read(&mut self, mut lines: impl std::io::BufRead) {
        let mut line = Vec::new();
        loop {
            line.clear();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => match serde_json::from_slice::<Line>(&line) {
                    Ok(Line { event_id }) => drop(self.ids.insert(event_id)),
                    Err(_) => self.odd_lines += 1,
                },
                Err(error) => {
                    self.flaw = Some(error.to_string());
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_odd_lines_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mission = |slug: &str, text: Option<&str>| {
            let mission = dir.path().join("kitty-specs").join(slug);
            std::fs::create_dir_all(&mission).unwrap();
            if let Some(text) = text {
                std::fs::write(mission.join(LOG), text).unwrap();
            }
        };
        mission("b", Some("{\"event_id\":\"2\"}\n\n{\"event_id\":\"1\",\"x\":[]}\nno json\n{\"event_id\":7}"));
        mission("a", None);
        mission("c", Some(""));
        std::fs::create_dir_all(dir.path().join("kitty-specs/d").join(LOG)).unwrap();
        let logs = mission_logs(dir.path(), "kitty-specs").unwrap();
        let told: Vec<_> =
            logs.iter().map(|l| (l.mission_slug.as_str(), l.ids.len(), l.odd_lines, l.flaw.is_some())).collect();
        assert_eq!(told, [("b", 2, 2, false), ("c", 0, 0, false), ("d", 0, 0, true)]);
        assert_eq!(mission_logs(dir.path(), "elsewhere").unwrap(), []);
    }
}
