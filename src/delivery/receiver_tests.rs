//! The ledger records the same answer the same way for every kind of receiver.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};

use super::BatchReceiver;
use super::fixture::Books;
use crate::base::Interrupt;
use crate::base::clock::FixedClock;
use crate::endpoint::{Link, Protocol, ReceiverKind};

/// Answers one request, and returns its head and body. The connection is closed when the answer
/// arrives.
fn serve_once(status: u16, body: String) -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap() > 2 {
            head.push_str(&line.to_lowercase());
            line.clear();
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap();
        let mut sent = vec![0; length.parse().unwrap()];
        reader.read_exact(&mut sent).unwrap();
        sender.send((head, sent)).unwrap();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nRetry-After: 7\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (origin, seen)
}

fn results(words: [&str; 4]) -> (u16, String) {
    // The ids that the fixture gives out first.
    let results: Vec<Value> = words
        .iter()
        .enumerate()
        .map(|(n, word)| json!({"event_id": format!("key-{n}"), "status": word}))
        .collect();
    (200, json!({ "results": results }).to_string())
}

/// The ledger after every possible answer, one per drain.
fn books_after(receiver: ReceiverKind) -> Vec<Vec<String>> {
    let answers = vec![
        results(["success", "duplicate", "pending", "rejected"]),
        results(["success", "odd", "warning", "accepted"]),
        (202, String::new()),
        (413, json!({"error": "too large"}).to_string()),
        (
            400,
            json!({"details": [{"event_id": "key-1", "detail": "no"}]}).to_string(),
        ),
        (401, json!({"error": "who?"}).to_string()),
        (429, String::new()),
        (503, String::new()),
        (307, String::new()),
        (200, "<html>".to_owned()),
    ];
    let story = answers.into_iter().map(|(status, body)| {
        let (origin, seen) = serve_once(status, body);
        let mut books = Books::new();
        books.add_plain(4);
        let link = Link::for_tests_as(&origin, receiver, Protocol::default());
        let clock = FixedClock(books.now());
        books.drain(&BatchReceiver::new(&link, &clock), &Interrupt::default());
        seen.recv().unwrap();
        let (address, rows) = (origin.trim_start_matches("http://"), books.ledger());
        let rows = rows
            .into_iter()
            .filter(|row| !row.starts_with("delivery_targets"));
        rows.map(|row| row.replace(address, "SERVER")).collect()
    });
    story.collect()
}

#[test]
fn equal_answers_make_equal_ledgers_whichever_receiver_gives_them() {
    let teamspace = books_after(ReceiverKind::Teamspace);
    assert!(teamspace.iter().all(|rows| !rows.is_empty()));
    assert_eq!(teamspace, books_after(ReceiverKind::ExternalReceiver));
    assert_eq!(teamspace, books_after(ReceiverKind::Stub));
}
