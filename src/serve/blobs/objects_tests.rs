//! The object store that `.ci/engines` started, and stores that must not be relied on.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use secrecy::SecretString;

use super::*;
use crate::base::clock::{FixedClock, SystemClock, Timestamp};
use crate::serve::blobs::Keys;

fn keys() -> Keys {
    let (secret, region) = (SecretString::from("secret-of-tests"), None);
    Keys {
        id: "sk-tests".to_owned(),
        secret,
        session: None,
        region,
    }
}

fn open(address: &str, keys: Keys, clock: Arc<dyn Clock>) -> Result<Arc<Blobs>, String> {
    let store = ObjectStore::read(address, keys)?;
    let probe = Uuid::new_v4().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(Blobs::open(&store, None, clock, || 0.0, &probe))
}

fn put(blobs: &Arc<Blobs>, content: &str) -> Result<(), Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(blobs.put(
        (0, Uuid::nil()),
        Sha256::of(content.as_bytes()),
        content.to_owned(),
    ))
}

/// The address of the store; `None`, said loudly, where there is none.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test asks which engines this machine has"
)]
fn address() -> Option<String> {
    let address = std::env::var("SK_SYNC_TEST_S3").ok();
    if address.is_none() {
        eprintln!(
            "SKIPPED: SK_SYNC_TEST_S3 is not set: run .ci/engines cargo test --features postgres"
        );
    }
    address
}

#[test]
fn a_text_is_stored_once_under_its_digest() {
    let Some(address) = address() else { return };
    let blobs = open(&address, keys(), Arc::new(SystemClock)).unwrap();
    let text = format!("text {}", Uuid::new_v4()).repeat(1000);
    assert_eq!((put(&blobs, &text), put(&blobs, &text)), (Ok(()), Ok(())));
    let key = blobs.key((0, Uuid::nil()), Sha256::of(text.as_bytes()));
    let get = blobs
        .store
        .bucket
        .get_object(Some(&blobs.credentials), &key);
    let url = get.sign_with_time(SIGNED_FOR, &blobs.now());
    let request = Request {
        method: Method::Get,
        url: url.as_str(),
        headers: &[],
        body: b"",
        answer_limit: 1 << 20,
        total: None,
    };
    let answer = blobs.client.send(&request).unwrap();
    assert_eq!((answer.status, answer.body), (200, text.into_bytes()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(blobs.ready()), Ok(()));
}

#[test]
fn a_store_that_cannot_be_used_is_said_at_start() {
    let Some(address) = address() else { return };
    let wrong = Keys {
        secret: SecretString::from("another"),
        ..keys()
    };
    let old: Arc<dyn Clock> = Arc::new(FixedClock(Timestamp::from_micros(1_500_000_000_000_000)));
    for (keys, clock, expected) in [
        (wrong, Arc::new(SystemClock) as Arc<dyn Clock>, "403"),
        (keys(), old, "403"),
    ] {
        let reason = open(&address, keys, clock).unwrap_err();
        assert!(
            reason.contains(expected) && !reason.contains("secret-of-tests"),
            "{expected}: {reason}"
        );
    }
}

/// A store that answers every request the same.
fn stub(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut head = [0; 8192];
            let _read = stream.read(&mut head);
            let head = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _sent = stream.write_all((head + body).as_bytes());
        }
    });
    format!("s3://bucket/prefix?endpoint=http://{address}")
}

#[test]
fn a_store_without_conditional_writes_is_refused() {
    let reason = open(&stub("200 OK", ""), keys(), Arc::new(SystemClock)).unwrap_err();
    assert!(reason.contains("If-None-Match"), "{reason}");
    // AWS says so; SeaweedFS makes the bucket.
    let missing = stub("404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>");
    let reason = open(&missing, keys(), Arc::new(SystemClock)).unwrap_err();
    assert!(reason.contains("404 NoSuchBucket"), "{reason}");
    let reason = open(
        "s3://bucket?endpoint=http://127.0.0.1:1",
        keys(),
        Arc::new(SystemClock),
    )
    .unwrap_err();
    assert!(reason.contains("cannot connect"), "{reason}");
}

#[test]
fn addresses_are_read_and_options_checked() {
    let read = |address: &str| {
        ObjectStore::read(address, keys()).map(|s| (s.bucket.base_url().to_string(), s.prefix))
    };
    let aws = |host: &str| format!("https://{host}.amazonaws.com/");
    assert_eq!(read("s3://b"), Ok((aws("b.s3.us-east-1"), String::new())));
    assert_eq!(
        read("s3://b/p/q/?region=eu-west-1"),
        Ok((aws("b.s3.eu-west-1"), "p/q/".to_owned()))
    );
    let own = read("s3://b/p?endpoint=https://s3.example:9000");
    assert_eq!(
        own,
        Ok(("https://s3.example:9000/b/".to_owned(), "p/".to_owned()))
    );
    for (address, said) in [
        ("https://b/p", "expected s3://"),
        ("b", "relative URL"),
        ("s3://b?endpoint=x", "endpoint: "),
        ("s3://b?endpoint=ftp://x", "scheme"),
        ("s3://b?secret=x", "secret is not an option"),
    ] {
        let reason = read(address).unwrap_err();
        assert!(reason.contains(said), "{address}: {reason}");
    }
}
