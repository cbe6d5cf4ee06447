//! Sending to webhooks, apart from every request: a task asks the storage what is due, and a thread
//! for each request waits for the other side.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::app::App;
use super::engine::webhook::{LEASE, Sending, Sent, pause};
use crate::base::{Timestamp, text};
use crate::endpoint::Address;
use crate::event::{BatchForm, WireContext};
use crate::http::{Answer, Client, Deadlines, Method, OriginGrant, Reach, Request, SigningKeys};

/// How often the storage is asked while nothing is due.
const LOOK: Duration = Duration::from_millis(500);
/// The longest pause while the storage does not answer.
const LONGEST: Duration = Duration::from_secs(30);
/// Requests of one receiver at a time.
const PLACES: usize = 16;
/// Limits of one request: together shorter than a lease.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(15),
    total: Duration::from_secs(20),
};
/// The most bytes that are read of an answer: only its status counts.
const ANSWER_BYTES: usize = 4 << 10;
/// The most characters of a failure that are kept.
const FAILURE_CHARS: usize = 200;

/// Sends what is due, for as long as the receiver runs.
pub(super) async fn run(app: Arc<App>) {
    let places = Arc::new(Semaphore::new(PLACES));
    let mut wait = LOOK;
    while !app.is_draining.load(Ordering::Relaxed) {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match app.engine.take_webhook(app.clock.now()).await {
            Ok(Some(sending)) => {
                wait = LOOK;
                let app = Arc::clone(&app);
                tokio::spawn(async move {
                    deliver(&app, sending).await;
                    drop(place);
                });
                continue;
            }
            Ok(None) => wait = LOOK,
            // The engine has said why.
            Err(_) => wait = (wait * 2).min(LONGEST),
        }
        drop(place);
        sleep(wait).await;
    }
}

async fn deliver(app: &App, sending: Sending) {
    let (now, random) = (app.clock.now(), (app.random)());
    let (report, reported) = oneshot::channel();
    let request = sending.clone();
    // Not one of the runtime's threads: a receiver that stops does not wait for a slow webhook.
    let spawned = super::thread::spawn("serve-webhook", move || {
        drop(report.send(send(&request, now)));
    });
    let outcome = match spawned {
        Ok(_detached) => reported
            .await
            .unwrap_or_else(|_| Err(Failed::because("its thread ended early"))),
        Err(e) => Err(Failed::because(&e.to_string())),
    };
    let sent = match outcome {
        Ok(()) => Sent::Taken,
        Err(failed) => {
            let failures = sending.webhook.failures.saturating_add(1);
            log::warn!(
                "the webhook {} failed: {}",
                text::printable(&sending.webhook.name),
                failed.words
            );
            Sent::Failed {
                due_at: app.clock.now().after(pause(failures, random, failed.asked)),
                failure: text::shorten(&text::printable(&failed.words), FAILURE_CHARS),
            }
        }
    };
    if app.engine.settle_webhook(sending, sent).await.is_err() {
        log::warn!(
            "the outcome of a webhook was not noted: the same events are sent again after {LEASE:?}"
        );
    }
}

/// Why the events were not taken.
struct Failed {
    words: String,
    /// How long the other side wants to be left alone.
    asked: Option<Duration>,
}

impl Failed {
    fn because(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            asked: None,
        }
    }
}

/// The origin of a webhook, which an operator named.
struct Named {
    origin: String,
    reach: Reach,
}

impl OriginGrant for Named {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn is_loopback(&self) -> bool {
        self.reach == Reach::Loopback
    }

    fn reach(&self) -> Reach {
        self.reach
    }
}

fn send(sending: &Sending, now: Timestamp) -> Result<(), Failed> {
    if sending.envelopes.is_empty() {
        return Ok(());
    }
    let webhook = &sending.webhook;
    let address = Address::read(&webhook.url).map_err(|flaw| Failed::because(&flaw.to_string()))?;
    let keys = SigningKeys::read(webhook.secret.expose_secret());
    let keys = keys.map_err(|flaw| Failed::because(&format!("its secret {flaw}")))?;
    let body = body(&webhook.project_uuid, &sending.envelopes);
    let signature = keys.sign(&sending.message_id(), now, &body);
    let [id, timestamp, signed] = signature.headers();
    let headers = [
        ("content-type", BatchForm::CloudEvents.media_type()),
        id,
        timestamp,
        signed,
    ];
    let reach = match (address.is_loopback(), webhook.may_be_private) {
        (true, _) => Reach::Loopback,
        (false, true) => Reach::Any,
        (false, false) => Reach::Public,
    };
    let client = Client::new(
        &Named {
            origin: address.origin(),
            reach,
        },
        DEADLINES,
        0,
    );
    let request = Request {
        method: Method::Post,
        url: address.verbatim(),
        headers: &headers,
        body: &body,
        answer_limit: ANSWER_BYTES,
        total: None,
    };
    match client.send(&request) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(Failed {
            words: format!("HTTP {}", answer.status),
            asked: retry_after(&answer),
        }),
        Err(failure) => Err(Failed::because(&failure.to_string())),
    }
}

/// The seconds of a `Retry-After`.
pub(super) fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer.retry_after.as_ref()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The events as a CloudEvents batch, each envelope byte for byte.
pub(super) fn body(project_uuid: &str, envelopes: &[Vec<u8>]) -> Vec<u8> {
    let form = BatchForm::CloudEvents;
    let context = WireContext {
        project_uuid: Some(project_uuid),
        ..WireContext::default()
    };
    let (begin, end) = form.brackets();
    let mut body = begin.as_bytes().to_vec();
    for envelope in envelopes {
        // Every event that is kept has an id.
        let Ok(head) = form.head(envelope, context) else {
            continue;
        };
        if body.len() > begin.len() {
            body.push(b',');
        }
        body.extend([head.as_bytes(), envelope, form.tail().as_bytes()].concat());
    }
    body.extend(end.as_bytes());
    body
}
