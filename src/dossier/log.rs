//! The mission log (`status.events.jsonl`), read as a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Error;
use super::body::{ReadError, read_body};
use super::discover;
use super::mission::MISSION_LOG;
use super::sources::Sources;
use super::unwanted::Unwanted;
use crate::event::{LogMission, LogProject, read_log};
use crate::git::GitIgnored;

/// Largest log that is read, in bytes.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// The bytes of the log in `feature_dir`, an indexed mission's directory. Links are followed only
/// as far as the index follows them.
pub(crate) fn read_mission_log(feature_dir: &Path) -> Result<Vec<u8>, ReadError> {
    read_body(feature_dir, MISSION_LOG, MAX_LOG_BYTES)
}

/// The events named in the log of a mission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MissionLog {
    /// The mission.
    pub(crate) mission_slug: String,
    /// The ids of lines that become events, in normal form.
    pub(crate) ids: BTreeSet<String>,
    /// Lines that are not events, by reason word.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Why it could not be read; `None` if it could.
    pub(crate) flaw: Option<String>,
}

/// The logs of every mission of `sources` that has one, in the order of their names, without
/// unwanted ones.
pub(crate) fn mission_logs(
    root: &Path,
    sources: &Sources,
    git: Option<&GitIgnored>,
) -> Result<Vec<MissionLog>, Error> {
    let Some((_, artifacts_root)) = sources.root() else {
        return Ok(Vec::new());
    };
    let found = discover::missions(root, artifacts_root, true)?;
    let Some(tree) = found.tree else {
        return Ok(Vec::new());
    };
    let here = Unwanted::below(root, sources, git);
    let here = here.inside(artifacts_root, tree.path());
    let mut logs = Vec::new();
    for mission_slug in found.slugs {
        if here.has_directory(&mission_slug)
            || here.has_file(&format!("{mission_slug}/{MISSION_LOG}"))
        {
            continue;
        }
        let mut log = MissionLog {
            mission_slug,
            ..MissionLog::default()
        };
        match read_mission_log(&tree.path().join(&log.mission_slug)) {
            Err(ReadError::Deleted) => continue,
            Err(error) => log.flaw = Some(error.to_string()),
            Ok(bytes) => log.read(&bytes),
        }
        logs.push(log);
    }
    Ok(logs)
}

impl MissionLog {
    fn read(&mut self, bytes: &[u8]) {
        let mission = LogMission {
            directory: &self.mission_slug,
            mission_id: None,
        };
        for row in read_log(bytes, LogProject::default(), mission) {
            match row.becomes {
                Ok(event) => drop(self.ids.insert(event.event_id)),
                Err(skip) => *self.skipped.entry(skip.code).or_default() += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Artifacts, EventSyncConfig};

    fn below(root: &str) -> Sources {
        let artifacts = Artifacts {
            root: root.to_owned(),
            ..EventSyncConfig::default().artifacts
        };
        Sources::of(&artifacts, &|_| false).unwrap()
    }

    #[test]
    fn ids_are_read_and_skipped_lines_counted_by_reason() {
        let dir = tempfile::tempdir().unwrap();
        let mission = |slug: &str, text: Option<&str>| {
            let mission = dir.path().join("kitty-specs").join(slug);
            std::fs::create_dir_all(&mission).unwrap();
            if let Some(text) = text {
                std::fs::write(mission.join(MISSION_LOG), text).unwrap();
            }
        };
        let line = |id: &str| {
            format!(
                r#"{{"event_id":"{id}","event_type":"T","payload":{{}},"at":"2026-05-06T10:02:51Z"}}"#
            )
        };
        let (one, two) = (
            line("01KQXA0Q7W3M5D8F1GZ2H4J6K8"),
            line("01kqxa1c2e4r6t8y0v1b3n5m7p"),
        );
        mission(
            "b",
            Some(&format!(
                "{two}\n\n{one}\nno json\n{{\"event_id\":7,\"to_lane\":1}}\n{{\"kind\":\"annotation\"}}"
            )),
        );
        mission("a", None);
        mission("c", Some(""));
        std::fs::create_dir_all(dir.path().join("kitty-specs/d").join(MISSION_LOG)).unwrap();
        let logs = mission_logs(dir.path(), &below("kitty-specs"), None).unwrap();
        let told: Vec<_> = logs
            .iter()
            .map(|l| {
                (
                    l.mission_slug.as_str(),
                    l.ids.len(),
                    l.skipped.len(),
                    l.flaw.is_some(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [("b", 2, 3, false), ("c", 0, 0, false), ("d", 0, 0, true)]
        );
        assert!(
            logs[0].ids.contains("01KQXA1C2E4R6T8Y0V1B3N5M7P"),
            "in normal form"
        );
        assert_eq!(
            mission_logs(dir.path(), &below("elsewhere"), None).unwrap(),
            []
        );
    }
}
