//! Starting receivers and talking to them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::clock::{FixedClock, Timestamp};
use crate::base::ids::SystemIds;
use crate::http::{Answer, Client, Deadlines, Failure, Method, OriginGrant, Request, gzip};
use crate::serve::{
    DEFAULT_MAX_BYTES, DEFAULT_MAX_EVENTS, Deployment, Options, Pages, Server, Storage,
};

pub(super) const EVENTS: &str = "/api/v1/events/batch/";
pub(super) const BODIES: &str = "/api/dossier/push-content/";
pub(super) const HEALTH: &str = "/api/v1/sync/health/";
pub(super) const REPORT: &str = "/__sk-sync__/report";

pub(super) fn options(store: Storage) -> Options {
    Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        store,
        demo: false,
        pages: Pages::Temporary,
        token: None,
        max_events: DEFAULT_MAX_EVENTS,
        max_bytes: DEFAULT_MAX_BYTES,
        deployment: Deployment::default(),
        clock: Arc::new(FixedClock(Timestamp::from_micros(1_770_890_400_000_000))),
        ids: Arc::new(SystemIds::default()),
        random: fastrand::f64,
        admin: None,
        requests: None,
    }
}

pub(super) fn memory() -> Server {
    Server::start(options(Storage::Memory)).unwrap()
}

pub(super) fn file(path: &Path) -> Server {
    Server::start(options(Storage::File(path.to_owned()))).unwrap()
}

struct Granted(String);

impl OriginGrant for Granted {
    fn origin(&self) -> &str {
        &self.0
    }
    fn is_loopback(&self) -> bool {
        true
    }
}

/// A client of one receiver with custom headers.
#[derive(Clone)]
pub(super) struct Talk {
    client: Client,
    origin: String,
    headers: Vec<(&'static str, String)>,
}

impl Talk {
    pub(super) fn to(server: &Server) -> Self {
        Self::at(server.origin())
    }

    pub(super) fn at(origin: &str) -> Self {
        let origin = origin.to_owned();
        Self {
            client: Client::new(&Granted(origin.clone()), Deadlines::default(), 4),
            origin,
            headers: Vec::new(),
        }
    }

    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.to_owned()));
        other
    }

    pub(super) fn try_send(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            headers.push(("Content-Type", "application/json"));
        }
        let url = format!("{}{path}", self.origin);
        self.client.send(&Request {
            method,
            url: &url,
            headers: &headers,
            body,
            answer_limit: 1 << 23,
            total: None,
        })
    }

    pub(super) fn send(&self, method: Method, path: &str, body: &[u8]) -> (u16, Value) {
        let answer = self.try_send(method, path, body).unwrap();
        (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        )
    }

    pub(super) fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::Get, path, b"")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::Post, path, body.to_string().as_bytes())
    }

    /// Sends a batch as clients do, compressed, and gives back the statuses.
    pub(super) fn batch(&self, events: &[Value]) -> Vec<String> {
        let packed = gzip(json!({"events": events}).to_string().as_bytes()).unwrap();
        let (status, answer) =
            self.with("Content-Encoding", "gzip")
                .send(Method::Post, EVENTS, &packed);
        assert_eq!(status, 200, "{answer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), events.len());
        for (event, result) in events.iter().zip(results) {
            assert_eq!(result["event_id"], event["event_id"]);
        }
        results
            .iter()
            .map(|result| result["status"].as_str().unwrap().to_owned())
            .collect()
    }

    /// These numbers of the report.
    pub(super) fn counts<const N: usize>(&self, names: [&str; N]) -> [i64; N] {
        let (status, report) = self.get(REPORT);
        assert_eq!(status, 200);
        names.map(|name| {
            report[name]
                .as_i64()
                .unwrap_or_else(|| panic!("{name} is missing in {report}"))
        })
    }
}
