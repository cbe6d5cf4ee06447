//! Values of rows.

use super::error::words;
use crate::serve::engine::Trouble;

/// A value of a row; a row that is missing, or of another shape, is a statement of another version.
pub(super) fn cell<T: for<'a> tokio_postgres::types::FromSql<'a>>(
    row: Option<&tokio_postgres::Row>,
    at: usize,
) -> Result<T, Trouble> {
    row.ok_or(Trouble::Unknown)?.try_get(at).map_err(|e| {
        log::error!(
            "an answer of the database was not understood: {}",
            words(&e)
        );
        Trouble::Unknown
    })
}
