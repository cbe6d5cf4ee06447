//! The statements that keep events.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::keys::{artifact_key, subject_key};
use super::pool::Parameter;
use super::row::cell;
use super::shard::{REMOVALS, Shard};
use crate::base::Sha256;
use crate::event::is_same_event;
use crate::serve::engine::content::Event;
use crate::serve::engine::{Trouble, Verdict};

/// How long a request waits for its turn among those of its project.
const TURN_WAIT: Duration = Duration::from_secs(10);

impl Shard {
    pub(super) async fn keep_project(
        &self,
        team: i32,
        project: Uuid,
        events: &[&Event],
    ) -> Result<Vec<Verdict>, Trouble> {
        let _turn = timeout(TURN_WAIT, self.turns.take(project))
            .await
            .map_err(|_| Trouble::Busy)?;
        for _ in 0..REMOVALS {
            let (known, refused) = self.refused(team, project).await?;
            let is_kept: Vec<_> = events
                .iter()
                .map(|event| !refused.has_event(&event.envelope))
                .collect();
            let kept: Vec<_> = events
                .iter()
                .zip(&is_kept)
                .filter(|(_, kept)| **kept)
                .map(|(event, _)| *event)
                .collect();
            let Some(verdicts) = self.keep_these((team, project), &kept, known).await? else {
                self.note_removals(team, project);
                continue;
            };
            let mut verdicts = verdicts.into_iter();
            let all = is_kept.iter().map(|kept| {
                if *kept {
                    verdicts.next()
                } else {
                    Some(Verdict::Forgotten)
                }
            });
            return all.collect::<Option<_>>().ok_or(Trouble::Unknown);
        }
        Err(Trouble::Unknown)
    }

    /// Keeps events of which none is refused; `None` if there were other removals than the `known`
    /// ones.
    async fn keep_these(
        &self,
        (team, project): (i32, Uuid),
        events: &[&Event],
        known: i32,
    ) -> Result<Option<Vec<Verdict>>, Trouble> {
        if events.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let digests: Vec<_> = events
            .iter()
            .map(|event| Sha256::of(&event.envelope))
            .collect();
        let mut seen = HashSet::new();
        let firsts: Vec<_> = events
            .iter()
            .map(|event| seen.insert(event.id.as_str()))
            .collect();
        let inserted = self
            .insert((team, project), events, &digests, &firsts, known)
            .await?;
        let Some((base, new)) = inserted else {
            return Ok(None);
        };
        let count = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        if new == count && seen.len() == events.len() {
            return Ok(Some(vec![Verdict::New; events.len()]));
        }
        // Rows never change, so this may come after the commit.
        let looked_up = self.look_up((team, project), events, &digests).await;
        let there = looked_up.map_err(|_| Trouble::Unknown)?;
        let own = base + 1..=base + count;
        let verdict = |at: usize| {
            let (seq, other) = there.get(&at).ok_or(Trouble::Unknown)?;
            Ok(match other {
                _ if firsts[at] && own.contains(seq) => Verdict::New,
                Some(envelope) if !is_same_event(envelope, &events[at].envelope) => {
                    Verdict::Conflict
                }
                _ => Verdict::Duplicate,
            })
        };
        (0..events.len())
            .map(verdict)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Stores the events whose ids are new, of those that are the first of their id in the batch.
    /// Gives the number that the sequence numbers of this batch come after, and how many are new;
    /// `None` if there were other removals.
    async fn insert(
        &self,
        (team, project): (i32, Uuid),
        events: &[&Event],
        digests: &[Sha256],
        firsts: &[bool],
        known: i32,
    ) -> Result<Option<(i64, i64)>, Trouble> {
        let chosen: Vec<_> = (0..events.len()).filter(|at| firsts[*at]).collect();
        let ids: Vec<_> = chosen.iter().map(|at| events[*at].id.as_str()).collect();
        let kinds: Vec<_> = chosen.iter().map(|at| events[*at].kind.as_str()).collect();
        let hashes: Vec<&[u8]> = chosen
            .iter()
            .map(|at| &digests[*at].as_bytes()[..])
            .collect();
        let envelopes: Vec<&[u8]> = chosen
            .iter()
            .map(|at| events[*at].envelope.as_slice())
            .collect();
        let announcers: Vec<_> = chosen
            .iter()
            .map(|at| events[*at])
            .filter(|e| e.announces.is_some())
            .collect();
        let causes: Vec<_> = announcers.iter().map(|event| event.id.as_str()).collect();
        let artifacts: Vec<_> = announcers
            .iter()
            .filter_map(|event| event.announces.as_ref())
            .collect();
        let keys: Vec<_> = artifacts
            .iter()
            .map(|a| artifact_key(&a.namespace, &a.path))
            .collect();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let slugs: Vec<_> = artifacts
            .iter()
            .map(|a| a.namespace.mission_slug.as_str())
            .collect();
        let branches: Vec<_> = artifacts
            .iter()
            .map(|a| a.namespace.target_branch.as_str())
            .collect();
        let types: Vec<_> = artifacts
            .iter()
            .map(|a| a.namespace.mission_type.as_str())
            .collect();
        let versions: Vec<_> = artifacts
            .iter()
            .map(|a| a.namespace.manifest_version.as_str())
            .collect();
        let paths: Vec<_> = artifacts.iter().map(|a| a.path.as_str()).collect();
        let contents: Vec<Option<&[u8]>> = announcers
            .iter()
            .map(|e| e.content.as_ref().map(|c| &c.as_bytes()[..]))
            .collect();
        let abouts = chosen
            .iter()
            .filter_map(|at| Some((events[*at].id.as_str(), events[*at].about.as_ref()?)));
        let (sayers, subjects): (Vec<_>, Vec<_>) = abouts.unzip();
        let subject_keys: Vec<_> = subjects
            .iter()
            .map(|subject| subject_key(subject))
            .collect();
        let subject_keys: Vec<&[u8]> = subject_keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let subject_slugs: Vec<_> = subjects
            .iter()
            .map(|subject| subject.namespace.mission_slug.as_str())
            .collect();
        let parameters: [Parameter<'_>; 18] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&ids, Type::TEXT_ARRAY),
            (&kinds, Type::TEXT_ARRAY),
            (&hashes, Type::BYTEA_ARRAY),
            (&envelopes, Type::BYTEA_ARRAY),
            (&causes, Type::TEXT_ARRAY),
            (&keys, Type::BYTEA_ARRAY),
            (&slugs, Type::TEXT_ARRAY),
            (&branches, Type::TEXT_ARRAY),
            (&types, Type::TEXT_ARRAY),
            (&versions, Type::TEXT_ARRAY),
            (&paths, Type::TEXT_ARRAY),
            (&contents, Type::BYTEA_ARRAY),
            (&sayers, Type::TEXT_ARRAY),
            (&subject_keys, Type::BYTEA_ARRAY),
            (&subject_slugs, Type::TEXT_ARRAY),
            (&known, Type::INT4),
        ];
        let rows = self
            .pool
            .write(include_str!("keep_events.sql"), &parameters)
            .await?;
        let base = cell::<Option<i64>>(rows.first(), 0)?;
        let new = cell(rows.first(), 1)?;
        Ok(base.map(|base| (base, new)))
    }

    /// The stored row of each event: its sequence number, and its envelope if that has another
    /// digest.
    async fn look_up(
        &self,
        (team, project): (i32, Uuid),
        events: &[&Event],
        digests: &[Sha256],
    ) -> Result<BTreeMap<usize, (i64, Option<Vec<u8>>)>, Trouble> {
        let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
        let hashes: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.as_bytes()[..])
            .collect();
        let parameters: [Parameter<'_>; 4] = [
            (&team, Type::INT4),
            (&project, Type::UUID),
            (&ids, Type::TEXT_ARRAY),
            (&hashes, Type::BYTEA_ARRAY),
        ];
        let rows = self
            .pool
            .read(include_str!("look_up.sql"), &parameters)
            .await?;
        let found = rows.iter().map(|row| {
            let number: i64 = cell(Some(row), 0)?;
            let at = usize::try_from(number - 1).map_err(|_| Trouble::Unknown)?;
            Ok((at, (cell(Some(row), 1)?, cell(Some(row), 2)?)))
        });
        found.collect()
    }
}
