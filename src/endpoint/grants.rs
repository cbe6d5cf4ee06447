//! The agreements to send that a person gave for a project: one small file in the state directory,
//! never in the repository, so that no clone can bring one along.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::base::lock::{self, Lock};
use crate::base::{Clock, Interrupt, files, text};

/// The form of the file that this program writes.
const VERSION: u32 = 1;

/// How long to wait for another process that changes the file; a change takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The origin of a grant for work on this machine: it pins the repository's file, and lets nothing
/// leave.
pub(crate) const LOCAL: &str = "local";

/// Something that authorises a request and is never shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Secret {
    /// The bearer token, wherever it comes from.
    Token,
    /// The value of this environment variable.
    Variable(String),
}

impl Secret {
    /// Its name, for a person and in the file of grants. No variable has a blank in its name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Token => "bearer token",
            Self::Variable(name) => name,
        }
    }
}

/// One agreement: events and bodies of the project may go to an origin. The file is that of one
/// repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// `scheme://host:port`, the default port left out; or [`LOCAL`].
    pub(crate) origin: String,
    /// The digest of the repository's configuration file, where that file decided what is sent, or
    /// where to.
    pub(crate) config_sha256: Option<String>,
    /// The keys of that file that the agreement is about, and their values then.
    pub(crate) config_keys: BTreeMap<String, serde_json::Value>,
    /// The keys of that file that took away from what is sent, and their values then.
    #[serde(default)]
    pub(crate) narrowing: BTreeMap<String, serde_json::Value>,
    /// Names of the secrets that may go to the origin.
    pub(crate) secrets: Vec<String>,
    /// When it was given (RFC 3339).
    pub(crate) granted_at: String,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    version: u32,
    grants: Vec<Grant>,
}

/// Every agreement recorded at `path`; none where there is no file. A file that cannot be read
/// grants nothing and is an error: it is not rewritten.
pub(crate) fn grants(path: &Path) -> Result<Vec<Grant>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(closed(path, &e)),
    };
    decode(&bytes).map_err(|what| Error::Grants {
        path: text::path(path),
        what,
    })
}

/// The agreements in a file of this form, or what is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Grant>, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if file.version != VERSION {
        return Err(format!(
            "its form is version {}, and this program knows version {VERSION}",
            file.version
        ));
    }
    Ok(file.grants)
}

/// The file of these agreements.
pub(super) fn encode(mut grants: Vec<Grant>) -> Result<Vec<u8>, serde_json::Error> {
    grants.sort_by(|a, b| a.origin.cmp(&b.origin));
    let mut bytes = serde_json::to_vec_pretty(&File {
        version: VERSION,
        grants,
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The agreement that says what stays back: the last one to send. One that only uses the file does
/// not undo it.
pub(super) fn last_to_narrow(grants: &[Grant]) -> Option<&Grant> {
    grants
        .iter()
        .max_by_key(|grant| (grant.origin != LOCAL, &grant.granted_at))
}

/// The digests of the repository's file that a person allowed, and what it took away from what is
/// sent when the last agreement was given; nothing where the file of grants cannot be read.
pub(crate) fn pins(path: &Path) -> (Vec<String>, BTreeMap<String, serde_json::Value>) {
    let grants = grants(path).unwrap_or_default();
    let kept_back = last_to_narrow(&grants)
        .map(|grant| grant.narrowing.clone())
        .unwrap_or_default();
    (
        grants
            .into_iter()
            .filter_map(|grant| grant.config_sha256)
            .collect(),
        kept_back,
    )
}

/// Records `grant` at `path`; replaces an older one for the same origin.
pub(crate) fn record(
    path: &Path,
    grant: Grant,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let _alone = lock(path, clock, interrupt)?;
    let mut all = grants(path)?;
    all.retain(|g| g.origin != grant.origin);
    all.push(grant);
    write(path, all)
}

/// Takes the agreement for `origin` back; true when there was one.
pub(crate) fn revoke(
    path: &Path,
    origin: &str,
    clock: &dyn Clock,
    interrupt: &Interrupt,
) -> Result<bool, Error> {
    let _alone = lock(path, clock, interrupt)?;
    let mut all = grants(path)?;
    let before = all.len();
    all.retain(|g| g.origin != origin);
    let is_found = all.len() < before;
    if is_found {
        write(path, all)?;
    }
    Ok(is_found)
}

/// Held from reading to writing: of two changes at once none is lost.
fn lock(path: &Path, clock: &dyn Clock, interrupt: &Interrupt) -> Result<Lock, Error> {
    let flaw = |what: String| Error::Grants {
        path: text::path(path),
        what,
    };
    files::create_private_dir(path.parent().unwrap_or(path)).map_err(|e| closed(path, &e))?;
    Lock::take(
        &path.with_extension("lock"),
        "allow",
        PATIENCE,
        clock,
        interrupt,
    )
    .map_err(|error| match error {
        lock::Error::Io(source) => closed(path, &source),
        error => flaw(error.to_string()),
    })
}

fn write(path: &Path, all: Vec<Grant>) -> Result<(), Error> {
    let bytes = encode(all).map_err(|e| Error::Grants {
        path: text::path(path),
        what: e.to_string(),
    })?;
    files::replace(path, &bytes).map_err(|e| closed(path, &e))
}

/// What the file system refused.
fn closed(path: &Path, error: &std::io::Error) -> Error {
    Error::GrantsFile {
        path: text::path(path),
        what: error.to_string(),
        kind: error.kind(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;

    fn record(path: &Path, grant: Grant) -> Result<(), Error> {
        super::record(path, grant, &SystemClock, &Interrupt::default())
    }

    fn revoke(path: &Path, origin: &str) -> Result<bool, Error> {
        super::revoke(path, origin, &SystemClock, &Interrupt::default())
    }

    fn grant(origin: &str, pin: Option<&str>) -> Grant {
        Grant {
            origin: origin.to_owned(),
            config_sha256: pin.map(str::to_owned),
            config_keys: BTreeMap::new(),
            narrowing: BTreeMap::new(),
            secrets: Vec::new(),
            granted_at: "2026-11-21T08:00:00Z".to_owned(),
        }
    }

    #[test]
    fn agreements_are_kept_replaced_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p/grants.json");
        assert_eq!(grants(&path).unwrap(), []);
        record(&path, grant("https://b.example", None)).unwrap();
        record(&path, grant("https://a.example", None)).unwrap();
        record(&path, grant("https://b.example", Some("00"))).unwrap();
        let kept = [
            grant("https://a.example", None),
            grant("https://b.example", Some("00")),
        ];
        assert_eq!(grants(&path).unwrap(), kept);
        assert!(!revoke(&path, "https://c.example").unwrap());
        assert!(revoke(&path, "https://a.example").unwrap());
        assert_eq!(grants(&path).unwrap(), kept[1..]);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_rewritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grants.json");
        for text in [
            "",
            "[]",
            "{\"version\":2,\"grants\":[]}",
            "{\"version\":1,\"grants\":[{}]}",
        ] {
            std::fs::write(&path, text).unwrap();
            let error = record(&path, grant("https://b.example", None))
                .unwrap_err()
                .to_string();
            assert!(error.contains("grants.json"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
