//! PostgreSQL alone: starting, what must not be relied on, and statements that are tried again.

use serde_json::json;

use super::client::{EVENTS, Talk};
use super::engines::shared::{database, databases, execute};
use super::sample::{id, status_changed};
use crate::http::Method;
use crate::serve::{DatabaseError, Error, Migrate, Server, migrate};

fn refusal(url: &str) -> DatabaseError {
    match Server::start(databases(&[url], Migrate::Refuse)) {
        Err(Error::Database(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tables_are_made_when_asked_and_a_newer_version_is_refused() {
    let Some(url) = database() else { return };
    let error = refusal(&url);
    assert!(
        matches!(
            error,
            DatabaseError::Older {
                found: 0,
                needed: 1
            }
        ),
        "{error}"
    );
    migrate(&databases(&[&url], Migrate::Apply)).unwrap();
    drop(Server::start(databases(&[&url], Migrate::Refuse)).unwrap());
    execute(&url, "INSERT INTO sk_schema (version) VALUES (2)");
    let error = refusal(&url);
    assert!(
        matches!(error, DatabaseError::Newer { found: 2, known: 1 }),
        "{error}"
    );
}

#[test]
fn receivers_that_start_together_on_an_empty_database_all_run() {
    let Some(url) = database() else { return };
    let instances: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| Server::start(databases(&[&url], Migrate::Apply)).unwrap()))
            .collect();
        let servers: Vec<_> = starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect();
        servers
            .iter()
            .map(|server| {
                Talk::to(server).get(super::client::HEALTH).1["server_instance_id"].to_string()
            })
            .collect()
    });
    assert_eq!(instances.len(), 6);
    assert!(
        instances.iter().all(|id| *id == instances[0]),
        "{instances:?}"
    );
}

#[test]
fn what_could_lose_events_is_refused_at_start_and_told_later() {
    let Some(url) = database() else { return };
    let (server_url, name) = url.rsplit_once('/').unwrap();
    let server_url = format!("{server_url}/postgres");
    let server = Server::start(databases(&[&url], Migrate::Apply)).unwrap();
    let talk = Talk::to(&server);
    assert_eq!(talk.get("/readyz").0, 200);
    for (setting, said) in [
        ("synchronous_commit", "synchronous_commit is off"),
        ("default_transaction_read_only", ""),
    ] {
        let value = if said.is_empty() { "on" } else { "off" };
        execute(
            &url,
            &format!("ALTER DATABASE {name} SET {setting} = {value}"),
        );
        // Settings of a database hold for new connections.
        execute(
            &url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                       AND pid <> pg_backend_pid()",
        );
        let error = refusal(&url);
        let flaw = if said.is_empty() { "read-only" } else { said };
        assert!(
            matches!(&error, DatabaseError::NotDurable(reason) if reason.contains(flaw)),
            "{error}"
        );
        let told = talk.get("/readyz");
        assert!(
            told.0 == 503 && told.1["reason"].as_str().unwrap().contains(flaw),
            "{told:?}"
        );
        execute(
            &server_url,
            &format!("ALTER DATABASE {name} RESET {setting}"),
        );
    }
}

#[test]
fn wrong_credentials_and_wrong_places_are_said_without_the_password() {
    let Some(url) = database() else { return };
    let elsewhere = "postgres://sk:pa55word@127.0.0.1:1/x";
    let error = refusal(elsewhere);
    assert!(
        matches!(error, DatabaseError::Connect(_)) && !error.to_string().contains("pa55word"),
        "{error}"
    );
    let stranger = url.replace("//sk@", "//stranger:pa55word@");
    let error = refusal(&stranger);
    assert!(
        error.to_string().contains("stranger") && !error.to_string().contains("pa55word"),
        "{error}"
    );
    let error = refusal("postgres://sk:pa55word@127.0.0.1/x?sslmode=maybe");
    assert!(
        matches!(error, DatabaseError::Url(_)) && !error.to_string().contains("pa55word"),
        "{error}"
    );
}

#[test]
fn databases_in_another_order_are_refused() {
    let (Some(one), Some(other)) = (database(), database()) else {
        return;
    };
    drop(Server::start(databases(&[&one, &other], Migrate::Apply)).unwrap());
    for urls in [vec![other.as_str(), one.as_str()], vec![one.as_str()]] {
        let error = Server::start(databases(&urls, Migrate::Apply)).unwrap_err();
        assert!(
            matches!(error, Error::Database(DatabaseError::OtherShard { .. })),
            "{error}"
        );
    }
}

/// Under SERIALIZABLE the database undoes transactions that meet; the receiver runs them again.
#[test]
fn transactions_that_were_undone_run_again() {
    let Some(url) = database() else { return };
    let servers = [0, 1, 2].map(|_| Server::start(databases(&[&url], Migrate::Apply)).unwrap());
    execute(
        &url,
        "CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   IF random() < 0.3 THEN RAISE EXCEPTION 'undone' USING ERRCODE = '40001'; END IF; \
                   RETURN NEW; END $$; \
                   CREATE TRIGGER meet BEFORE UPDATE ON sk_projects FOR EACH ROW EXECUTE FUNCTION meet()",
    );
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = servers
            .iter()
            .enumerate()
            .map(|(sender, server)| {
                let talk = Talk::to(server);
                scope.spawn(move || {
                    (0..20)
                        .flat_map(|n| talk.batch(&[status_changed(&id(sender * 20 + n))]))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap())
            .collect()
    });
    assert_eq!(
        statuses
            .iter()
            .filter(|status| *status == "success")
            .count(),
        60,
        "{statuses:?}"
    );
    assert_eq!(Talk::to(&servers[0]).counts(["events"]), [60]);
}

/// All connections in use: put off with 429, nothing begun, and taken later.
#[test]
fn a_pool_that_is_exhausted_puts_requests_off() {
    let Some(url) = database() else { return };
    let server = Server::start(databases(&[&url], Migrate::Apply)).unwrap();
    let batch = |n: usize| {
        let mut event = status_changed(&id(n));
        event["project_uuid"] = uuid::Uuid::from_u128(n as u128 + 1).to_string().into();
        json!({"events": [event]})
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (client, connection) = runtime
        .block_on(tokio_postgres::connect(&url, tokio_postgres::NoTls))
        .unwrap();
    runtime.spawn(connection);
    runtime
        .block_on(client.batch_execute("BEGIN; LOCK TABLE sk_projects IN EXCLUSIVE MODE"))
        .unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..10)
            .map(|n| {
                let (talk, body) = (Talk::to(&server), batch(n).to_string());
                scope.spawn(move || {
                    talk.try_send(Method::Post, EVENTS, body.as_bytes())
                        .unwrap()
                })
            })
            .collect();
        let put_off = |request: &std::thread::ScopedJoinHandle<'_, _>| request.is_finished();
        while requests.iter().filter(|request| put_off(request)).count() < 2 {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        runtime.block_on(client.batch_execute("ROLLBACK")).unwrap();
        requests
            .into_iter()
            .map(|request| request.join().unwrap())
            .collect()
    });
    let put_off: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert_eq!(
        (
            put_off.len(),
            answers.iter().filter(|answer| answer.status == 200).count()
        ),
        (2, 8)
    );
    assert!(put_off.iter().all(|answer| answer.retry_after.is_some()));
    let talk = Talk::to(&server);
    assert_eq!(talk.counts(["events"]), [8]);
    let again: Vec<_> = (0..10)
        .map(|n| talk.post(EVENTS, &batch(n)).1["results"][0]["status"].clone())
        .collect();
    assert_eq!(
        again
            .iter()
            .filter(|status| **status == json!("success"))
            .count(),
        2,
        "{again:?}"
    );
    assert_eq!(talk.counts(["events"]), [10]);
}

#[test]
fn a_statement_that_fails_every_time_is_503_and_leaves_nothing() {
    let Some(url) = database() else { return };
    let server = Server::start(databases(&[&url], Migrate::Apply)).unwrap();
    let talk = Talk::to(&server);
    execute(&url, "ALTER TABLE sk_events RENAME TO hidden");
    let batch = json!({"events": [status_changed(&id(1))]});
    let (status, answer) = talk.post(EVENTS, &batch);
    assert_eq!(
        (status, &answer["error"]),
        (503, &json!("storage_unavailable"))
    );
    execute(&url, "ALTER TABLE hidden RENAME TO sk_events");
    assert_eq!(talk.batch(&[status_changed(&id(1))]), ["success"]);
}
