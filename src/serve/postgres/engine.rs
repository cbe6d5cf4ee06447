//! Opening the databases, and what a receiver asks of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::databases::Databases;
use super::error::{Error, words};
use super::pool::{Parameter, Place, Pool};
use super::row::cell;
use super::shard::Shard;
use super::shared::{Postgres, Shared};
use super::tls::Tls;
use super::turns::Turns;
use super::{durable, migrate, samples};
use crate::base::ids::Ids;
use crate::base::{Clock, Sha256};
use crate::http::{Network, tls_config};
use crate::serve::blobs::Blobs;
use crate::serve::engine::arrivals::{Arrival, Heads};
use crate::serve::engine::count::{Count, Counts};
use crate::serve::engine::sample::Sample;
use crate::serve::engine::{Engine, Outcome, Reply, Request, Trouble};
use crate::serve::traffic::Traffic;

/// How long a database may take to say that it is ready.
const READY_WAIT: Duration = Duration::from_secs(2);
impl Postgres {
    /// Connects to every database and makes sure that it can be relied on.
    pub(in crate::serve) async fn open(
        databases: &Databases,
        traffic: Arc<Traffic>,
        clock: Arc<dyn Clock>,
        ids: &dyn Ids,
        random: fn() -> f64,
    ) -> Result<Self, Error> {
        let network = Network {
            authorities: databases.authorities.clone(),
            ..Network::default()
        };
        let tls = Tls(tls_config(&network).map_err(|e| Error::Tls(e.to_string()))?);
        let mut shards = Vec::new();
        let mut instance_ids = Vec::new();
        for (at, url) in databases.urls.iter().enumerate() {
            let pool = Pool::new(url, tls.clone(), random)?;
            let place = pool.place().await.map_err(|e| Error::Connect(e.words()))?;
            let Some(client) = place.client() else {
                continue;
            };
            let flaw = durable::check(client)
                .await
                .map_err(|e| Error::Statement(words(&e)))?;
            flaw.map_or(Ok(()), |flaw| Err(Error::NotDurable(flaw)))?;
            migrate::prepare(client, databases.migrate, random).await?;
            drop(place);
            let (number, count) = (at + 1, databases.urls.len());
            let found = setting(&pool, "shard", &format!("{number} of {count}")).await?;
            if found != format!("{number} of {count}") {
                return Err(Error::OtherShard {
                    number,
                    count,
                    found,
                });
            }
            instance_ids.push(setting(&pool, "instance_id", &ids.uuid()).await?);
            shards.push(Shard {
                pool,
                turns: Turns::default(),
                with_removals: Mutex::default(),
            });
        }
        let mut blobs = None;
        if let Some(store) = &databases.bodies {
            let opened = Blobs::open(
                store,
                databases.authorities.clone(),
                clock,
                random,
                &ids.uuid(),
            )
            .await;
            blobs = Some(opened.map_err(Error::Bodies)?);
        }
        let first = instance_ids
            .into_iter()
            .next()
            .ok_or_else(|| Error::Url("there is none".to_owned()))?;
        Ok(Self {
            shared: Arc::new(Shared { shards, blobs }),
            instance_id: first,
            traffic,
        })
    }
}

/// The value of a setting that the first receiver gives, and every later one finds.
async fn setting(pool: &Pool, name: &str, value: &str) -> Result<String, Error> {
    let failed = |_| {
        Error::Statement(format!(
            "the setting {name} can be neither read nor written"
        ))
    };
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
        // A separate task, so that a client that hangs up leaves no connection in the middle of an
        // answer.
        let work = tokio::spawn(async move { shared.keep(request.team, request.content).await });
        Box::pin(async { work.await.unwrap_or(Err(Trouble::Unknown)) })
    }

    fn counts(&self) -> Reply<'_, Result<Counts, Trouble>> {
        Box::pin(async {
            let mut counts = self.traffic.total();
            let stored = self.shared.stored().await?;
            counts.extend(
                [Count::Projects, Count::Events, Count::Bodies]
                    .into_iter()
                    .zip(stored),
            );
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

    fn text(
        &self,
        team: i32,
        project_uuid: &str,
        sha256: Sha256,
    ) -> Reply<'_, Result<Option<String>, Trouble>> {
        let project = project_uuid.to_owned();
        Box::pin(async move { self.shared.text(team, &project, sha256).await })
    }

    fn samples(&self) -> Vec<Sample> {
        samples::of(
            &self
                .shared
                .shards
                .iter()
                .map(|shard| &shard.pool)
                .collect::<Vec<_>>(),
        )
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
    let Some(client) = place.client() else {
        return Ok(None);
    };
    if let Some(flaw) = durable::check(client).await? {
        return Ok(Some(flaw));
    }
    let found = migrate::version(client).await?;
    Ok((found != migrate::needed()).then(|| format!("it has version {found} of the tables")))
}

impl Shared {
    /// The numbers of projects, events and bodies.
    async fn stored(&self) -> Result<[i64; 3], Trouble> {
        let mut sums = [0; 3];
        for shard in &self.shards {
            let rows = shard.pool.read(include_str!("counts.sql"), &[]).await?;
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += cell::<i64>(rows.first(), at)?;
            }
        }
        Ok(sums)
    }
}
