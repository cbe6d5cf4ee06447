//! The engine over a storage in this process: one thread owns it, and requests queue for that
//! thread.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::sqlite::Sqlite;
use super::storage_thread::{Job, StorageThread};
use crate::base::{Clock, Sha256, Timestamp};
use crate::serve::Error;
use crate::serve::engine::arrivals::{Arrival, Heads};
use crate::serve::engine::content::ArtifactVersion;
use crate::serve::engine::count::Counts;
use crate::serve::engine::inventory::{Ask, DigestOf, Inventory, Page, Place};
use crate::serve::engine::removal::{Forgot, Removal, Removals};
use crate::serve::engine::token::{Found, Token, Tokens};
use crate::serve::engine::webhook::{Added, Sending, Sent, Webhook, Webhooks};
use crate::serve::engine::{Engine, Outcome, Reply, Request, Trouble};
use crate::serve::traffic::Traffic;

/// Requests that may wait for the storage; more wait on their connection.
const QUEUE: usize = 64;

/// The way to the thread that owns the storage, which ends after its last commit once every way is
/// gone.
#[derive(Debug)]
pub(in crate::serve) struct ThreadedEngine {
    instance_id: String,
    jobs: mpsc::Sender<Job>,
}

impl ThreadedEngine {
    /// Starts the thread that owns `engine`.
    pub(in crate::serve) fn start(
        engine: Sqlite,
        traffic: Arc<Traffic>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let instance_id = engine.instance_id().to_owned();
        let storage_thread = StorageThread {
            engine,
            traffic,
            clock,
        };
        let keeping =
            crate::serve::thread::spawn("serve-storage", move || storage_thread.run(waiting))?;
        Ok((Self { instance_id, jobs }, keeping))
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<T>) -> Job + Send,
    ) -> Result<T, Trouble> {
        let (sender, answer) = oneshot::channel();
        self.jobs
            .send(job(sender))
            .await
            .map_err(|_| Trouble::Unknown)?;
        answer.await.map_err(|_| Trouble::Unknown)
    }

    /// Does something with the storage, between two commits.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Sqlite) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Trouble> {
        let job = |sender: oneshot::Sender<T>| {
            Job::Work(Box::new(move |engine| match work(engine) {
                Ok(value) => drop(sender.send(value)),
                Err(e) => log::error!("cannot use the storage: {e}"),
            }))
        };
        self.ask(job).await
    }
}

impl Tokens for ThreadedEngine {
    fn find_token(&self, digest: Option<Sha256>) -> Reply<'_, Result<Found, Trouble>> {
        Box::pin(self.with(move |engine| engine.find_token(digest)))
    }

    fn add_token(&self, token: Token) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(self.with(move |engine| engine.add_token(&token)))
    }

    fn list_tokens(&self) -> Reply<'_, Result<Vec<Token>, Trouble>> {
        Box::pin(self.with(|engine| engine.list_tokens()))
    }

    fn revoke_token(
        &self,
        team: String,
        name: String,
        at: Timestamp,
    ) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(self.with(move |engine| engine.revoke_token(&team, &name, at)))
    }
}

impl Removals for ThreadedEngine {
    fn forget(&self, order: Removal, is_trial: bool) -> Reply<'_, Result<Forgot, Trouble>> {
        Box::pin(self.with(move |engine| engine.forget(&order, is_trial)))
    }

    fn removals(&self) -> Reply<'_, Result<Vec<Removal>, Trouble>> {
        Box::pin(self.with(|engine| engine.removals()))
    }
}

impl Webhooks for ThreadedEngine {
    fn add_webhook(&self, webhook: Webhook, from_start: bool) -> Reply<'_, Result<Added, Trouble>> {
        Box::pin(self.with(move |engine| engine.add_webhook(&webhook, from_start)))
    }

    fn list_webhooks(&self) -> Reply<'_, Result<Vec<Webhook>, Trouble>> {
        Box::pin(self.with(|engine| engine.list_webhooks()))
    }

    fn remove_webhook(&self, team: String, name: String) -> Reply<'_, Result<bool, Trouble>> {
        Box::pin(self.with(move |engine| engine.remove_webhook(&team, &name)))
    }

    fn take_webhook(&self, now: Timestamp) -> Reply<'_, Result<Option<Sending>, Trouble>> {
        Box::pin(self.with(move |engine| engine.take_webhook(now)))
    }

    fn settle_webhook(&self, sending: Sending, sent: Sent) -> Reply<'_, Result<(), Trouble>> {
        Box::pin(self.with(move |engine| engine.settle_webhook(&sending, &sent)))
    }
}

impl Inventory for ThreadedEngine {
    fn facts(&self, ask: Ask) -> Reply<'_, Result<Page<Place>, Trouble>> {
        Box::pin(self.with(move |engine| engine.facts(&ask)))
    }

    fn envelopes(&self, ask: Ask, places: Vec<Place>) -> Reply<'_, Result<Vec<Vec<u8>>, Trouble>> {
        Box::pin(self.with(move |engine| engine.envelopes(&ask, &places)))
    }

    fn event_states(
        &self,
        ask: Ask,
        of: DigestOf,
        rows: usize,
    ) -> Reply<'_, Result<Page<(String, Sha256)>, Trouble>> {
        Box::pin(self.with(move |engine| engine.event_states(&ask, of, rows)))
    }

    fn documents(
        &self,
        ask: Ask,
        rows: usize,
    ) -> Reply<'_, Result<Page<ArtifactVersion>, Trouble>> {
        Box::pin(self.with(move |engine| engine.documents(&ask, rows)))
    }

    fn missing(
        &self,
        team: i32,
        versions: Vec<ArtifactVersion>,
    ) -> Reply<'_, Result<Vec<ArtifactVersion>, Trouble>> {
        Box::pin(self.with(move |engine| {
            let is_missing = |version: &ArtifactVersion| {
                engine.has_body(team, version).map(|is_there| !is_there)
            };
            let checked = versions
                .into_iter()
                .map(|version| is_missing(&version).map(|is| is.then_some(version)));
            Ok(checked
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect())
        }))
    }
}

impl Engine for ThreadedEngine {
    fn keep(&self, request: Request) -> Reply<'_, Result<Outcome, Trouble>> {
        Box::pin(self.ask(|sender| Job::Keep(Box::new(request), sender)))
    }

    fn counts(&self) -> Reply<'_, Result<Counts, Trouble>> {
        Box::pin(self.ask(Job::Report))
    }

    fn ready(&self) -> Reply<'_, Result<(), String>> {
        // A process that can read the counts has the storage open.
        Box::pin(async {
            self.counts()
                .await
                .map(drop)
                .map_err(|_| "the storage cannot be read".to_owned())
        })
    }

    fn heads(&self) -> Reply<'_, Result<Heads, Trouble>> {
        Box::pin(self.with(|engine| engine.heads()))
    }

    fn feed(&self, stream: &str, after: i64) -> Reply<'_, Result<Vec<Arrival>, Trouble>> {
        let stream = stream.to_owned();
        Box::pin(self.with(move |engine| engine.feed(&stream, after)))
    }

    fn text(
        &self,
        team: i32,
        _project_uuid: &str,
        sha256: Sha256,
    ) -> Reply<'_, Result<Option<String>, Trouble>> {
        Box::pin(self.with(move |engine| engine.text(team, sha256)))
    }

    fn instance_id(&self) -> &str {
        &self.instance_id
    }
}
