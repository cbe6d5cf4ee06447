//! Where a target has pages for people, according to its last health response.

use serde_json::Value;

use super::Error;
use crate::store::{ReadTx, WriteTx};

/// The path of the pages that a health response names; `None` if it names none, or something else
/// than a path of the server itself in characters that steer nothing.
pub(crate) fn pages_path(health: &Value) -> Option<&str> {
    health["hub"]["pages"].as_str().filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= 200
            && path
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b))
    })
}

/// The URL of a project's page.
pub(crate) fn project_page(base: &str, path: &str, project_uuid: &str) -> String {
    format!(
        "{}{}/projects/{project_uuid}",
        base.trim_end_matches('/'),
        path.trim_end_matches('/')
    )
}

/// Stores the path that a target named, replacing the earlier one.
pub(super) fn note(tx: &WriteTx<'_>, target: i64, path: Option<&str>) -> Result<(), Error> {
    tx.prepare("UPDATE delivery_targets SET pages = ?2 WHERE id = ?1 AND pages IS NOT ?2")?
        .execute((target, path))?;
    Ok(())
}

/// The path that a target named last; `None` without one.
pub(crate) fn last_pages(tx: &ReadTx<'_>, target: i64) -> Result<Option<String>, Error> {
    let sql = "SELECT pages FROM delivery_targets WHERE id = ?1";
    Ok(tx.first(sql, [target], |r| r.get(0))?.flatten())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_of_the_server_itself_is_taken_and_nothing_else() {
        for path in ["/", "/hub/", "/a-b_c.d"] {
            assert_eq!(pages_path(&json!({"hub": {"pages": path}})), Some(path));
        }
        for odd in [
            "",
            "pages",
            "//evil.example",
            "/a b",
            "/a?b",
            "/<b>",
            "https://evil.example",
            "/\n",
            "/é",
        ] {
            assert_eq!(pages_path(&json!({"hub": {"pages": odd}})), None, "{odd:?}");
        }
        for odd in [
            json!({}),
            json!({"hub": "/"}),
            json!({"hub": {"pages": ["/"]}}),
            json!([]),
        ] {
            assert_eq!(pages_path(&odd), None, "{odd}");
        }
    }

    #[test]
    fn slashes_are_not_doubled() {
        for (base, path) in [("https://h", "/"), ("https://h/", "/"), ("https://h", "")] {
            assert_eq!(project_page(base, path, "u"), "https://h/projects/u");
        }
        assert_eq!(
            project_page("https://h/sync", "/hub/", "u"),
            "https://h/sync/hub/projects/u"
        );
    }
}
