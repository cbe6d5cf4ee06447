//! Requests the target's health endpoint for `preflight --online`: one request, with the same
//! permission as sending.

use std::time::Duration;

use serde::Serialize;

use super::World;
use crate::delivery::{BatchReceiver, DeliveryReceiver as _, pages_path};
use crate::endpoint::{Credentials, Gate, Resolved, ServerStand};
use crate::http::{Meaning, Reading};

/// Time limit of the request.
const LONGEST: Duration = Duration::from_secs(5);

/// Result of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Health {
    /// No request: a check fails, or there is no health endpoint to ask.
    NotAsked,
    /// The server reports that it is healthy.
    Accepts,
    /// The server answers, but has no health endpoint.
    NotOffered,
    /// The server refuses every request.
    Refuses,
    /// No connection, or no usable answer: it may be available later.
    Unavailable,
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Online {
    /// The answer as one word.
    pub(crate) health: Health,
    /// HTTP status; `None` without an answer.
    pub(crate) status: Option<u16>,
    /// Status and message of the server, or why there is no answer.
    pub(crate) said: String,
    /// The failed check, if the server refuses.
    #[serde(skip)]
    pub(crate) gate: Option<Gate>,
}

impl Online {
    fn not_asked(why: &str) -> Self {
        Self {
            health: Health::NotAsked,
            status: None,
            said: why.to_owned(),
            gate: None,
        }
    }
}

/// Sends one request. Nothing is written.
pub(crate) fn online(
    world: &World<'_>,
    resolved: &Resolved,
    credentials: &Credentials<'_>,
) -> Online {
    let Some(receiver) = resolved.receiver.filter(|receiver| receiver.is_server()) else {
        return Online::not_asked("the target has no server");
    };
    let link = match credentials.link(None) {
        Ok(Some(link)) => link,
        Ok(None) => return Online::not_asked("the target has no server"),
        Err(_) => return Online::not_asked("a check fails"),
    };
    let Some(exchange) = BatchReceiver::new(&link, world.clock).health(LONGEST) else {
        return Online::not_asked("the target has no health endpoint");
    };
    let reading = Reading::of(&exchange, world.clock.now());
    let health = health(&reading);
    let stand = ServerStand::of(reading.refusal().as_ref(), false);
    let gate = (health == Health::Refuses)
        .then(|| stand.gate(receiver, credentials.token_place().as_deref()));
    Online {
        health,
        status: reading.status,
        said: reading.said,
        gate,
    }
}

/// Where the target has pages for people: a path, or why there is none. Nothing is written.
pub(crate) fn pages(world: &World<'_>, credentials: &Credentials<'_>) -> Result<String, String> {
    let link = credentials
        .link(None)
        .map_err(|_| "a check fails; see sk-sync preflight".to_owned())?;
    let link = link.ok_or("there is no server to ask")?;
    let exchange = BatchReceiver::new(&link, world.clock)
        .health(LONGEST)
        .ok_or("it has no health endpoint")?;
    let reading = Reading::of(&exchange, world.clock.now());
    let body = exchange
        .ok()
        .filter(|answer| answer.status == 200)
        .ok_or(reading.said)?;
    let body: serde_json::Value =
        serde_json::from_slice(&body.body).map_err(|_| "its health answer is not JSON")?;
    pages_path(&body)
        .map(str::to_owned)
        .ok_or_else(|| "its health answer names no pages".to_owned())
}

/// The result for a reading of the response. Pure.
fn health(reading: &Reading) -> Health {
    match (reading.status, reading.meaning) {
        (Some(404 | 405 | 410 | 501), _) => Health::NotOffered,
        (_, Meaning::Accepted) => Health::Accepts,
        _ if reading.refusal().is_some() => Health::Refuses,
        _ => Health::Unavailable,
    }
}
