//! What a database must promise before anything is acknowledged in its name.

use tokio_postgres::Client;

const SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
                        current_setting('synchronous_commit'), \
                        pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";

/// Asks a database for its settings; the reason if it can lose what it has committed, or takes no
/// writes.
pub(super) async fn check(client: &Client) -> Result<Option<String>, tokio_postgres::Error> {
    let rows = client.query_typed(SETTINGS, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(Some("it does not say how it is set up".to_owned()));
    };
    Ok(flaw(
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
    ))
}

/// What is wrong with these settings.
fn flaw(
    fsync: &str,
    full_page_writes: &str,
    synchronous_commit: &str,
    takes_no_writes: bool,
) -> Option<String> {
    let off = [
        ("fsync", fsync),
        ("full_page_writes", full_page_writes),
        ("synchronous_commit", synchronous_commit),
    ];
    let off = off.iter().find(|(_, value)| *value == "off");
    match off {
        Some((name, _)) => Some(format!(
            "{name} is off, so a crash would lose events that were acknowledged"
        )),
        None if takes_no_writes => Some("it is a read-only replica; name the primary".to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_lose_is_named() {
        for (settings, said) in [
            (("on", "on", "on", false), None),
            (("on", "on", "remote_apply", false), None),
            (("on", "on", "local", false), None),
            (("off", "on", "on", false), Some("fsync is off")),
            (("on", "off", "on", false), Some("full_page_writes is off")),
            (
                ("on", "on", "off", false),
                Some("synchronous_commit is off"),
            ),
            (("on", "on", "on", true), Some("read-only replica")),
        ] {
            let (fsync, pages, commit, replica) = settings;
            let found = flaw(fsync, pages, commit, replica);
            match (&found, said) {
                (None, None) => {}
                (Some(found), Some(said)) => assert!(found.contains(said), "{found}"),
                _ => panic!("{settings:?}: {found:?}"),
            }
        }
    }
}
