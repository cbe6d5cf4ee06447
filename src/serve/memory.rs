//! Records in this process's memory.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::Error;
use super::arrivals::{Arrival, Arrived, BYTES, Heads, ROWS};
use super::storage::{Artifact, ArtifactVersion, Count, Counts, Event, LocalEngine, Records, Upload, Work};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;

/// An engine whose steps cannot fail and last as long as the process.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    instance_id: String,
    tables: Tables,
}

#[derive(Debug, Clone, Default)]
struct Tables {
    /// Project, then event id, to the envelope.
    events: HashMap<String, HashMap<String, Vec<u8>>>,
    announced: HashSet<Artifact>,
    bodies: HashSet<ArtifactVersion>,
    /// Everything above in the order it came.
    arrivals: Vec<(Timestamp, Arrived)>,
    contents: HashMap<Sha256, String>,
    request_keys: HashSet<String>,
    counts: Counts,
}

impl Memory {
    /// An empty engine under this id.
    pub(super) fn new(instance_id: String) -> Self {
        Self { instance_id, tables: Tables::default() }
    }
}

impl LocalEngine for Memory {
    fn step(&mut self, work: &mut Work<'_>) -> Result<(), Error> {
        work(&mut self.tables)
    }

    fn has_body(&self, version: &ArtifactVersion) -> Result<bool, Error> {
        Ok(self.tables.bodies.contains(version))
    }

    fn counts(&self) -> Result<Counts, Error> {
        Ok(self.tables.counts.clone())
    }

    fn heads(&self) -> Result<Heads, Error> {
        let head = i64::try_from(self.tables.arrivals.len()).unwrap_or(i64::MAX);
        Ok(Heads { era: String::new(), streams: vec![("all".to_owned(), head)] })
    }

    fn feed(&self, _stream: &str, after: i64) -> Result<Vec<Arrival>, Error> {
        let begin = usize::try_from(after).unwrap_or(0);
        let mut bytes = 0;
        let rows = self.tables.arrivals.iter().skip(begin).take(ROWS.into()).take_while(|(_, item)| {
            let fits = bytes < BYTES;
            bytes += if let Arrived::Event { envelope, .. } = item { envelope.len() } else { 0 };
            fits
        });
        let numbered = rows.zip(after + 1..);
        Ok(numbered.map(|((at, item), seq)| Arrival { seq, at: *at, item: item.clone() }).collect())
    }

    fn text(&self, sha256: Sha256) -> Result<Option<String>, Error> {
        Ok(self.tables.contents.get(&sha256).cloned())
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

impl Records for Tables {
    fn keep_event(&mut self, event: &Event, at: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        if !self.events.contains_key(&event.project_uuid) {
            self.add(Count::Projects, 1)?;
        }
        let project = self.events.entry(event.project_uuid.clone()).or_default();
        Ok(match project.entry(event.id.clone()) {
            Entry::Occupied(there) => Some(there.get().clone()),
            Entry::Vacant(free) => {
                free.insert(event.envelope.clone());
                let (project_uuid, envelope) = (event.project_uuid.clone(), event.envelope.clone());
                self.arrivals.push((at, Arrived::Event { project_uuid, envelope }));
                None
            }
        })
    }

    fn keep_announcement(&mut self, artifact: &Artifact) -> Result<(), Error> {
        self.announced.insert(artifact.clone());
        Ok(())
    }

    fn is_announced(&mut self, namespace: &NamespaceRef, path: &str) -> Result<bool, Error> {
        let artifact = Artifact { namespace: namespace.clone(), path: path.to_owned() };
        Ok(self.announced.contains(&artifact))
    }

    fn keep_body(&mut self, upload: &Upload, at: Timestamp) -> Result<bool, Error> {
        self.contents.entry(upload.version.sha256).or_insert_with(|| upload.content.clone());
        let is_new = self.bodies.insert(upload.version.clone());
        if is_new {
            self.arrivals.push((at, Arrived::Text(upload.version.clone())));
        }
        Ok(is_new)
    }

    fn keep_request_key(&mut self, key: &str, _at: Timestamp) -> Result<bool, Error> {
        Ok(!self.request_keys.insert(key.to_owned()))
    }

    fn add(&mut self, count: Count, by: i64) -> Result<(), Error> {
        *self.counts.entry(count).or_default() += by;
        Ok(())
    }
}
