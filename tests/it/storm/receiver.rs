//! A receiver that is killed while clients send to it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Figures;
use crate::support::chance::Chance;
use crate::support::older::{HARBOUR, envelope, id};
use crate::support::wire::open;
use crate::support::{Sandbox, pause};

/// Clients that send at the same time.
const CLIENTS: usize = 2;
/// The longest life of a receiver after it listens.
const LIFE: Duration = Duration::from_millis(120);

/// One world with this many kills.
pub(super) fn world(seed: u64, kills: u64) -> Figures {
    let (sandbox, mut chance) = (Sandbox::new(), Chance::new(seed));
    let file = sandbox.path("received.db");
    let next = Arc::new(AtomicU32::new(0));
    let (mut acknowledged, mut figures) = (BTreeMap::new(), Figures::default());
    let (mut log, mut stored) = (Vec::new(), 0);
    for _ in 0..kills {
        let served = sandbox.serve(&["--store", file.to_str().unwrap()]);
        let counted = served.report()["events"].as_u64().unwrap();
        if counted != stored {
            figures.unbalanced += 1;
            log.push(format!("{counted} events are counted, {stored} are stored"));
        }
        let address = served.url().trim_start_matches("http://").to_owned();
        // What it acknowledged in an earlier life is a duplicate now.
        let some: Vec<Value> = acknowledged.values().take(5).cloned().collect();
        let again = Client::connect(&address)
            .and_then(|mut client| client.post(&some))
            .unwrap_or_default();
        figures.doubled += again
            .iter()
            .filter(|(_, status)| status != "duplicate")
            .count() as u64;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (address, next) = (address.clone(), Arc::clone(&next));
                std::thread::spawn(move || send(&address, &next))
            })
            .collect();
        let life = chance.time(LIFE);
        pause(life);
        drop(served);
        figures.kills += 1;
        let before = acknowledged.len();
        for client in clients {
            acknowledged.extend(client.join().unwrap());
        }
        log.push(format!(
            "killed after {life:?}, {} more were acknowledged",
            acknowledged.len() - before
        ));
        stored = compare(&file, &acknowledged, &mut figures, &mut log);
    }
    assert!(kills < 5 || !acknowledged.is_empty(), "nothing was sent");
    figures.assert_clean(seed, &log);
    figures
}

/// Every acknowledged event is in the file, once and as sent. Returns the number of events there.
fn compare(
    file: &std::path::Path,
    acknowledged: &BTreeMap<String, Value>,
    figures: &mut Figures,
    log: &mut Vec<String>,
) -> u64 {
    let conn = open(file);
    let mut statement = conn
        .prepare("SELECT event_id, envelope FROM serve_events")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let rows: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>().unwrap();
    let number = rows.len();
    let there: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|(id, envelope)| (id, serde_json::from_slice(&envelope).unwrap()))
        .collect();
    figures.doubled += (number - there.len()) as u64;
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|(id, event)| there.get(*id) != Some(*event))
        .collect();
    if !lost.is_empty() {
        figures.lost += lost.len() as u64;
        log.push(format!("acknowledged and not there: {lost:?}"));
    }
    number as u64
}

/// Sends batches until the receiver is gone; returns the acknowledged events.
fn send(address: &str, next: &AtomicU32) -> BTreeMap<String, Value> {
    let mut acknowledged = BTreeMap::new();
    let Ok(mut client) = Client::connect(address) else {
        return acknowledged;
    };
    loop {
        let events: Vec<Value> = (0..3)
            .map(|_| {
                let n = next.fetch_add(1, Ordering::SeqCst);
                serde_json::from_str(&envelope(&id(n), Some(HARBOUR), "a")).unwrap()
            })
            .collect();
        let Ok(results) = client.post(&events) else {
            return acknowledged;
        };
        for (event, (id, status)) in events.into_iter().zip(results) {
            assert_eq!(
                (event["event_id"].as_str(), status.as_str()),
                (Some(id.as_str()), "success")
            );
            acknowledged.insert(id, event);
        }
    }
}

/// A client of nothing but a socket.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test sends without the client under test"
    )]
    pub(crate) fn connect(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Posts events; the id and status of each, if the answer came whole.
    pub(crate) fn post(&mut self, events: &[Value]) -> std::io::Result<Vec<(String, String)>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let body = json!({ "events": events }).to_string();
        let (_, answer) = self.ask("/api/v1/events/batch/", &body)?;
        let text = |value: &Value| {
            value
                .as_str()
                .unwrap_or_else(|| panic!("{answer}"))
                .to_owned()
        };
        let results = answer["results"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .iter();
        Ok(results
            .map(|result| (text(&result["event_id"]), text(&result["status"])))
            .collect())
    }

    /// Posts a body; the status and the answer, if it came whole.
    pub(crate) fn ask(&mut self, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let head = "Host: localhost\r\nContent-Type: application/json\r\n";
        write!(
            self.0.get_mut(),
            "POST {path} HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut status = 0;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().unwrap();
            }
            if let Some(number) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = number.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        Ok((status, serde_json::from_slice(&answer).unwrap()))
    }
}
