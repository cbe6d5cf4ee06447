//! Events and texts in PostgreSQL.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::pool::{Parameter, Place, Pool};
use super::samples;
use super::tls::Tls;
use super::turns::Turns;
use super::{Databases, Error, cell, durable, migrate, words};
use crate::base::ids::Ids;
use crate::base::{Clock, Sha256};
use crate::event::NamespaceRef;
use crate::http::{Network, tls_config};
use crate::serve::arrivals::{Arrival, Heads};
use crate::serve::batch::{Entry, is_same_event};
use crate::serve::blobs::{Blobs, INLINE_BYTES};
use crate::serve::engine::{Content, Engine, Outcome, Reply, Request, Results, Trouble, Verdict};
use crate::serve::metrics::Sample;
use crate::serve::storage::{ArtifactVersion, Count, Counts, Event, Upload};
use crate::serve::traffic::Traffic;

/// The one team there is.
pub(super) const TENANT: i32 = 0;
/// How long a request waits for its turn among those of its project.
const TURN_WAIT: Duration = Duration::from_secs(10);
/// How long a database may take to say that it is ready.
const READY_WAIT: Duration = Duration::from_secs(2);
/// Projects are shared out by this many bits of their digest.
const BUCKET_BITS: u32 = 12;

/// The engine: one or more databases, each with its share of the projects.
#[derive(Debug)]
pub(in crate::serve) struct Postgres {
    shared: Arc<Shared>,
    instance_id: String,
    traffic: Arc<Traffic>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) shards: Vec<Shard>,
    /// Where long texts are; `None` keeps them in the databases.
    pub(super) blobs: Option<Arc<Blobs>>,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) pool: Pool,
    turns: Turns,
}

impl Postgres {
    /// Connects to every database and makes sure that it can be relied on.
    pub(in crate::serve) async fn open(
        databases: &Databases,
        traffic: Arc<Traffic>,
        clock: Arc<dyn Clock>,
        ids: &dyn Ids,
        random: fn() -> f64,
    ) -> Result<Self, Error> {
        let network = Network { authorities: databases.authorities.clone(), ..Network::default() };
        let tls = Tls(tls_config(&network).map_err(|e| Error::Tls(e.to_string()))?);
        let mut shards = Vec::new();
        let mut instance_ids = Vec::new();
        for (at, url) in databases.urls.iter().enumerate() {
            let pool = Pool::new(url, tls.clone(), random)?;
            let place = pool.place().await.map_err(|e| Error::Connect(e.words()))?;
            let Some(client) = place.client() else { continue };
            let flaw = durable::check(client).await.map_err(|e| Error::Statement(words(&e)))?;
            flaw.map_or(Ok(()), |flaw| Err(Error::NotDurable(flaw)))?;
            migrate::prepare(client, databases.migrate, random).await?;
            drop(place);
            let (number, count) = (at + 1, databases.urls.len());
            let found = setting(&pool, "shard", &format!("{number} of {count}")).await?;
            if found != format!("{number} of {count}") {
                return Err(Error::OtherShard { number, count, found });
            }
            instance_ids.push(setting(&pool, "instance_id", &ids.uuid()).await?);
            shards.push(Shard { pool, turns: Turns::default() });
        }
        let mut blobs = None;
        if let Some(store) = &databases.bodies {
            let opened = Blobs::open(store, databases.authorities.clone(), clock, random, &ids.uuid()).await;
            blobs = Some(opened.map_err(Error::Bodies)?);
        }
        let first = instance_ids.into_iter().next().ok_or_else(|| Error::Url("there is none".to_owned()))?;
        Ok(Self { shared: Arc::new(Shared { shards, blobs }), instance_id: first, traffic })
    }
}

/// The value of a setting that the first receiver gives, and every later one finds.
async fn setting(pool: &Pool, name: &str, value: &str) -> Result<String, Error> {
    let failed = |_| Error::Statement(format!("the setting {name} can be neither read nor written"));
    let sql = "WITH kept AS (INSERT INTO sk_settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING \
               RETURNING value) SELECT value FROM kept UNION ALL SELECT value FROM sk_settings WHERE name = $1";
    let parameters: [Parameter<'_>; 2] = [(&name, Type::TEXT), (&value, Type::TEXT)];
    // A receiver that starts at the same time may have given it after this statement began to look.
    for _ in 0..2 {
        if let Some(row) = pool.write(sql, &parameters).await.map_err(failed)?.first() {
            return row.try_get(0).map_err(|e| Error::Statement(words(&e)));
        }
    }
    Err(failed(Trouble::Unknown))
}

impl Engine for Postgres {
    fn keep(&self, request: Request) -> Reply<'_, Result<Outcome, Trouble>> {
        let shared = Arc::clone(&self.shared);
        // A task of its own, so that a client that hangs up leaves no connection in the middle of an answer.
        let work = tokio::spawn(async move { shared.keep(request.content).await });
        Box::pin(async { work.await.unwrap_or(Err(Trouble::Unknown)) })
    }

    fn counts(&self) -> Reply<'_, Result<Counts, Trouble>> {
        Box::pin(async {
            let mut counts = self.traffic.total();
            let stored = self.shared.stored().await?;
            counts.extend([Count::Projects, Count::Events, Count::Bodies].into_iter().zip(stored));
            Ok(counts)
        })
    }

    fn ready(&self) -> Reply<'_, Result<(), String>> {
        Box::pin(async {
            for shard in &self.shared.shards {
                let answer = timeout(READY_WAIT, shard.pool.is_ready()).await;
                answer.unwrap_or_else(|_| Err("the database does not answer".to_owned()))?;
            }
            match &self.shared.blobs {
                Some(blobs) => blobs.ready().await,
                None => Ok(()),
            }
        })
    }

    fn heads(&self) -> Reply<'_, Result<Heads, Trouble>> {
        Box::pin(self.shared.heads())
    }

    fn feed(&self, stream: &str, after: i64) -> Reply<'_, Result<Vec<Arrival>, Trouble>> {
        let stream = stream.to_owned();
        Box::pin(async move { self.shared.feed(&stream, after).await })
    }

    fn text(&self, project_uuid: &str, sha256: Sha256) -> Reply<'_, Result<Option<String>, Trouble>> {
        let project = project_uuid.to_owned();
        Box::pin(async move { self.shared.text(&project, sha256).await })
    }

    fn samples(&self) -> Vec<Sample> {
        samples::of(&self.shared.shards.iter().map(|shard| &shard.pool).collect::<Vec<_>>())
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}

impl Pool {
    async fn is_ready(&self) -> Result<(), String> {
        let mut last = String::new();
        // The first connection may be one that the database has ended.
        for _ in 0..2 {
            let place = self.place().await.map_err(|e| e.to_string())?;
            match flaw(&place).await {
                Ok(flaw) => return flaw.map_or(Ok(()), Err),
                Err(e) => last = words(&e),
            }
            place.discard();
        }
        Err(last)
    }
}

/// Why nothing may be kept in this database now.
async fn flaw(place: &Place<'_>) -> Result<Option<String>, tokio_postgres::Error> {
    let Some(client) = place.client() else { return Ok(None) };
    if let Some(flaw) = durable::check(client).await? {
        return Ok(Some(flaw));
    }
    let found = migrate::version(client).await?;
    Ok((found != migrate::needed()).then(|| format!("it has version {found} of the tables")))
}

impl Shared {
    /// The database that has this project.
    pub(super) fn shard(&self, project: Uuid) -> Result<&Shard, Trouble> {
        let digest = Sha256::of(project.as_bytes());
        let [high, low, ..] = digest.as_bytes();
        let bucket = usize::from(u16::from_be_bytes([*high, *low]) >> (16 - BUCKET_BITS));
        self.shards.get((bucket * self.shards.len()) >> BUCKET_BITS).ok_or(Trouble::Unknown)
    }

    async fn keep(&self, content: Content) -> Result<Outcome, Trouble> {
        match content {
            Content::Events(entries) => self.keep_events(&entries).await,
            Content::Body(upload) => self.keep_body(upload).await,
        }
    }

    /// Keeps a batch, project by project. A failure after the first project leaves some of it stored.
    async fn keep_events(&self, entries: &[Entry]) -> Result<Outcome, Trouble> {
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
            let kept = self.shard(project)?.keep_project(project, &events).await;
            let kept = kept.map_err(|trouble| if is_begun { Trouble::Unknown } else { trouble })?;
            is_begun = true;
            for (at, verdict) in places.into_iter().zip(kept) {
                verdicts[at] = Some(verdict);
            }
        }
        Ok(Outcome::Events(Results::of(entries.iter().zip(verdicts))))
    }

    async fn keep_body(&self, upload: Upload) -> Result<Outcome, Trouble> {
        // No event is of a project whose id is not one.
        let Ok(project) = Uuid::parse_str(&upload.version.namespace.project_uuid) else {
            return Ok(Outcome::NotAnnounced);
        };
        let shard = self.shard(project)?;
        let Upload { version, content } = upload;
        let size = i32::try_from(content.len()).unwrap_or(i32::MAX);
        let Some(blobs) = self.blobs.as_ref().filter(|_| content.len() > INLINE_BYTES) else {
            return shard.keep_body(project, &version, size, Some(content.as_bytes())).await;
        };
        match shard.body_state(project, &version).await? {
            (false, _) => Ok(Outcome::NotAnnounced),
            (true, true) => Ok(Outcome::AlreadyExists),
            (true, false) => {
                // The text first: a row without its text would be a promise that was not kept.
                blobs.put(TENANT, version.sha256, content).await?;
                shard.keep_body(project, &version, size, None).await
            }
        }
    }

    /// The numbers of projects, events and bodies.
    async fn stored(&self) -> Result<[i64; 3], Trouble> {
        let mut sums = [0; 3];
        for shard in &self.shards {
            let rows = shard.pool.read(include_str!("counts.sql"), &[(&TENANT, Type::INT4)]).await?;
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += cell::<i64>(rows.first(), at)?;
            }
        }
        Ok(sums)
    }
}

impl Shard {
    async fn keep_project(&self, project: Uuid, events: &[&Event]) -> Result<Vec<Verdict>, Trouble> {
        let _turn = timeout(TURN_WAIT, self.turns.take(project)).await.map_err(|_| Trouble::Busy)?;
        let digests: Vec<_> = events.iter().map(|event| Sha256::of(&event.envelope)).collect();
        let mut seen = HashSet::new();
        let firsts: Vec<_> = events.iter().map(|event| seen.insert(event.id.as_str())).collect();
        let (base, new) = self.insert(project, events, &digests, &firsts).await?;
        let count = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        if new == count && seen.len() == events.len() {
            return Ok(vec![Verdict::New; events.len()]);
        }
        // Rows never change, so this may come after the commit.
        let looked_up = self.look_up(project, events, &digests).await;
        let there = looked_up.map_err(|_| Trouble::Unknown)?;
        let own = base + 1..=base + count;
        let verdict = |at: usize| {
            let (seq, other) = there.get(&at).ok_or(Trouble::Unknown)?;
            Ok(match other {
                _ if firsts[at] && own.contains(seq) => Verdict::New,
                Some(envelope) if !is_same_event(envelope, &events[at].envelope) => Verdict::Conflict,
                _ => Verdict::Duplicate,
            })
        };
        (0..events.len()).map(verdict).collect()
    }

    /// Stores the events whose ids are new, of those that are the first of their id in the batch. Gives the number that
    /// the sequence numbers of this batch come after, and how many are new.
    async fn insert(
        &self,
        project: Uuid,
        events: &[&Event],
        digests: &[Sha256],
        firsts: &[bool],
    ) -> Result<(i64, i64), Trouble> {
        let chosen: Vec<_> = (0..events.len()).filter(|at| firsts[*at]).collect();
        let ids: Vec<_> = chosen.iter().map(|at| events[*at].id.as_str()).collect();
        let kinds: Vec<_> = chosen.iter().map(|at| events[*at].kind.as_str()).collect();
        let hashes: Vec<&[u8]> = chosen.iter().map(|at| &digests[*at].as_bytes()[..]).collect();
        let envelopes: Vec<&[u8]> = chosen.iter().map(|at| events[*at].envelope.as_slice()).collect();
        let announced = chosen.iter().filter_map(|at| Some((events[*at].id.as_str(), events[*at].announces.as_ref()?)));
        let (causes, artifacts): (Vec<_>, Vec<_>) = announced.unzip();
        let keys: Vec<_> = artifacts.iter().map(|a| artifact_key(&a.namespace, &a.path)).collect();
        let keys: Vec<&[u8]> = keys.iter().map(|key| &key.as_bytes()[..]).collect();
        let slugs: Vec<_> = artifacts.iter().map(|a| a.namespace.mission_slug.as_str()).collect();
        let branches: Vec<_> = artifacts.iter().map(|a| a.namespace.target_branch.as_str()).collect();
        let types: Vec<_> = artifacts.iter().map(|a| a.namespace.mission_type.as_str()).collect();
        let versions: Vec<_> = artifacts.iter().map(|a| a.namespace.manifest_version.as_str()).collect();
        let paths: Vec<_> = artifacts.iter().map(|a| a.path.as_str()).collect();
        let parameters: [Parameter<'_>; 13] = [
            (&TENANT, Type::INT4),
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
        ];
        let rows = self.pool.write(include_str!("keep_events.sql"), &parameters).await?;
        Ok((cell(rows.first(), 0)?, cell(rows.first(), 1)?))
    }

    /// The stored row of each event: its sequence number, and its envelope if that has another digest.
    async fn look_up(
        &self,
        project: Uuid,
        events: &[&Event],
        digests: &[Sha256],
    ) -> Result<BTreeMap<usize, (i64, Option<Vec<u8>>)>, Trouble> {
        let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
        let hashes: Vec<&[u8]> = digests.iter().map(|digest| &digest.as_bytes()[..]).collect();
        let parameters: [Parameter<'_>; 4] =
            [(&TENANT, Type::INT4), (&project, Type::UUID), (&ids, Type::TEXT_ARRAY), (&hashes, Type::BYTEA_ARRAY)];
        let rows = self.pool.read(include_str!("look_up.sql"), &parameters).await?;
        let found = rows.iter().map(|row| {
            let number: i64 = cell(Some(row), 0)?;
            let at = usize::try_from(number - 1).map_err(|_| Trouble::Unknown)?;
            Ok((at, (cell(Some(row), 1)?, cell(Some(row), 2)?)))
        });
        found.collect()
    }

    /// True when the artifact was announced, and when this version of it is stored.
    async fn body_state(&self, project: Uuid, version: &ArtifactVersion) -> Result<(bool, bool), Trouble> {
        let key = artifact_key(&version.namespace, &version.path);
        let (key, hash) = (&key.as_bytes()[..], &version.sha256.as_bytes()[..]);
        let parameters: [Parameter<'_>; 4] =
            [(&TENANT, Type::INT4), (&project, Type::UUID), (&key, Type::BYTEA), (&hash, Type::BYTEA)];
        let rows = self.pool.read(include_str!("body_state.sql"), &parameters).await?;
        Ok((cell(rows.first(), 0)?, cell(rows.first(), 1)?))
    }

    /// Stores a version, and its content where that is not kept elsewhere.
    async fn keep_body(
        &self,
        project: Uuid,
        version: &ArtifactVersion,
        size: i32,
        content: Option<&[u8]>,
    ) -> Result<Outcome, Trouble> {
        let key = artifact_key(&version.namespace, &version.path);
        let (key, hash) = (&key.as_bytes()[..], &version.sha256.as_bytes()[..]);
        let parameters: [Parameter<'_>; 6] = [
            (&TENANT, Type::INT4),
            (&project, Type::UUID),
            (&key, Type::BYTEA),
            (&hash, Type::BYTEA),
            (&size, Type::INT4),
            (&content, Type::BYTEA),
        ];
        let rows = self.pool.write(include_str!("keep_body.sql"), &parameters).await?;
        Ok(match (cell::<i64>(rows.first(), 0)?, cell::<i64>(rows.first(), 1)?) {
            (0, _) => Outcome::NotAnnounced,
            (_, 0) => Outcome::AlreadyExists,
            _ => Outcome::Stored,
        })
    }
}

/// The key of an artifact: its texts can be longer than an index holds.
fn artifact_key(namespace: &NamespaceRef, path: &str) -> Sha256 {
    let NamespaceRef { project_uuid: _, mission_slug, target_branch, mission_type, manifest_version } = namespace;
    let texts = serde_json::json!([mission_slug, target_branch, mission_type, manifest_version, path]);
    Sha256::of(texts.to_string().as_bytes())
}
