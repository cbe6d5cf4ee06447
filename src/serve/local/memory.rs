//! Records in this process's memory, of one team.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::storage::{
    Announced, Kept, LocalEngine, LocalInventory, LocalRemovals, LocalTokens, LocalWebhooks,
    Records, Work,
};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::serve::Error;
use crate::serve::engine::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use crate::serve::engine::content::{Artifact, ArtifactVersion, Event, Upload};
use crate::serve::engine::count::{Count, Counts};
use crate::serve::engine::inventory::{
    ANSWER_BYTES, ANSWER_ROWS, Ask, DigestOf, Filling, Page, Place,
};
use crate::serve::engine::removal::{Forgot, Refused, Removal};
use crate::serve::engine::token::{Found, OWN_TEAM, Token};
use crate::serve::engine::webhook::{Added, Sending, Sent, Webhook};

/// An engine whose steps cannot fail and last as long as the process.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Memory {
    instance_id: String,
    tables: Tables,
}

#[derive(Debug, Clone, Default)]
struct Tables {
    /// By project.
    projects: HashMap<String, Project>,
    /// Each with the newest event that names it, and what that says of its content.
    announced: HashMap<Artifact, (usize, Option<Sha256>)>,
    /// The newest event about each subject.
    words: HashMap<(NamespaceRef, [u8; 16]), usize>,
    bodies: HashSet<ArtifactVersion>,
    /// Everything above in the order it came.
    arrivals: Vec<(Timestamp, Arrived)>,
    /// In order of receipt.
    versions: Vec<ArtifactVersion>,
    /// The digests of the texts of each project.
    texts: HashSet<(String, Sha256)>,
    contents: HashMap<Sha256, String>,
    request_keys: HashSet<String>,
    counts: Counts,
    /// Always empty.
    refused: Refused,
}

/// The events of a project.
#[derive(Debug, Clone, Default)]
struct Project {
    /// By id, where it stands among `log`.
    by_id: HashMap<String, usize>,
    /// Id, type and envelope, in order of receipt.
    log: Vec<(String, String, Vec<u8>)>,
}

impl Tables {
    /// The events of a project.
    fn log_of(&self, project_uuid: &str) -> &[(String, String, Vec<u8>)] {
        self.projects
            .get(project_uuid)
            .map(|project| &project.log[..])
            .unwrap_or_default()
    }
}

impl Memory {
    /// An empty engine under this id.
    pub(in crate::serve) fn new(instance_id: String) -> Self {
        Self {
            instance_id,
            tables: Tables::default(),
        }
    }
}

impl LocalEngine for Memory {
    fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
        work(&mut self.tables)
    }

    fn has_body(&self, _team: i32, version: &ArtifactVersion) -> Result<bool, Error> {
        Ok(self.tables.bodies.contains(version))
    }

    fn counts(&self) -> Result<Counts, Error> {
        Ok(self.tables.counts.clone())
    }

    fn heads(&self) -> Result<Heads, Error> {
        let head = i64::try_from(self.tables.arrivals.len()).unwrap_or(i64::MAX);
        Ok(Heads {
            era: String::new(),
            streams: vec![("all".to_owned(), head)],
        })
    }

    fn feed(&self, _stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
        let begin = usize::try_from(after).unwrap_or(0);
        let mut bytes = 0;
        let rows = self
            .tables
            .arrivals
            .iter()
            .skip(begin)
            .take(ROWS.into())
            .take_while(|(_, item)| {
                let fits = bytes < BYTES;
                bytes += if let Arrived::Event { envelope, .. } = item {
                    envelope.len()
                } else {
                    0
                };
                fits
            });
        let numbered = rows.zip(after + 1..);
        Ok(numbered
            .map(|((at, item), seq)| Arrival {
                seq,
                team: OWN_TEAM,
                at: *at,
                item: item.clone(),
            })
            .collect())
    }

    fn text(&self, _team: i32, sha256: Sha256) -> Result<Option<String>, Error> {
        Ok(self.tables.contents.get(&sha256).cloned())
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

/// What lasts as long as the process has no tokens: no other process could add one.
impl LocalTokens for Memory {
    fn find_token(&self, _digest: Option<Sha256>) -> Result<Found, Error> {
        Ok(Found::default())
    }

    fn add_token(&mut self, _token: &Token) -> Result<bool, Error> {
        Ok(false)
    }

    fn list_tokens(&self) -> Result<Vec<Token>, Error> {
        Ok(Vec::new())
    }

    fn revoke_token(&mut self, _team: &str, _name: &str, _at: Timestamp) -> Result<bool, Error> {
        Ok(false)
    }
}

/// Nothing is deleted from what lasts as long as the process.
impl LocalRemovals for Memory {
    fn forget(&mut self, _order: &Removal, _is_trial: bool) -> Result<Forgot, Error> {
        Ok(Forgot::NoProject)
    }

    fn removals(&self) -> Result<Vec<Removal>, Error> {
        Ok(Vec::new())
    }
}

/// No other process could add one.
impl LocalWebhooks for Memory {
    fn add_webhook(&mut self, _webhook: &Webhook, _from_start: bool) -> Result<Added, Error> {
        Ok(Added::NoTeam)
    }

    fn list_webhooks(&self) -> Result<Vec<Webhook>, Error> {
        Ok(Vec::new())
    }

    fn remove_webhook(&mut self, _team: &str, _name: &str) -> Result<bool, Error> {
        Ok(false)
    }

    fn take_webhook(&mut self, _now: Timestamp) -> Result<Option<Sending>, Error> {
        Ok(None)
    }

    fn settle_webhook(&mut self, _sending: &Sending, _sent: &Sent) -> Result<(), Error> {
        Ok(())
    }
}

impl LocalInventory for Memory {
    fn facts(&self, ask: &Ask) -> Result<Page<Place>, Error> {
        let is_asked = |namespace: &NamespaceRef| {
            namespace.project_uuid == ask.project_uuid
                && ask
                    .mission
                    .as_ref()
                    .is_none_or(|slug| *slug == namespace.mission_slug)
        };
        let announced = self
            .tables
            .announced
            .iter()
            .filter(|(artifact, _)| is_asked(&artifact.namespace));
        let announced = announced.map(|(Artifact { namespace, path }, (at, content))| {
            let version = |sha256| ArtifactVersion {
                namespace: namespace.clone(),
                path: path.clone(),
                sha256,
            };
            (
                *at,
                content.is_some_and(|content| self.tables.bodies.contains(&version(content))),
            )
        });
        let words = self
            .tables
            .words
            .iter()
            .filter(|((namespace, _), _)| is_asked(namespace));
        let mut all: Vec<_> = announced.chain(words.map(|(_, at)| (*at, false))).collect();
        all.sort_unstable();
        let mut page = Filling::new(ANSWER_ROWS, ANSWER_BYTES);
        let log = self.tables.log_of(&ask.project_uuid);
        for (at, has_document) in all {
            let (Some((_, _, envelope)), seq) = (log.get(at), number(at)) else {
                continue;
            };
            let size = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
            let place = Place {
                seq,
                size,
                has_document,
            };
            if seq > ask.after_number() && !page.add(place, size, || seq.to_string()) {
                break;
            }
        }
        Ok(page.page())
    }

    fn envelopes(&self, ask: &Ask, places: &[Place]) -> Result<Vec<Vec<u8>>, Error> {
        let log = self.tables.log_of(&ask.project_uuid);
        let at = |place: &Place| {
            usize::try_from(place.seq - 1)
                .ok()
                .and_then(|at| log.get(at))
        };
        Ok(places
            .iter()
            .filter_map(at)
            .map(|(_, _, envelope)| envelope.clone())
            .collect())
    }

    fn event_states(
        &self,
        ask: &Ask,
        of: DigestOf,
        rows: usize,
    ) -> Result<Page<(String, Sha256)>, Error> {
        let mut page = Filling::new(rows, u64::MAX);
        for (at, (id, kind, envelope)) in self.tables.log_of(&ask.project_uuid).iter().enumerate() {
            let is_left_out = of == DigestOf::LogBytes && kind.starts_with("MissionDossier");
            let seq = number(at);
            if seq > ask.after_number()
                && !is_left_out
                && !page.add((id.clone(), of.digest(envelope)), 0, || seq.to_string())
            {
                break;
            }
        }
        Ok(page.page())
    }

    fn documents(&self, ask: &Ask, rows: usize) -> Result<Page<ArtifactVersion>, Error> {
        let mut page = Filling::new(rows, u64::MAX);
        for (at, version) in self.tables.versions.iter().enumerate() {
            let is_asked = version.namespace.project_uuid == ask.project_uuid
                && number(at) > ask.after_number();
            if is_asked && !page.add(version.clone(), 0, || number(at).to_string()) {
                break;
            }
        }
        Ok(page.page())
    }
}

/// The number of what stands at a place, from 1.
fn number(at: usize) -> i64 {
    i64::try_from(at + 1).unwrap_or(i64::MAX)
}

impl Records for Tables {
    fn enter(&mut self, _team: i32) {}

    fn refused(&mut self, _project_uuid: &str) -> Result<&Refused, Error> {
        Ok(&self.refused)
    }

    fn keep_event(
        &mut self,
        event: &Event,
        received_at: Timestamp,
    ) -> Result<Option<Vec<u8>>, Error> {
        if !self.projects.contains_key(&event.project_uuid) {
            self.add(Count::Projects, 1)?;
        }
        let project = self.projects.entry(event.project_uuid.clone()).or_default();
        let at = project.log.len();
        match project.by_id.entry(event.id.clone()) {
            Entry::Occupied(there) => {
                return Ok(project
                    .log
                    .get(*there.get())
                    .map(|(_, _, envelope)| envelope.clone()));
            }
            Entry::Vacant(free) => drop(free.insert(at)),
        }
        let (project_uuid, envelope) = (event.project_uuid.clone(), event.envelope.clone());
        self.arrivals.push((
            received_at,
            Arrived::Event {
                project_uuid,
                envelope,
            },
        ));
        project
            .log
            .push((event.id.clone(), event.kind.clone(), event.envelope.clone()));
        if let Some(artifact) = &event.announces {
            self.announced.insert(artifact.clone(), (at, event.content));
        }
        if let Some(about) = &event.about {
            self.words.insert((about.namespace.clone(), about.key), at);
        }
        Ok(None)
    }

    fn announced(&mut self, version: &ArtifactVersion) -> Result<Announced, Error> {
        let artifact = Artifact {
            namespace: version.namespace.clone(),
            path: version.path.clone(),
        };
        Ok(match self.announced.get(&artifact) {
            None => Announced::Never,
            Some((_, content)) if *content == Some(version.sha256) => Announced::This,
            Some(_) => Announced::Otherwise,
        })
    }

    fn keep_body(&mut self, upload: &Upload, at: Timestamp) -> Result<Kept, Error> {
        let text = (
            upload.version.namespace.project_uuid.clone(),
            upload.version.sha256,
        );
        match &upload.content {
            Some(content) => drop(
                self.contents
                    .entry(text.1)
                    .or_insert_with(|| content.clone()),
            ),
            None if !self.texts.contains(&text) => return Ok(Kept::NoText),
            None => {}
        }
        self.texts.insert(text);
        if !self.bodies.insert(upload.version.clone()) {
            return Ok(Kept::There);
        }
        self.arrivals
            .push((at, Arrived::Text(upload.version.clone())));
        self.versions.push(upload.version.clone());
        Ok(Kept::New)
    }

    fn keep_request_key(&mut self, key: &str, _at: Timestamp) -> Result<bool, Error> {
        Ok(!self.request_keys.insert(key.to_owned()))
    }

    fn add(&mut self, count: Count, by: i64) -> Result<(), Error> {
        *self.counts.entry(count).or_default() += by;
        Ok(())
    }
}
