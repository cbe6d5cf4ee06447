//! Builds the index: find, read in parallel, and assemble in order.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::Error;
use super::artifact::from_reading;
use super::baseline::Baselines;
use super::beneath::Beneath;
use super::cache::{Cache, KnownFile};
use super::digest::{Reading, measure};
use super::draft::{Draft, drafts};
use super::locate::{Located, Unit, locate};
use super::mission::Mission;
use super::parity::ParityForm;
use super::reason::{Reason, Skipped};
use super::request::{Progress, Request};
use super::stat::Stat;
use super::wanted;
use crate::base::Timestamp;

/// The indexed content of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Index {
    /// Ordered by slug bytes.
    pub(crate) missions: Vec<Mission>,
    /// Skipped entries, ordered by mission and path.
    pub(crate) skipped: Vec<Skipped>,
    /// Indexed entries with a problem; same order.
    pub(crate) odd: Vec<Skipped>,
    /// Files next to units that no source covers, relative to the top of the project, each with the
    /// number of its source.
    pub(crate) loose: Vec<(usize, String)>,
    /// Files, read or cached.
    pub(crate) files: usize,
    /// Cached files, which were not opened.
    pub(crate) cached: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// The updated cache.
    pub(crate) cache: Cache,
}

/// Indexes the checkout that `request` names. The result does not depend on the number of threads.
pub(crate) fn index(request: &Request<'_>) -> Result<Index, Error> {
    let Located {
        trees,
        mut units,
        skipped,
        loose,
    } = locate(&request.project)?;
    let mut index = Index {
        skipped,
        loose,
        ..Index::default()
    };
    let wanted = request
        .missions
        .map(|asked| meant(asked, &units, &index.skipped))
        .transpose()?;
    if let Some(wanted) = &wanted {
        units.retain(|unit| wanted.contains(&unit.slug));
        index
            .skipped
            .retain(|skipped| wanted.iter().any(|slug| names(skipped, slug)));
    }
    let drafts = drafts(request, &trees, units, &mut index.skipped)?;
    fill(request, drafts, &mut index)?;
    if let Some(wanted) = &wanted {
        let is_covered = |slug: &str| wanted.iter().any(|name| name == slug);
        index.cache = request
            .known
            .clone()
            .renewed(std::mem::take(&mut index.cache), is_covered);
    }
    index.skipped.sort_unstable();
    Ok(index)
}

/// The slugs of the selected missions, including skipped ones.
fn meant(asked: &[String], units: &[Unit], skipped: &[Skipped]) -> Result<Vec<String>, Error> {
    let left_out = |skipped: &'_ Skipped| {
        skipped
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let names: Vec<String> = skipped
        .iter()
        .filter(|s| s.mission_slug.is_none())
        .map(left_out)
        .collect();
    let units = units.iter().map(|unit| wanted::Known {
        slug: &unit.slug,
        place: &unit.place,
    });
    let known: Vec<_> = units
        .chain(names.iter().map(|name| wanted::Known {
            slug: name,
            place: "",
        }))
        .collect();
    let one = |asked: &String| {
        wanted::resolve(asked, &known).map_err(|near| Error::NoMission {
            asked: asked.clone(),
            near,
        })
    };
    asked.iter().map(one).collect()
}

/// True if the skipped entry is the mission `slug`, or belongs to it.
fn names(skipped: &Skipped, slug: &str) -> bool {
    match &skipped.mission_slug {
        Some(mission) => mission == slug,
        None => skipped.path.rsplit('/').next() == Some(slug),
    }
}

/// A file's reading, and the state of the file when it was opened.
type Read = (Reading, Option<Stat>);

/// Reads the files that are not cached, of all missions in parallel, and completes each mission.
fn fill(request: &Request<'_>, mut drafts: Vec<Draft<'_>>, index: &mut Index) -> Result<(), Error> {
    let unknown: Vec<(&Beneath, &str)> = drafts
        .iter()
        .flat_map(|draft| draft.unknown().map(|path| (draft.tree, path)))
        .collect();
    index.files = drafts.iter().map(|draft| draft.walk.files.len()).sum();
    index.cached = index.files - unknown.len();
    let readings = read(request, unknown)?;
    let mut readings = readings.into_iter();
    for draft in &mut drafts {
        let count = draft.unknown().count();
        draft.read = readings.by_ref().take(count).collect();
    }
    let baselines = Baselines::below(request.meta_root, request.baseline_owner);
    let how = How {
        parity: request.parity,
        begun: request.begun,
        baselines,
    };
    let settled: Vec<Settled> = drafts
        .into_par_iter()
        .map(|draft| settle(&how, draft))
        .collect();
    for Settled {
        mission,
        skipped,
        odd,
        known,
        bytes,
    } in settled
    {
        index.bytes += bytes;
        index.skipped.extend(skipped);
        index.odd.extend(odd);
        index.cache.missions.insert(mission.slug.clone(), known);
        index.missions.push(mission);
    }
    Ok(())
}

/// Reads files, in parallel; the readings come in the order of `paths`.
fn read(request: &Request<'_>, paths: Vec<(&Beneath, &str)>) -> Result<Vec<Read>, Error> {
    let (done, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let total = paths.len();
    let one = |(tree, path): (&Beneath, &str)| {
        if request.project.interrupt.is_requested() {
            return (Reading::Unreadable, None);
        }
        let (reading, stat) = measure(tree, path, request.project.interrupt);
        let size = if let Reading::Read { size, .. } = reading {
            size
        } else {
            0
        };
        let files = done.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes = bytes.fetch_add(size, Ordering::Relaxed) + size;
        (request.progress)(Progress {
            files,
            total,
            bytes,
        });
        (reading, stat)
    };
    let readings = paths.into_par_iter().map(one).collect();
    if request.project.interrupt.is_requested() {
        Err(Error::Interrupted)
    } else {
        Ok(readings)
    }
}

/// One completed mission.
struct Settled {
    mission: Mission,
    skipped: Vec<Skipped>,
    odd: Vec<Skipped>,
    known: super::cache::Known,
    bytes: u64,
}

/// Settings that are the same for all missions.
struct How<'a> {
    parity: ParityForm,
    begun: Timestamp,
    baselines: Option<Baselines<'a>>,
}

fn settle(how: &How<'_>, draft: Draft<'_>) -> Settled {
    let Draft {
        mut mission,
        manifest,
        walk,
        known,
        meta,
        read,
        ..
    } = draft;
    let slug = mission.slug.clone();
    let skip = |path, reason| Skipped {
        mission_slug: Some(slug.clone()),
        path,
        reason,
    };
    let mut skipped: Vec<_> = walk
        .skipped
        .into_iter()
        .map(|(path, reason)| skip(path, reason))
        .collect();
    let mut odd: Vec<_> = walk
        .shared
        .into_iter()
        .map(|path| skip(path, Reason::HardLink))
        .collect();
    let (mut bytes, mut files, mut read) =
        (0, Vec::with_capacity(walk.files.len()), read.into_iter());
    for (found, known) in walk.files.into_iter().zip(known) {
        // A cached file was opened in its present state, otherwise it would not be cached.
        let (reading, opened) = match known {
            Some(reading) => (reading, found.stat),
            None => read.next().unwrap_or((Reading::Unreadable, None)),
        };
        files.extend(KnownFile::of(
            &found.path,
            reading,
            found.stat,
            opened,
            how.begun,
        ));
        match reading {
            Reading::Vanished => skipped.push(skip(found.path, Reason::Vanished)),
            Reading::NotAFile => skipped.push(skip(found.path, Reason::SpecialFile)),
            reading => {
                let artifact = from_reading(manifest, found.path, reading);
                bytes += artifact.as_ref().map_or(0, |artifact| artifact.size);
                mission.artifacts.extend(artifact);
            }
        }
    }
    mission.settle(manifest, how.parity);
    match how
        .baselines
        .as_ref()
        .map_or(Ok(None), |baselines| baselines.drift(&mission))
    {
        Ok(found) => mission.drift = found,
        Err(reason) => odd.push(skip("parity-baseline.json".to_owned(), reason)),
    }
    Settled {
        mission,
        skipped,
        odd,
        known: super::cache::Known { meta, files },
        bytes,
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
