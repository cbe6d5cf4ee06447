//! A request to keep something, shared out over projects and databases.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _};
use uuid::Uuid;

use super::bodies::BodyState;
use super::shard::{REMOVALS, Shard};
use super::shared::Shared;
use crate::serve::blobs::INLINE_BYTES;
use crate::serve::engine::content::{ArtifactVersion, Entry, Event, Upload};
use crate::serve::engine::{Content, Outcome, Results, Trouble};

/// Bodies of one request that are worked on at a time.
const TOGETHER: usize = 4;

impl Shared {
    pub(super) async fn keep(&self, team: i32, content: Content) -> Result<Outcome, Trouble> {
        match content {
            Content::Events(entries) => self.keep_events(team, &entries).await,
            Content::Body(upload) => self.keep_body(team, upload).await,
            Content::Bodies(uploads) => {
                let mut outcomes = Vec::with_capacity(uploads.len());
                let mut working = stream::iter(
                    uploads
                        .into_iter()
                        .map(|upload| self.keep_body(team, upload)),
                )
                .buffered(TOGETHER);
                while let Some(outcome) = working.next().await {
                    let is_begun = !outcomes.is_empty();
                    outcomes.push(
                        outcome.map_err(
                            |trouble| {
                                if is_begun { Trouble::Unknown } else { trouble }
                            },
                        )?,
                    );
                }
                Ok(Outcome::Bodies(outcomes))
            }
        }
    }

    /// Keeps a batch, project by project. A failure after the first project leaves some of it
    /// stored.
    async fn keep_events(&self, team: i32, entries: &[Entry]) -> Result<Outcome, Trouble> {
        let mut projects: BTreeMap<Uuid, Vec<(usize, &Event)>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            if let Ok(event) = &entry.event {
                let project = Uuid::parse_str(&event.project_uuid).map_err(|_| Trouble::Unknown)?;
                projects.entry(project).or_default().push((at, event));
            }
        }
        let mut verdicts = vec![None; entries.len()];
        let mut is_begun = false;
        for (project, events) in projects {
            let (places, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
            let kept = self
                .shard(project)?
                .keep_project(team, project, &events)
                .await;
            let kept = kept.map_err(|trouble| if is_begun { Trouble::Unknown } else { trouble })?;
            is_begun = true;
            for (at, verdict) in places.into_iter().zip(kept) {
                verdicts[at] = Some(verdict);
            }
        }
        Ok(Outcome::Events(Results::of(entries.iter().zip(verdicts))))
    }

    async fn keep_body(&self, team: i32, upload: Upload) -> Result<Outcome, Trouble> {
        // No event is of a project whose id is not one.
        let Ok(project) = Uuid::parse_str(&upload.version.namespace.project_uuid) else {
            return Ok(Outcome::NotAnnounced);
        };
        let shard = self.shard(project)?;
        let Upload { version, content } = upload;
        for _ in 0..REMOVALS {
            let (known, refused) = shard.refused(team, project).await?;
            if refused.has_document(&version.namespace.mission_slug, &version.path) {
                return Ok(Outcome::Forgotten);
            }
            let kept = self
                .keep_version(shard, (team, project), &version, content.as_deref(), known)
                .await?;
            if let Some(outcome) = kept {
                return Ok(outcome);
            }
            shard.note_removals(team, project);
        }
        Err(Trouble::Unknown)
    }

    /// Keeps a version that is not refused; `None` if there were other removals than the `known`
    /// ones.
    async fn keep_version(
        &self,
        shard: &Shard,
        (team, project): (i32, Uuid),
        version: &ArtifactVersion,
        content: Option<&str>,
        known: i32,
    ) -> Result<Option<Outcome>, Trouble> {
        let Some(content) = content else {
            return shard.keep_known_body(team, project, version, known).await;
        };
        let size = i32::try_from(content.len()).unwrap_or(i32::MAX);
        let Some(blobs) = self.blobs.as_ref().filter(|_| content.len() > INLINE_BYTES) else {
            return shard
                .keep_body(
                    (team, project),
                    version,
                    (size, Some(content.as_bytes())),
                    known,
                )
                .await;
        };
        match shard.body_state(team, project, version).await? {
            BodyState::NotAnnounced => Ok(Some(Outcome::NotAnnounced)),
            BodyState::There => Ok(Some(Outcome::AlreadyExists)),
            BodyState::Announced { .. } => {
                // The text first: a row without its text would be a promise that was not kept.
                blobs
                    .put((team, project), version.sha256, content.to_owned())
                    .await?;
                shard
                    .keep_body((team, project), version, (size, None), known)
                    .await
            }
        }
    }
}
