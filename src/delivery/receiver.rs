//! How requests to a target are made. The dispatcher depends on the trait only.

use std::cell::Cell;
use std::time::Duration;

use super::Error;
use super::batch::Batch;
use crate::base::Clock;
use crate::config::Access;
use crate::endpoint::{Identity, Link, Protocol};
use crate::http::{Answer, Client, Deadlines, Failure, Method, Request, gzip};

/// Limit of the response body in bytes, besides the share of each event sent.
const ANSWER_BASE: usize = 64 << 10;
/// Response bytes read for each event sent.
const ANSWER_PER_EVENT: usize = 4 << 10;
/// Largest limit of the response body, in bytes.
const ANSWER_MOST: usize = 8 << 20;

/// A kind of target that takes batches of events.
pub(crate) trait DeliveryReceiver {
    /// The target that deliveries are recorded for.
    fn identity(&self) -> &Identity;
    /// The form of its batches, and what counts as acknowledgement.
    fn protocol(&self) -> Protocol {
        Protocol::default()
    }
    /// Requests the health endpoint once and waits at most `within`; `None` if the receiver has
    /// none.
    fn health(&self, _within: Duration) -> Option<Result<Answer, Failure>> {
        None
    }
    /// Sends one batch once and waits at most `within` for the answer.
    fn deliver(&self, batch: &Batch, within: Duration) -> Result<Result<Answer, Failure>, Error>;
}

/// Sends batches by `POST`: to the Teamspace, the stub, and external receivers, as the link
/// configures.
#[derive(Debug)]
pub(crate) struct BatchReceiver<'a> {
    link: &'a Link,
    client: Client,
    clock: &'a dyn Clock,
    packing: Cell<Packing>,
}

/// Whether requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// Not compressed: configured so, or the receiver accepts nothing else.
    Plain,
    /// Compressed, and nothing was accepted yet: the receiver may not support compression.
    Untested,
    /// Compressed; the receiver accepts that, or must not be asked otherwise.
    Packed,
}

impl<'a> BatchReceiver<'a> {
    /// A receiver over one connection, which is kept alive if the link allows it.
    pub(crate) fn new(link: &'a Link, clock: &'a dyn Clock) -> Self {
        let client = Client::new(
            link.permit(),
            Deadlines::default(),
            link.protocol().idle_connections(1),
        );
        let access = link.identity().receiver.access();
        let packing = match (link.protocol().is_compressed, access) {
            (false, _) => Packing::Plain,
            (true, Access::Headers) => Packing::Untested,
            // These receivers accept compressed requests by contract.
            (true, _) => Packing::Packed,
        };
        Self {
            link,
            client,
            clock,
            packing: Cell::new(packing),
        }
    }

    /// Posts a batch, compressed or not.
    fn post(
        &self,
        batch: &Batch,
        is_packed: bool,
        within: Duration,
    ) -> Result<Result<Answer, Failure>, Error> {
        let (packed, signature);
        let protocol = self.link.protocol();
        let mut headers: Vec<(&str, &str)> = vec![
            ("Content-Type", protocol.form.media_type()),
            ("Idempotency-Key", &batch.idempotency_key),
        ];
        let body = if is_packed {
            headers.push(("Content-Encoding", "gzip"));
            packed = gzip(&batch.body).map_err(Error::Compress)?;
            &packed
        } else {
            &batch.body
        };
        if let Some(keys) = self.link.signing() {
            signature = keys.sign(&batch.idempotency_key, self.clock.now(), body);
            headers.extend(signature.headers());
        }
        headers.extend(self.link.headers());
        Ok(self.client.send(&Request {
            method: Method::Post,
            url: &self.link.endpoints().events,
            headers: &headers,
            body,
            answer_limit: ANSWER_MOST.min(ANSWER_BASE + ANSWER_PER_EVENT * batch.items.len()),
            total: Some(within),
        }))
    }
}

impl DeliveryReceiver for BatchReceiver<'_> {
    fn identity(&self) -> &Identity {
        self.link.identity()
    }

    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }

    fn health(&self, within: Duration) -> Option<Result<Answer, Failure>> {
        // The embedded receiver is this program.
        let is_embedded = !self.link.identity().receiver.is_server();
        let url = self
            .link
            .endpoints()
            .health
            .as_deref()
            .filter(|_| !is_embedded)?;
        let headers: Vec<(&str, &str)> = self.link.headers().collect();
        Some(self.client.send(&Request {
            method: Method::Get,
            url,
            headers: &headers,
            body: b"",
            answer_limit: ANSWER_BASE,
            total: Some(within),
        }))
    }

    /// A receiver that has accepted nothing yet and answers 400 or 415 to a compressed request may
    /// not support compression: the batch is sent again uncompressed, once, before any event is
    /// blamed.
    fn deliver(&self, batch: &Batch, within: Duration) -> Result<Result<Answer, Failure>, Error> {
        let begun = self.clock.now();
        let packing = self.packing.get();
        let answer = self.post(batch, packing != Packing::Plain, within)?;
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        if packing != Packing::Untested || !matches!(status, 200..=299 | 400 | 415) {
            return Ok(answer);
        }
        if matches!(status, 200..=299) {
            self.packing.set(Packing::Packed);
            return Ok(answer);
        }
        let left = within.saturating_sub(self.clock.now().since(begun));
        let plain = self.post(batch, false, left)?;
        let takes_plain = plain
            .as_ref()
            .is_ok_and(|plain| (200..300).contains(&plain.status));
        self.packing.set(if takes_plain {
            Packing::Plain
        } else {
            Packing::Packed
        });
        // Of two refusals the first is reported; 415 names the fix.
        Ok(match plain {
            Ok(plain) if takes_plain || status == 400 => Ok(plain),
            _ => answer,
        })
    }
}
