//! Open pages: told of the projects of their reader only, and closed when the token ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::client::Talk;
use super::engines::over_each_lasting;
use super::raw::connect;
use super::sample::{PROJECT, id, status_changed};
use crate::base::Sha256;
use crate::base::clock::Timestamp;
use crate::serve::{Scope, Server, Token, add_token, revoke_token};

const OTHER: &str = "262bb566-443d-51a9-8b0c-f82f7d341017";

fn token(name: &str, scope: Scope, project: Option<&str>) -> Token {
    Token {
        digest: Sha256::of(b""),
        team: String::new(),
        name: name.to_owned(),
        scope,
        project: project.map(str::to_owned),
        created_at: Timestamp::from_micros(1),
        expires_at: None,
        revoked_at: None,
    }
}

/// An open stream, after its first word.
fn open(server: &Server, token: &str) -> BufReader<TcpStream> {
    let mut stream = connect(server.origin().trim_start_matches("http://"));
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let head = format!(
        "GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream);
    while line(&mut lines) != ": live" {}
    lines
}

fn line(lines: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    assert!(lines.read_line(&mut line).unwrap() > 0, "the stream ended");
    line.trim_end().to_owned()
}

/// The words that a stream has already said.
fn said(lines: &mut BufReader<TcpStream>) -> String {
    lines
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let mut said = Vec::new();
    let _timeout = lines.read_to_end(&mut said);
    String::from_utf8(said).unwrap()
}

#[test]
fn a_page_is_told_of_its_own_project_and_ends_with_its_token() {
    over_each_lasting(|name, options| {
        let server = Server::start(options()).unwrap();
        let add = |name: &str, scope, project| {
            add_token(&options(), token(name, scope, project))
                .unwrap()
                .unwrap()
        };
        let write = add("write", Scope::Write, None);
        let talk = Talk::to(&server).with("Authorization", &format!("Bearer {write}"));
        let (own, other) = (
            add("own", Scope::Read, Some(PROJECT)),
            add("other", Scope::Read, Some(OTHER)),
        );
        let (mut own, mut other) = (open(&server, &own), open(&server, &other));
        assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"], "{name}");
        while line(&mut own) != "event: change" {}
        let silent = said(&mut other);
        assert!(!silent.contains("change"), "{name}: {silent}");

        let mut event = status_changed(&id(2));
        event["project_uuid"] = OTHER.into();
        other
            .get_ref()
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        assert_eq!(talk.batch(&[event]), ["success"], "{name}");
        while line(&mut other) != "event: change" {}

        assert!(
            revoke_token(&options(), "", "own", Timestamp::from_micros(2)).unwrap(),
            "{name}"
        );
        let mut rest = String::new();
        own.read_to_string(&mut rest)
            .unwrap_or_else(|e| panic!("{name}: the stream did not end: {e}"));
        assert!(!rest.contains("change"), "{name}: {rest}");
    });
}
