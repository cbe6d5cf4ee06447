//! `delivery/targets.db` of 3.2.x: the servers and teams that an older version delivered to. They
//! only make scopes known.

use std::path::Path;

use super::tables;
use crate::base::Interrupt;
use crate::store::{Foreign, ForeignError};

/// Maximum number of targets that are read.
const MOST: usize = 256;
/// Longest name that is read, in bytes.
const LONGEST: usize = 2048;

/// A target of an older version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OlderTarget {
    pub(super) server: String,
    pub(super) team: String,
    /// Usually empty: that version did not record the user.
    pub(super) user: String,
}

/// The targets below an older home directory; empty without a registry.
pub(super) fn targets(
    home: &Path,
    scratch: &Path,
    interrupt: &Interrupt,
) -> Result<Vec<OlderTarget>, ForeignError> {
    let path = home.join("delivery/targets.db");
    if path.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let foreign = Foreign::open(&path, scratch, interrupt)?;
    let needed = ["canonical_url", "team_slug", "user_email"];
    let columns = tables::columns(&foreign, "delivery_targets")?.unwrap_or_default();
    if !needed
        .iter()
        .all(|name| columns.iter().any(|column| column == name))
    {
        return Err(ForeignError::Sqlite(
            "it holds no targets that are known here".to_owned(),
        ));
    }
    let sql = format!(
        "SELECT canonical_url, team_slug, user_email FROM delivery_targets NOT INDEXED
         WHERE octet_length(canonical_url) <= {LONGEST} AND octet_length(team_slug) <= {LONGEST}
           AND octet_length(user_email) <= {LONGEST} ORDER BY rowid LIMIT {MOST}"
    );
    let sorted = |error| foreign.sorted(error);
    let mut statement = foreign.conn().prepare(&sql).map_err(sorted)?;
    let mut rows = statement.query([]).map_err(sorted)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(sorted)? {
        let text = |index: usize| {
            row.get_ref(index)
                .ok()
                .and_then(|cell| tables::text(cell).ok().map(str::to_owned))
        };
        if let (Some(server), Some(team), Some(user)) = (text(0), text(1), text(2)) {
            found.push(OlderTarget { server, team, user });
        }
    }
    Ok(found)
}
