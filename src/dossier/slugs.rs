//! Names of units. Pure: from directories, in the order of sources, to unique slugs.

use std::collections::{BTreeMap, BTreeSet};

use super::discover::is_safe_slug;
use super::places::Candidate;
use super::reason::{Reason, Skipped};
use super::source::{Place, Source};
use super::sources::Sources;

/// A unit with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) source: usize,
    pub(super) slug: String,
    /// From the top of the project.
    pub(super) dir: String,
}

/// Names the candidates. Live units come first, by source, pattern and directory; then the archived
/// ones, which keep their earlier name unless another unit has it now. `missions` are those of
/// `kitty`, by directory name, with their source.
pub(super) fn named(
    sources: &Sources,
    candidates: Vec<Candidate>,
    missions: Option<(usize, Vec<String>)>,
    skipped: &mut Vec<Skipped>,
) -> (Vec<Named>, Vec<Named>) {
    let mut naming = Naming {
        taken: reserved(sources),
        named: Vec::new(),
        skipped,
    };
    let (mut archived, mut live): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|c| c.is_archived);
    live.sort_by(|a, b| (a.source, a.pattern, &a.dir).cmp(&(b.source, b.pattern, &b.dir)));
    let (root, missions) = missions.unwrap_or((usize::MAX, Vec::new()));
    let (before, after): (Vec<_>, Vec<_>) = live
        .into_iter()
        .partition(|candidate| candidate.source < root);
    let slug_of =
        |candidate: &Candidate| filled(sources.all().get(candidate.source), &candidate.captured);
    for candidate in before {
        naming.take(candidate.source, slug_of(&candidate), candidate.dir);
    }
    let prefix = sources
        .all()
        .get(root)
        .map_or("", |source| source.prefix.as_str());
    let units = std::mem::take(&mut naming.named);
    for name in missions {
        naming.take(root, format!("{prefix}{name}"), name);
    }
    let missions = std::mem::replace(&mut naming.named, units);
    for candidate in after {
        naming.take(candidate.source, slug_of(&candidate), candidate.dir);
    }
    // The last directory of a name is the newest: its name begins with the date.
    archived.sort_by(|a, b| b.dir.cmp(&a.dir));
    for candidate in archived {
        let source = sources.all().get(candidate.source);
        let short = filled(source, &undated(&candidate.captured));
        let slug = if naming.taken.contains(&short) || !is_safe_slug(&short) {
            long(source, &candidate)
        } else {
            short
        };
        naming.take(candidate.source, slug, candidate.dir);
    }
    (naming.named, missions)
}

struct Naming<'a> {
    taken: BTreeSet<String>,
    named: Vec<Named>,
    skipped: &'a mut Vec<Skipped>,
}

impl Naming<'_> {
    fn take(&mut self, source: usize, slug: String, dir: String) {
        let reason = if !is_safe_slug(&slug) {
            Reason::UnsafeName
        } else if self.taken.insert(slug.clone()) {
            self.named.push(Named { source, slug, dir });
            return;
        } else {
            Reason::SlugTaken
        };
        self.skipped.push(Skipped {
            mission_slug: None,
            path: dir,
            reason,
        });
    }
}

/// The slugs of all lists of documents, even of empty ones.
fn reserved(sources: &Sources) -> BTreeSet<String> {
    let lists = sources
        .all()
        .iter()
        .filter(|source| matches!(source.place, Place::Documents(_)));
    lists.map(|source| source.slug.clone()).collect()
}

/// The slug that the source's template gives for these variables.
fn filled(source: Option<&Source>, captured: &[(String, String)]) -> String {
    let Some(source) = source else {
        return String::new();
    };
    let fill = |slug: String, (variable, value): &(String, String)| {
        slug.replace(&format!("{{{variable}}}"), value)
    };
    format!(
        "{}{}",
        source.prefix,
        captured.iter().fold(source.slug.clone(), fill)
    )
}

/// The variables without the date in the last one: the name that a unit had before it was archived.
fn undated(captured: &[(String, String)]) -> Vec<(String, String)> {
    let mut captured = captured.to_vec();
    if let Some((_, name)) = captured.last_mut()
        && let Some(rest) = without_day(name).filter(|rest| is_safe_slug(rest))
    {
        *name = rest.to_owned();
    }
    captured
}

/// The rest after `YYYY-MM-DD-`.
fn without_day(name: &str) -> Option<&str> {
    let (day, rest) = name.split_at_checked(11)?;
    let is_day = day.bytes().enumerate().all(|(at, b)| {
        if matches!(at, 4 | 7 | 10) {
            b == b'-'
        } else {
            b.is_ascii_digit()
        }
    });
    is_day.then_some(rest)
}

/// The name of an archived unit whose short name is taken: with everything that distinguishes the
/// two.
fn long(source: Option<&Source>, candidate: &Candidate) -> String {
    let prefix = source.map_or("", |source| source.prefix.as_str());
    let variables: BTreeMap<&str, &str> = candidate
        .captured
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let name = candidate.dir.rsplit('/').next().unwrap_or(&candidate.dir);
    match variables.get("group") {
        Some(group) => format!("{prefix}archive.{group}.{name}"),
        None => format!("{prefix}archive.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ArtifactSource, Artifacts, EventSyncConfig};

    fn sources(layouts: &[&str]) -> Sources {
        let layouts = layouts.iter().map(|layout| (*layout).to_owned()).collect();
        let source = vec![ArtifactSource {
            name: Some("own".to_owned()),
            units: vec!["own/{name}".to_owned()],
            archived: vec!["own/old/{group}/{name}".to_owned()],
            prefix: Some(String::new()),
            ..ArtifactSource::default()
        }];
        Sources::of(
            &Artifacts {
                layouts,
                source,
                ..EventSyncConfig::default().artifacts
            },
            &|_| true,
        )
        .unwrap()
    }

    fn candidate(source: usize, pattern: usize, dir: &str) -> Candidate {
        let parts: Vec<&str> = dir.split('/').collect();
        let is_archived = dir.contains("/old/") || dir.contains("/archive/");
        let mut captured = vec![("name".to_owned(), parts.last().unwrap().to_string())];
        if dir.starts_with("own/old/") {
            captured.insert(0, ("group".to_owned(), parts[2].to_owned()));
        }
        Candidate {
            source,
            pattern,
            is_archived,
            dir: dir.to_owned(),
            captured,
        }
    }

    type Pairs<T> = Vec<(String, T)>;

    fn told(found: Vec<Candidate>, layouts: &[&str]) -> (Pairs<String>, Pairs<&'static str>) {
        let mut skipped = Vec::new();
        let (mut units, _) = named(&sources(layouts), found, None, &mut skipped);
        units.sort_by(|a, b| a.dir.cmp(&b.dir));
        let units = units
            .into_iter()
            .map(|unit| (unit.dir, unit.slug))
            .collect();
        (
            units,
            skipped
                .into_iter()
                .map(|s| (s.path, s.reason.code()))
                .collect(),
        )
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    /// `openspec` is source 0 and 1, `own` is 2.
    #[test]
    fn an_archived_unit_keeps_its_name_while_it_is_free() {
        let archive = "openspec/changes/archive";
        let dirs = [
            "2025-01-01-a",
            "2025-02-01-a",
            "2025-03-01-b",
            "plain",
            "2025-01-01-",
        ];
        let mut found: Vec<_> = dirs
            .iter()
            .map(|dir| candidate(0, 1, &format!("{archive}/{dir}")))
            .collect();
        found.push(candidate(0, 0, "openspec/changes/b"));
        let (units, skipped) = told(found, &["openspec"]);
        let wanted = owned(&[
            ("openspec/changes/archive/2025-01-01-", "2025-01-01-"),
            (
                "openspec/changes/archive/2025-01-01-a",
                "archive.2025-01-01-a",
            ),
            ("openspec/changes/archive/2025-02-01-a", "a"),
            (
                "openspec/changes/archive/2025-03-01-b",
                "archive.2025-03-01-b",
            ),
            ("openspec/changes/archive/plain", "plain"),
            ("openspec/changes/b", "b"),
        ]);
        assert_eq!((units, skipped), (wanted, vec![]));
    }

    #[test]
    fn a_group_tells_archived_units_apart() {
        let found = vec![
            candidate(2, 1, "own/old/v1/x"),
            candidate(2, 1, "own/old/v2/x"),
            candidate(2, 0, "own/x"),
        ];
        let (units, _) = told(found, &["openspec"]);
        let wanted = [
            ("own/old/v1/x", "archive.v1.x"),
            ("own/old/v2/x", "archive.v2.x"),
            ("own/x", "x"),
        ];
        assert_eq!(units, owned(&wanted));
    }

    #[test]
    fn a_name_that_is_taken_or_unsafe_is_left_out() {
        let found = vec![
            candidate(2, 0, "own/twice"),
            candidate(0, 0, "openspec/changes/twice"),
            candidate(0, 0, "openspec/changes/not safe"),
            candidate(0, 0, "openspec/changes/openspec.project"),
        ];
        let (units, skipped) = told(found, &["openspec"]);
        assert_eq!(units, owned(&[("openspec/changes/twice", "twice")]));
        let wanted = [
            ("openspec/changes/not safe".to_owned(), "unsafe_name"),
            ("openspec/changes/openspec.project".to_owned(), "slug_taken"),
            ("own/twice".to_owned(), "slug_taken"),
        ];
        assert_eq!(skipped, wanted);
    }

    #[test]
    fn missions_of_kitty_have_their_place_in_the_order() {
        let all = sources(&["kitty", "openspec"]);
        let mut skipped = Vec::new();
        let found = vec![
            candidate(1, 0, "openspec/changes/a"),
            candidate(3, 0, "own/a"),
        ];
        let (units, missions) = named(&all, found, Some((0, vec!["a".to_owned()])), &mut skipped);
        assert_eq!(
            missions.iter().map(|m| m.slug.as_str()).collect::<Vec<_>>(),
            ["a"]
        );
        assert_eq!(
            units.iter().map(|u| u.slug.as_str()).collect::<Vec<_>>(),
            ["openspec.a"]
        );
        assert_eq!(skipped[0].reason, Reason::SlugTaken);
    }
}
