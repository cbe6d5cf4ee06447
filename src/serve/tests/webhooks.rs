//! Webhooks: a real HTTP server gets each event, signed, whatever fails and whichever receiver
//! sends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::value::RawValue;

use super::client::Talk;
use super::engines::over_every_lasting;
use super::sample::{PROJECT, id, status_changed};
use crate::base::clock::{SystemClock, Timestamp};
use crate::http::SigningKeys;
use crate::serve::{Added, Options, Server, Webhook, add_webhook, list_webhooks, remove_webhook};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";
/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(2);

/// One request that the other side got.
struct Got {
    head: String,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }

    /// Id and envelope of each event, the envelope byte for byte.
    fn events(&self) -> Vec<(String, String)> {
        #[derive(serde::Deserialize)]
        struct Event<'a> {
            id: String,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let events: Vec<Event<'_>> = serde_json::from_slice(&self.body).unwrap();
        events
            .into_iter()
            .map(|event| (event.id, event.data.get().to_owned()))
            .collect()
    }

    fn is_signed(&self) -> bool {
        let seconds: i64 = self.header("webhook-timestamp").parse().unwrap();
        let at = Timestamp::from_micros(seconds * 1_000_000);
        let signature =
            SigningKeys::read(SECRET)
                .unwrap()
                .sign(self.header("webhook-id"), at, &self.body);
        signature
            .headers()
            .iter()
            .all(|(name, value)| self.header(name) == *value)
    }
}

/// Gets requests and answers the first ones with these statuses, later ones with 204; status 0 is
/// silence.
fn listen(statuses: &'static [u16]) -> (String, Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in?key=1", listener.local_addr().unwrap());
    let (sender, got) = channel();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let status = statuses.get(number).copied().unwrap_or(204);
            let stream = stream.unwrap();
            if !answer(&stream, status, &sender) {
                return;
            }
            if status == 0 {
                silent.push(stream);
            }
        }
    });
    (url, got)
}

/// Takes one request; false once the test is over.
fn answer(mut stream: &TcpStream, status: u16, sender: &Sender<Got>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(
            reader.read_line(&mut head).unwrap() > 0,
            "half a request: {head}"
        );
    }
    let got = Got {
        head,
        body: Vec::new(),
    };
    let mut body = vec![0; got.header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    if status != 0 {
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    }
    sender.send(Got { body, ..got }).is_ok()
}

/// Webhooks are due by the hour.
fn now(mut options: Options) -> Options {
    options.clock = Arc::new(SystemClock);
    options
}

fn webhook(name: &str, url: &str) -> Webhook {
    Webhook {
        id: uuid::Uuid::new_v4().to_string(),
        team: String::new(),
        name: name.to_owned(),
        project_uuid: PROJECT.to_owned(),
        url: url.to_owned(),
        secret: SecretString::from(SECRET),
        may_be_private: false,
        created_at: Timestamp::from_micros(1),
        failures: 0,
        due_at: Timestamp::from_micros(0),
        failure: String::new(),
    }
}

#[test]
fn each_event_arrives_signed_and_once_whichever_receiver_sends() {
    over_every_lasting(|name, options| {
        let servers = [0, 1].map(|_| Server::start(now(options())).unwrap());
        let talks = servers.each_ref().map(Talk::to);
        talks[0].batch(&[status_changed(&id(1))]);
        let (url, got) = listen(&[500, 302]);
        assert_eq!(
            add_webhook(&options(), webhook("chat", &url), false).unwrap(),
            Added::Yes,
            "{name}"
        );
        assert_eq!(
            add_webhook(&options(), webhook("chat", &url), false).unwrap(),
            Added::NameTaken,
            "{name}"
        );
        let mut elsewhere = status_changed(&id(4));
        elsewhere["project_uuid"] = OTHER.into();
        let events = [status_changed(&id(2)), elsewhere, status_changed(&id(3))];
        talks[0].batch(&events);

        let tries = [0, 1, 2].map(|_| got.recv_timeout(PATIENCE).unwrap());
        let [first, second, third] = tries.each_ref();
        assert_eq!(
            first.header("content-type"),
            "application/cloudevents-batch+json",
            "{name}"
        );
        assert!(tries.iter().all(Got::is_signed), "{name}: {}", first.head);
        let ids = tries.each_ref().map(|got| got.header("webhook-id"));
        assert!(
            ids[0].starts_with("msg_") && ids.iter().all(|id| *id == ids[0]),
            "{name}: {ids:?}"
        );
        assert!(
            first.body == second.body && second.body == third.body,
            "{name}: the same events again"
        );
        let expected = [&events[0], &events[2]]
            .map(|e| (e["event_id"].as_str().unwrap().to_owned(), e.to_string()));
        assert_eq!(
            third.events(),
            expected,
            "{name}: this project's events from then on, byte for byte"
        );

        talks[1].batch(&[status_changed(&id(5))]);
        let next = got.recv_timeout(PATIENCE).unwrap();
        assert_eq!(
            next.events()
                .iter()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>(),
            [id(5)],
            "{name}"
        );
        assert_ne!(next.header("webhook-id"), ids[0], "{name}");
        settled(options, name);
        drop(servers);

        let server = Server::start(now(options())).unwrap();
        Talk::to(&server).batch(
            &(10..260)
                .map(|n| status_changed(&id(n)))
                .collect::<Vec<_>>(),
        );
        let mut seen = Vec::new();
        while seen.len() < 250 {
            seen.extend(
                got.recv_timeout(PATIENCE)
                    .unwrap()
                    .events()
                    .into_iter()
                    .map(|(id, _)| id),
            );
        }
        assert_eq!(
            seen,
            (10..260).map(id).collect::<Vec<_>>(),
            "{name}: after a restart, in order"
        );
        assert!(remove_webhook(&options(), "", "chat").unwrap(), "{name}");
        assert!(!remove_webhook(&options(), "", "chat").unwrap(), "{name}");
    });
}

/// Waits until the outcome of what was sent is noted.
fn settled(options: &dyn Fn() -> Options, name: &str) {
    let begun = Instant::now();
    while list_webhooks(&options())
        .unwrap()
        .iter()
        .any(|webhook| webhook.failures > 0)
    {
        assert!(
            begun.elapsed() < PATIENCE,
            "{name}: {:?}",
            list_webhooks(&options())
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_name_leads_to_no_private_address_and_the_failure_is_listed() {
    over_every_lasting(|name, options| {
        let server = Server::start(now(options())).unwrap();
        for url in [
            "https://10.255.255.1/in",
            "https://[::ffff:127.0.0.1]:1/in",
            "https://169.254.169.254/latest",
        ] {
            assert_eq!(
                add_webhook(&options(), webhook(url, url), true).unwrap(),
                Added::Yes,
                "{name}"
            );
        }
        Talk::to(&server).batch(&[status_changed(&id(1))]);
        let begun = Instant::now();
        let failed = loop {
            let all = list_webhooks(&options()).unwrap();
            if all.iter().all(|webhook| webhook.failures > 0) {
                break all;
            }
            assert!(begun.elapsed() < PATIENCE, "{name}: {all:?}");
            std::thread::park_timeout(Duration::from_millis(50));
        };
        for webhook in failed {
            assert!(
                webhook.failure.contains("has no public address"),
                "{name}: {webhook:?}"
            );
        }
    });
}

/// A webhook that never answers is in the way of nothing: not of events, not of another webhook,
/// not of a stop.
#[test]
fn a_silent_webhook_holds_up_nothing_else() {
    over_every_lasting(|name, options| {
        let server = Server::start(now(options())).unwrap();
        let ((silent, stuck), (url, got)) = (listen(&[0; 9]), listen(&[]));
        add_webhook(&options(), webhook("silent", &silent), true).unwrap();
        add_webhook(&options(), webhook("good", &url), true).unwrap();
        let talk = Talk::to(&server);
        assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"], "{name}");
        assert_eq!(
            stuck.recv_timeout(PATIENCE).unwrap().events().len(),
            1,
            "{name}"
        );
        assert_eq!(
            got.recv_timeout(PATIENCE).unwrap().events().len(),
            1,
            "{name}"
        );
        assert_eq!(talk.batch(&[status_changed(&id(2))]), ["success"], "{name}");
        assert_eq!(
            got.recv_timeout(PATIENCE).unwrap().events()[0].0,
            id(2),
            "{name}"
        );
        server.stop();
    });
}
