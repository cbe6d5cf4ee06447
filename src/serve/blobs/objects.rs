//! Texts in the object store: stored, read and deleted by requests that are tried again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use rusty_s3::actions::{DeleteObject, PutObject};
use rusty_s3::{Credentials, S3Action as _};
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::address::ObjectStore;
use crate::base::mutex::held;
use crate::base::{Clock, Sha256, text};
use crate::http::{
    Answer, Authorities, Client, Deadlines, Failure, Method, Network, OriginGrant, Request,
};
use crate::serve::engine::Trouble;
use crate::serve::limits::MAX_BODY_BYTES;

/// Uploads of one receiver at a time.
const PLACES: usize = 16;
/// How long a text waits for a place before its request is put off.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// How often an upload is tried.
const TRIES: u32 = 4;
/// The longest pause after the first try; doubled after each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a signature is good for; clocks may differ by that much.
const SIGNED_FOR: Duration = Duration::from_mins(5);
/// How long an answer about readiness is reused.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The most bytes that are read of an answer.
const ANSWER_BYTES: usize = 16 << 10;

/// The object store's origin, configured by the operator.
struct Named {
    origin: String,
    network: Network,
}

impl OriginGrant for Named {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn is_loopback(&self) -> bool {
        false
    }

    fn network(&self) -> Option<&Network> {
        Some(&self.network)
    }
}

/// Whose a text is: a project of a tenant. Two projects share none, so that one can be deleted.
type Owner = (i32, Uuid);

/// An object store that was tried.
pub(in crate::serve) struct Blobs {
    store: ObjectStore,
    credentials: Credentials,
    client: Client,
    clock: Arc<dyn Clock>,
    random: fn() -> f64,
    places: Semaphore,
    looked: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs")
            .field("bucket", &self.store.bucket.name())
            .finish_non_exhaustive()
    }
}

impl Blobs {
    /// Tries the store with two writes of one object, of which it must refuse the second. The error
    /// is the reason why it cannot be used.
    pub(in crate::serve) async fn open(
        store: &ObjectStore,
        authorities: Option<Authorities>,
        clock: Arc<dyn Clock>,
        random: fn() -> f64,
        probe: &str,
    ) -> Result<Arc<Self>, String> {
        let origin = store.bucket.base_url().origin().ascii_serialization();
        let network = Network {
            authorities,
            ..Network::default()
        };
        let deadlines = Deadlines {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            total: Duration::from_secs(30),
        };
        let client = Client::new(&Named { origin, network }, deadlines, PLACES);
        let secret = store.secret.expose_secret();
        let credentials = match &store.session {
            Some(session) => {
                Credentials::new_with_token(&store.key, secret, session.expose_secret())
            }
            None => Credentials::new(&store.key, secret),
        };
        let (places, looked) = (Semaphore::new(PLACES), Mutex::default());
        let blobs = Arc::new(Self {
            store: store.clone(),
            credentials,
            client,
            clock,
            random,
            places,
            looked,
        });
        let key = format!("{}probe/{probe}", store.prefix);
        let trying = Arc::clone(&blobs);
        let tried = tokio::task::spawn_blocking(move || trying.probe(&key)).await;
        tried.map_err(|e| e.to_string())?.map(|()| blobs)
    }

    /// Stores a text unless it is there.
    pub(in crate::serve) async fn put(
        self: &Arc<Self>,
        of: Owner,
        sha256: Sha256,
        content: String,
    ) -> Result<(), Trouble> {
        let place = timeout(PLACE_WAIT, self.places.acquire()).await;
        let _place = place
            .map_err(|_| Trouble::Busy)?
            .map_err(|_| Trouble::Busy)?;
        let key = self.key(of, sha256);
        let content = Arc::<str>::from(content);
        let mut trouble = Trouble::Busy;
        for tries in 0..TRIES {
            let (blobs, key, content) = (Arc::clone(self), key.clone(), Arc::clone(&content));
            let sent =
                tokio::task::spawn_blocking(move || blobs.send_object(&key, content.as_bytes()))
                    .await;
            match sent.map_err(|_| Trouble::Unknown)? {
                // 412: it is there.
                Ok(answer) if matches!(answer.status, 200 | 412) => return Ok(()),
                Ok(answer) if answer.status == 409 || answer.status >= 500 => {
                    log::warn!("the object store answered {}", said(&answer));
                    trouble = Trouble::Unknown;
                }
                Ok(answer) => {
                    log::error!(
                        "a text was not stored: the object store answered {}",
                        said(&answer)
                    );
                    return Err(Trouble::Unknown);
                }
                Err(failure) => {
                    log::warn!("the object store did not take a text: {failure}");
                    if matches!(failure, Failure::Unknown(_)) {
                        trouble = Trouble::Unknown;
                    }
                }
            }
            sleep(
                FIRST_PAUSE
                    .saturating_mul(1 << tries)
                    .mul_f64((self.random)().clamp(0.0, 1.0)),
            )
            .await;
        }
        Err(trouble)
    }

    /// A text that was stored; `None` if there is none.
    pub(in crate::serve) async fn get(
        self: &Arc<Self>,
        of: Owner,
        sha256: Sha256,
    ) -> Result<Option<String>, Trouble> {
        let place = timeout(PLACE_WAIT, self.places.acquire()).await;
        let _place = place
            .map_err(|_| Trouble::Busy)?
            .map_err(|_| Trouble::Busy)?;
        let (blobs, key) = (Arc::clone(self), self.key(of, sha256));
        let got = tokio::task::spawn_blocking(move || blobs.get_object(&key)).await;
        match got.map_err(|_| Trouble::Unknown)? {
            Ok(answer) if answer.status == 200 && Sha256::of(&answer.body) == sha256 => {
                Ok(String::from_utf8(answer.body).ok())
            }
            Ok(answer) if answer.status == 404 => Ok(None),
            Ok(answer) => {
                log::error!(
                    "a text was not read: the object store answered {}",
                    said(&answer)
                );
                Err(Trouble::Unknown)
            }
            Err(failure) => {
                log::warn!("the object store did not give a text: {failure}");
                Err(Trouble::Unknown)
            }
        }
    }

    /// Deletes a text; one that is not there is deleted.
    pub(in crate::serve) async fn delete(
        self: &Arc<Self>,
        of: Owner,
        sha256: Sha256,
    ) -> Result<(), Trouble> {
        let (blobs, key) = (Arc::clone(self), self.key(of, sha256));
        let deleted = tokio::task::spawn_blocking(move || blobs.delete_object(&key)).await;
        match deleted.map_err(|_| Trouble::Unknown)? {
            Ok(answer) if matches!(answer.status, 200 | 204 | 404) => Ok(()),
            Ok(answer) => {
                log::error!(
                    "a text was not deleted: the object store answered {}",
                    said(&answer)
                );
                Err(Trouble::Unknown)
            }
            Err(failure) => {
                log::error!("a text was not deleted: {failure}");
                Err(Trouble::Unknown)
            }
        }
    }

    fn delete_object(&self, key: &str) -> Result<Answer, Failure> {
        let delete = DeleteObject::new(&self.store.bucket, Some(&self.credentials), key);
        self.send(
            Method::Delete,
            &delete.sign_with_time(SIGNED_FOR, &self.now()),
            &[],
            b"",
        )
    }

    fn get_object(&self, key: &str) -> Result<Answer, Failure> {
        let get = self.store.bucket.get_object(Some(&self.credentials), key);
        let url = get.sign_with_time(SIGNED_FOR, &self.now());
        let answer_limit = MAX_BODY_BYTES;
        self.client.send(&Request {
            method: Method::Get,
            url: url.as_str(),
            headers: &[],
            body: b"",
            answer_limit,
            total: None,
        })
    }

    /// `Err` with the reason while the bucket does not answer.
    pub(in crate::serve) async fn ready(self: &Arc<Self>) -> Result<(), String> {
        if let Some((at, answer)) = &*held(&self.looked)
            && at.elapsed() < LOOK_EVERY
        {
            return answer.clone();
        }
        let blobs = Arc::clone(self);
        // An object that is not there: 404 is the answer of a bucket that is.
        let key = format!("{}probe/none", self.store.prefix);
        let looking = tokio::task::spawn_blocking(move || blobs.look(&key)).await;
        let answer = looking.unwrap_or_else(|e| Err(e.to_string()));
        *held(&self.looked) = Some((Instant::now(), answer.clone()));
        answer
    }

    /// `PREFIX/TENANT/PROJECT/ab/abcd…`
    fn key(&self, (tenant, project): Owner, sha256: Sha256) -> String {
        let digest = sha256.to_string();
        let (start, _) = digest.split_at(2);
        format!("{}{tenant}/{project}/{start}/{digest}", self.store.prefix)
    }

    fn probe(&self, key: &str) -> Result<(), String> {
        let told = |answer: Answer, what: &str| format!("{what}: {}", said(&answer));
        let first = self
            .send_object(key, b"sk-sync")
            .map_err(|e| e.to_string())?;
        if first.status != 200 {
            return Err(told(first, "it does not take an object"));
        }
        let second = self
            .send_object(key, b"sk-sync")
            .map_err(|e| e.to_string())?;
        if let Err(e) = self.delete_object(key) {
            log::warn!("an object was left behind in the object store: {e}");
        }
        match second.status {
            412 => Ok(()),
            200 => Err(
                "it ignores If-None-Match, so it cannot promise that a text never changes"
                    .to_owned(),
            ),
            _ => Err(told(
                second,
                "it does not answer a conditional write with 412",
            )),
        }
    }

    fn look(&self, key: &str) -> Result<(), String> {
        let get = self.store.bucket.get_object(Some(&self.credentials), key);
        let answer = self.send(
            Method::Get,
            &get.sign_with_time(SIGNED_FOR, &self.now()),
            &[],
            b"",
        );
        let answer = answer.map_err(|e| format!("the object store does not answer: {e}"))?;
        match answer.status {
            200 => Ok(()),
            404 if code(&answer).as_deref() != Some("NoSuchBucket") => Ok(()),
            _ => Err(format!("the object store answers {}", said(&answer))),
        }
    }

    /// Writes an object unless one with this key is there; the store checks the digest.
    fn send_object(&self, key: &str, content: &[u8]) -> Result<Answer, Failure> {
        let digest =
            base64::engine::general_purpose::STANDARD.encode(Sha256::of(content).as_bytes());
        let headers = [
            ("if-none-match", "*"),
            ("x-amz-checksum-sha256", digest.as_str()),
        ];
        let mut put = PutObject::new(&self.store.bucket, Some(&self.credentials), key);
        for (name, value) in headers {
            put.headers_mut().insert(name, value);
        }
        self.send(
            Method::Put,
            &put.sign_with_time(SIGNED_FOR, &self.now()),
            &headers,
            content,
        )
    }

    fn send(
        &self,
        method: Method,
        url: &url::Url,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failure> {
        self.client.send(&Request {
            method,
            url: url.as_str(),
            headers,
            body,
            answer_limit: ANSWER_BYTES,
            total: None,
        })
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.clock.now().as_micros())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// The `Code` of an S3 error.
fn code(answer: &Answer) -> Option<String> {
    let body = String::from_utf8_lossy(&answer.body);
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    Some(text::shorten(&text::printable(code), 80))
}

/// Status and code of an answer, for a person.
fn said(answer: &Answer) -> String {
    match code(answer) {
        Some(code) => format!("{} {code}", answer.status),
        None => answer.status.to_string(),
    }
}

#[cfg(test)]
#[path = "objects_tests.rs"]
mod tests;
