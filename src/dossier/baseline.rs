//! Parity baselines: `.kittify/dossiers/<mission>/parity-baseline.json`, and whether a mission has
//! drifted from its own. Nothing is written; a project without baselines costs one check.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::beneath::Beneath;
use super::entry::EntryKind;
use super::mission::Mission;
use super::parity::{Drift, ParityForm, parity};
use super::reason::Reason;

/// Where baselines are, below the top of the main work tree.
const DOSSIERS: &str = ".kittify/dossiers";
/// The name of a baseline.
const FILE: &str = "parity-baseline.json";
/// Largest baseline that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// The owner that a baseline must name, besides its mission, to be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The project.
    pub(crate) project_uuid: &'a str,
    /// The node id in the project's configuration.
    pub(crate) node_id: &'a str,
}

/// The baselines of a project.
#[derive(Debug)]
pub(super) struct Baselines<'a> {
    tree: Beneath,
    slugs: BTreeSet<String>,
    owner: Owner<'a>,
}

impl<'a> Baselines<'a> {
    /// Those below the top of the main work tree; `None` if there are none, or no owner is given.
    pub(super) fn below(root: &Path, owner: Option<Owner<'a>>) -> Option<Self> {
        let tree = Beneath::open(root).ok()?;
        let dirs = tree
            .list(DOSSIERS)
            .ok()?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Directory);
        let slugs = dirs.filter_map(|entry| entry.name.ok()).collect();
        Some(Self {
            tree,
            slugs,
            owner: owner?,
        })
    }

    /// How far the completed `mission` has drifted; `None` if it has not, or has no matching
    /// baseline.
    pub(super) fn drift(&self, mission: &Mission) -> Result<Option<Drift>, Reason> {
        if !self.slugs.contains(&mission.slug) {
            return Ok(None);
        }
        let file = match self
            .tree
            .open_file(&format!("{DOSSIERS}/{}/{FILE}", mission.slug))
        {
            Ok(Some((file, _))) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(None) | Err(_) => return Err(Reason::BaselineUnusable),
        };
        let mut bytes = Vec::new();
        file.take(LONGEST)
            .read_to_end(&mut bytes)
            .map_err(|_| Reason::BaselineUnusable)?;
        let Some((expected, form)) = accepted(&bytes, mission, self.owner)? else {
            return Ok(None);
        };
        let actual = parity(form, &mission.artifacts);
        Ok((actual != expected).then_some(Drift { expected, actual }))
    }
}

/// The hash of a baseline and its form, if all six fields of its key match the mission.
fn accepted(
    bytes: &[u8],
    mission: &Mission,
    owner: Owner<'_>,
) -> Result<Option<(String, ParityForm)>, Reason> {
    let baseline: Value = serde_json::from_slice(bytes).map_err(|_| Reason::BaselineUnusable)?;
    let key = [
        ("project_uuid", owner.project_uuid),
        ("node_id", owner.node_id),
        ("mission_slug", &mission.slug),
        ("target_branch", &mission.target_branch),
        ("mission_type", &mission.mission_type),
        ("manifest_version", mission.manifest_version),
    ];
    let written = baseline
        .get("baseline_key")
        .and_then(Value::as_object)
        .ok_or(Reason::BaselineUnusable)?;
    if key
        .iter()
        .any(|(name, value)| written.get(*name).and_then(Value::as_str) != Some(value))
    {
        return Ok(None);
    }
    let hash = baseline
        .get("parity_hash_sha256")
        .and_then(Value::as_str)
        .ok_or(Reason::BaselineUnusable)?;
    let (digits, form) = match hash.strip_prefix("sha256:") {
        Some(digits) => (digits, ParityForm::Path),
        None => (hash, ParityForm::Content),
    };
    let is_hash = digits.len() == 64
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hash {
        Ok(Some((hash.to_owned(), form)))
    } else {
        Err(Reason::BaselineUnusable)
    }
}
