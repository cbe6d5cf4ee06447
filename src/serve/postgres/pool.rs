//! A bounded number of connections, and statements that are sent again where that is safe.

use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join3;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Row};

use super::error::{Error, words};
use super::tls::{Tls, settle_mode};
use crate::base::mutex::held;
use crate::serve::engine::Trouble;

/// Connections of one receiver to one database. More of them make a database slower, not faster.
const PLACES: usize = 8;
/// How long a request waits for a connection before it is put off.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a statement may take. The database gives up earlier, so this ends only connections that
/// are dead.
const ANSWER_WAIT: Duration = Duration::from_secs(40);
/// How long a statement is tried again.
const RETRY_TIME: Duration = Duration::from_secs(10);
/// How often a statement is tried.
const TRIES: u32 = 20;
/// The longest pause between the first tries.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause between any tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Settings of a session are lost behind a pooler, those of a transaction are not.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = on; \
                     SET LOCAL statement_timeout = '30s'; SET LOCAL lock_timeout = '15s'";

/// A value with its type: a statement that names its types needs no preparation.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The connections to one database.
pub(super) struct Pool {
    config: Config,
    tls: Tls,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
    random: fn() -> f64,
    /// Connections that were made, statements that failed, requests that got no connection.
    pub(super) connects: AtomicI64,
    pub(super) failures: AtomicI64,
    pub(super) refusals: AtomicI64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration holds a password.
        f.debug_struct("Pool")
            .field("hosts", &self.config.get_hosts())
            .finish_non_exhaustive()
    }
}

/// One connection, for as long as it is held.
pub(super) struct Place<'a> {
    pool: &'a Pool,
    client: Option<Client>,
    _permit: OwnedSemaphorePermit,
}

impl Place<'_> {
    pub(super) fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Ends the connection: what it is in the middle of is not known. The idle ones are as old, and
    /// likely gone too.
    pub(super) fn discard(mut self) {
        self.client = None;
        held(&self.pool.idle).clear();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            held(&self.pool.idle).push(client);
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoPlace {
    /// All of them are in use.
    Taken,
    /// None came about.
    Connect(String),
}

impl NoPlace {
    /// The reason alone.
    pub(super) fn words(self) -> String {
        match self {
            Self::Taken => self.to_string(),
            Self::Connect(reason) => reason,
        }
    }
}

impl std::fmt::Display for NoPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken => write!(f, "all {PLACES} connections to the database are in use"),
            Self::Connect(reason) => write!(f, "cannot connect to the database: {reason}"),
        }
    }
}

impl Pool {
    /// A pool of no connections yet.
    pub(super) fn new(url: &SecretString, tls: Tls, random: fn() -> f64) -> Result<Self, Error> {
        let mut config: Config = url
            .expose_secret()
            .trim()
            .parse()
            .map_err(|e| Error::Url(words(&e)))?;
        settle_mode(&mut config);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WAIT);
        }
        if config.get_application_name().is_none() {
            config.application_name("sk-sync");
        }
        Ok(Self {
            config,
            tls,
            places: Arc::new(Semaphore::new(PLACES)),
            idle: Mutex::default(),
            random,
            connects: AtomicI64::new(0),
            failures: AtomicI64::new(0),
            refusals: AtomicI64::new(0),
        })
    }

    /// How many connections are in use.
    pub(super) fn used(&self) -> i64 {
        i64::try_from(PLACES.saturating_sub(self.places.available_permits())).unwrap_or(0)
    }

    /// A connection, at once or after a bounded wait.
    pub(super) async fn place(&self) -> Result<Place<'_>, NoPlace> {
        let permit = timeout(PLACE_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        let permit = permit
            .map_err(|_| NoPlace::Taken)?
            .map_err(|_| NoPlace::Taken)?;
        let client = if let Some(client) = self.idle() {
            client
        } else {
            self.connects.fetch_add(1, Ordering::Relaxed);
            self.connect().await.map_err(NoPlace::Connect)?
        };
        Ok(Place {
            pool: self,
            client: Some(client),
            _permit: permit,
        })
    }

    fn idle(&self) -> Option<Client> {
        let mut idle = held(&self.idle);
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    async fn connect(&self) -> Result<Client, String> {
        let connecting = timeout(CONNECT_WAIT, self.config.connect(self.tls.clone())).await;
        let (client, mut connection) = connecting
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|e| words(&e))?;
        tokio::spawn(async move {
            while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let Err(e) = message {
                    // Its requests end with this error too.
                    log::info!("a connection to the database ended: {}", words(&e));
                    return;
                }
            }
        });
        Ok(client)
    }

    /// Runs a statement that changes rows, as one transaction in one round trip; the rows it
    /// returns are committed.
    pub(super) async fn write(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Trouble> {
        self.run(sql, parameters, true).await
    }

    /// Runs a statement that changes nothing.
    pub(super) async fn read(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Trouble> {
        self.run(sql, parameters, false).await
    }

    async fn run(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
        writes: bool,
    ) -> Result<Vec<Row>, Trouble> {
        let begun = Instant::now();
        // Trouble::Busy promises that nothing was begun.
        let mut unknown = false;
        for tries in 1..=TRIES {
            let place = self.place().await.map_err(|reason| {
                self.refusals.fetch_add(1, Ordering::Relaxed);
                log::warn!("a request was put off: {reason}");
                if unknown {
                    Trouble::Unknown
                } else {
                    Trouble::Busy
                }
            })?;
            let failure = match timeout(ANSWER_WAIT, once(&place, sql, parameters, writes)).await {
                Ok(Ok(rows)) => return Ok(rows),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    log::error!("the database did not answer within {ANSWER_WAIT:?}");
                    place.discard();
                    return Err(Trouble::Unknown);
                }
            };
            self.failures.fetch_add(1, Ordering::Relaxed);
            match Again::after(&failure) {
                Again::RolledBack => log::debug!("try {tries} of a statement: {}", words(&failure)),
                // What a lost connection was in the middle of is safe to repeat: every statement is
                // idempotent.
                Again::Lost if !unknown => {
                    unknown = true;
                    place.discard();
                    continue;
                }
                Again::ReadOnly if !unknown => {
                    log::error!("a request was put off: {}", words(&failure));
                    // Another server may be the one that takes writes.
                    place.discard();
                    return Err(Trouble::Busy);
                }
                _ => {
                    log::error!("a request was not stored: {}", words(&failure));
                    return Err(Trouble::Unknown);
                }
            }
            drop(place);
            if begun.elapsed() > RETRY_TIME {
                break;
            }
            sleep(pause(tries, (self.random)())).await;
        }
        log::error!(
            "a request was not stored: the database did not get to it in {:?}",
            begun.elapsed()
        );
        Err(if unknown {
            Trouble::Unknown
        } else {
            Trouble::Busy
        })
    }
}

/// What an error says about trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// The transaction is undone, and the next one may pass.
    RolledBack,
    /// The connection is gone; whether the transaction was committed is not known.
    Lost,
    /// This server takes no writes.
    ReadOnly,
    /// The statement fails every time.
    No,
}

impl Again {
    fn after(error: &tokio_postgres::Error) -> Self {
        match error.code() {
            None => Self::Lost,
            Some(code)
                if [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                ]
                .contains(code) =>
            {
                Self::RolledBack
            }
            Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly,
            // 57P01 to 57P03: the server ends. 08…: a pooler lost it.
            Some(code) if code.code().starts_with("57P") || code.code().starts_with("08") => {
                Self::Lost
            }
            Some(_) => Self::No,
        }
    }
}

/// How long to wait after so many tries: up to 5 ms, 10 ms, 20 ms …, spread evenly.
fn pause(tries: u32, random: f64) -> Duration {
    let longest = FIRST_PAUSE
        .saturating_mul(2u32.saturating_pow(tries - 1))
        .min(LONGEST_PAUSE);
    longest.mul_f64(random.clamp(0.0, 1.0))
}

async fn once(
    place: &Place<'_>,
    sql: &str,
    parameters: &[Parameter<'_>],
    writes: bool,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let Some(client) = place.client() else {
        return Ok(Vec::new());
    };
    if !writes {
        return client.query_typed(sql, parameters).await;
    }
    // Polled together, the three are written in one go. A commit after an error is a rollback.
    let (begun, rows, committed) = join3(
        client.batch_execute(BEGIN),
        client.query_typed(sql, parameters),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun?;
    let rows = rows?;
    committed?;
    Ok(rows)
}
