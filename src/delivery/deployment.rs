//! The server behind a target's URL, according to its health endpoint: provenance for each attempt,
//! the server's limits, and whether another server answers than before.

use rusqlite::Row;
use serde_json::Value;

use super::advertised::{self, AdvertisedLimits};
use super::capabilities::Capabilities;
use super::reset::{self, Change};
use super::{Error, Target, pages};
use crate::base::{Timestamp, text};
use crate::http::Answer;
use crate::store::{ReadTx, WriteTx};

/// The most characters kept of a field.
const LONGEST: usize = 200;
/// Statuses that mean there is no health endpoint; the target is not asked again for a day.
const NOT_OFFERED: [u16; 4] = [404, 405, 410, 501];
/// How long the absence of a health endpoint is remembered.
const ABSENCE: std::time::Duration = std::time::Duration::from_hours(24);

/// A deployment of a server. Never part of a target's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct Deployment {
    server_instance_id: Option<String>,
    deployment_id: Option<String>,
    environment_name: Option<String>,
    git_sha: Option<String>,
}

/// Content of a health response (see `docs/receiver.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Health {
    deployment: Deployment,
    /// Limits of the server, if it states any.
    limits: Option<AdvertisedLimits>,
    /// Where it has pages for people: a path.
    pages: Option<String>,
}

/// Result of asking for the health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The server answered.
    Told(Box<Health>),
    /// The server has no health endpoint.
    NotOffered,
    /// No usable answer this time.
    Nothing,
    /// Not asked.
    Skipped,
}

/// Reads a response. Missing or malformed fields are treated as unknown.
pub(super) fn read(answer: &Answer) -> Asked {
    if NOT_OFFERED.contains(&answer.status) {
        return Asked::NotOffered;
    }
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let body = body.filter(|body| body.is_object() && answer.status == 200 && !answer.is_cut);
    let Some(body) = body else {
        return Asked::Nothing;
    };
    let field = |name: &str| {
        let words = body
            .get(name)?
            .as_str()
            .map(str::trim)
            .filter(|words| !words.is_empty())?;
        Some(text::shorten(&text::printable(words), LONGEST))
    };
    let can = Capabilities::read(body.get("capabilities"));
    let limits = body
        .get("sync_ingress")
        .and_then(|ingress| ingress.get("limits"))
        .filter(|limits| limits.is_object());
    Asked::Told(Box::new(Health {
        deployment: Deployment {
            server_instance_id: field("server_instance_id"),
            deployment_id: field("deployment_id"),
            environment_name: field("environment_name"),
            git_sha: field("git_sha"),
        },
        pages: pages::pages_path(&body).map(str::to_owned),
        limits: (limits.is_some() || can != Capabilities::default()).then(|| AdvertisedLimits {
            can,
            ..AdvertisedLimits::read(limits)
        }),
    }))
}

impl Deployment {
    /// The fields that show that this is another server than `previous`: both name them, with
    /// different values. A new `deployment_id` alone means new software on the same server.
    fn changes_since(&self, previous: &Self) -> Vec<Change> {
        let fields = [
            (
                "server_instance_id",
                &previous.server_instance_id,
                &self.server_instance_id,
            ),
            (
                "environment_name",
                &previous.environment_name,
                &self.environment_name,
            ),
            ("git_sha", &previous.git_sha, &self.git_sha),
        ];
        let change =
            |(field, previous, current): (&'static str, &Option<String>, &Option<String>)| {
                let (previous, current) = (previous.clone()?, current.clone()?);
                (previous != current).then_some(Change {
                    field,
                    previous,
                    current,
                })
            };
        fields.into_iter().filter_map(change).collect()
    }

    /// This deployment, with its missing fields taken from `previous`.
    fn over(self, previous: Self) -> Self {
        Self {
            server_instance_id: self.server_instance_id.or(previous.server_instance_id),
            deployment_id: self.deployment_id.or(previous.deployment_id),
            environment_name: self.environment_name.or(previous.environment_name),
            git_sha: self.git_sha.or(previous.git_sha),
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            server_instance_id: row.get(0)?,
            deployment_id: row.get(1)?,
            environment_name: row.get(2)?,
            git_sha: row.get(3)?,
        })
    }
}

/// Records the result of asking a target; returns the fields that show that it is another server
/// now.
pub(super) fn note(
    tx: &WriteTx<'_>,
    target: &Target,
    asked: &Asked,
    now: Timestamp,
) -> Result<Vec<Change>, Error> {
    let health = match asked {
        Asked::Told(health) => health,
        Asked::NotOffered => {
            tx.prepare("UPDATE delivery_targets SET no_health_until = ?2 WHERE id = ?1")?
                .execute([target.id, now.after(ABSENCE).as_micros()])?;
            return Ok(Vec::new());
        }
        Asked::Nothing | Asked::Skipped => return Ok(Vec::new()),
    };
    if let Some(told) = health.limits {
        advertised::note(tx, target.id, told, now)?;
    }
    pages::note(tx, target.id, health.pages.as_deref())?;
    let previous = known(tx, target.id)?;
    let changes = health.deployment.changes_since(&previous);
    let current = health.deployment.clone().over(previous.clone());
    if current != previous {
        let id: i64 = tx.one(
            "INSERT INTO delivery_deployments (target, server_instance_id, deployment_id, environment_name, git_sha,
                   seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
            rusqlite::params![
                    target.id,
                    current.server_instance_id,
                    current.deployment_id,
                    current.environment_name,
                    current.git_sha,
                    now.as_micros()
                ],
            |r| r.get(0),
        )?;
        tx.prepare("UPDATE delivery_targets SET deployment = ?2 WHERE id = ?1")?
            .execute([target.id, id])?;
    }
    reset::note(tx, target.id, &changes, now)?;
    Ok(changes)
}

/// The last known deployment of a target.
fn known(tx: &ReadTx<'_>, target: i64) -> Result<Deployment, Error> {
    let sql = "SELECT server_instance_id, deployment_id, environment_name, git_sha FROM delivery_deployments
               WHERE id = (SELECT deployment FROM delivery_targets WHERE id = ?1)";
    Ok(tx
        .first(sql, [target], Deployment::read)?
        .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::Books;
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            body: body.to_string().into_bytes(),
            ..Answer::default()
        }
    }

    fn told(body: &Value) -> Health {
        match read(&answer(200, body)) {
            Asked::Told(health) => *health,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_says_what_it_says_and_nothing_else() {
        let health = told(&json!({
            "server_instance_id": "i", "git_sha": " s ", "environment_name": "", "deployment_id": 7,
            "sync_ingress": {"limits": {"max_events_per_batch": 200, "max_decompressed_bytes_per_batch": 0}},
        }));
        let deployment = Deployment {
            server_instance_id: Some("i".to_owned()),
            git_sha: Some("s".to_owned()),
            ..Deployment::default()
        };
        let limits = Some(AdvertisedLimits {
            events: Some(200),
            ..AdvertisedLimits::default()
        });
        assert_eq!(
            health,
            Health {
                deployment,
                limits,
                pages: None
            }
        );
        for limits in [json!(null), json!([]), json!(7)] {
            assert_eq!(
                told(&json!({"sync_ingress": {"limits": limits}})),
                Health::default(),
                "{limits}"
            );
        }
        let silent = Health {
            limits: Some(AdvertisedLimits::default()),
            ..Health::default()
        };
        assert_eq!(
            told(&json!({"sync_ingress": {"limits": {}}})),
            silent,
            "it names none any more"
        );
        for (status, body, asked) in [
            (404, json!({}), Asked::NotOffered),
            (405, json!({}), Asked::NotOffered),
            (401, json!({"git_sha": "s"}), Asked::Nothing),
            (503, json!({}), Asked::Nothing),
            (200, json!([1]), Asked::Nothing),
        ] {
            assert_eq!(read(&answer(status, &body)), asked, "{status}");
        }
    }

    #[test]
    fn the_last_answer_says_where_the_pages_are() {
        let mut books = Books::new();
        let target = books.target();
        for (body, pages) in [
            (json!({"hub": {"pages": "/"}}), Some("/")),
            (json!({"hub": {"pages": "/hub/"}}), Some("/hub/")),
            (json!({"hub": {"pages": "//evil.example"}}), None),
            (json!({"hub": {"pages": "/"}}), Some("/")),
            (json!({}), None),
        ] {
            books.write(|tx| {
                note(
                    tx,
                    &target,
                    &read(&answer(200, &body)),
                    Timestamp::from_micros(1),
                )
            });
            let last = books.write(|tx| pages::last_pages(tx, target.id));
            assert_eq!(last.as_deref(), pages, "{body}");
        }
    }

    #[test]
    fn another_server_is_one_that_says_so_itself() {
        let mut books = Books::new();
        let target = books.target();
        let mut see = |body: Value| {
            let asked = read(&answer(200, &body));
            let changes = books.write(|tx| note(tx, &target, &asked, Timestamp::from_micros(1)));
            changes
                .into_iter()
                .map(|change| change.field)
                .collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(
            see(json!({"server_instance_id": "a", "git_sha": "1", "deployment_id": "x"})),
            none,
            "the first"
        );
        assert_eq!(
            see(json!({"server_instance_id": "a", "git_sha": "1", "deployment_id": "y"})),
            none,
            "that alone"
        );
        assert_eq!(
            see(json!({"server_instance_id": "a", "environment_name": "blue"})),
            none,
            "not said before"
        );
        assert_eq!(see(json!({})), none);
        assert_eq!(
            see(json!({"server_instance_id": "b", "git_sha": "1"})),
            ["server_instance_id"]
        );
        assert_eq!(
            see(json!({"environment_name": "green", "git_sha": "2"})),
            ["environment_name", "git_sha"]
        );
        assert_eq!(
            see(json!({"environment_name": "green", "git_sha": "2"})),
            none,
            "said once"
        );
    }
}
