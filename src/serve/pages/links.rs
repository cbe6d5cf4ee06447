//! The addresses of pages. Slugs and paths are in the query: there no part of them is a step in a
//! path.

use url::form_urlencoded::Serializer;

fn with(path: &str, pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

pub(super) fn project(uuid: &str) -> String {
    format!("/projects/{uuid}")
}

pub(super) fn more_missions(uuid: &str, after: &str) -> String {
    with(&project(uuid), &[("after", after)])
}

pub(super) fn mission(uuid: &str, slug: &str) -> String {
    with(&format!("/projects/{uuid}/mission"), &[("slug", slug)])
}

pub(super) fn more_documents(uuid: &str, slug: &str, after: &str) -> String {
    with(
        &format!("/projects/{uuid}/mission"),
        &[("slug", slug), ("documents", after)],
    )
}

pub(super) fn document(uuid: &str, slug: &str, path: &str) -> String {
    view(uuid, slug, path, &[])
}

/// A document in another form: `view`, `version` and `from` say which.
pub(super) fn view(uuid: &str, slug: &str, path: &str, how: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = [("mission", slug), ("path", path)]
        .into_iter()
        .chain(how.iter().copied())
        .collect();
    with(&format!("/projects/{uuid}/document"), &pairs)
}

pub(super) fn activity(project: Option<&str>, before: &str) -> String {
    match project {
        Some(uuid) => with(&format!("/projects/{uuid}/activity"), &[("before", before)]),
        None => with("/activity", &[("before", before)]),
    }
}

pub(super) fn search(question: &str, skip: &str) -> String {
    with("/search", &[("q", question), ("skip", skip)])
}

pub(super) fn sign_in(to: &str) -> String {
    with("/sign-in", &[("to", to)])
}

/// Where a link in a document leads: another document of the mission, as a path; `None` if it
/// leaves the mission.
pub(super) fn beside(document: &str, link: &str) -> Option<String> {
    let link = link.split(['#', '?']).next().unwrap_or_default();
    let link = url::form_urlencoded::parse(
        format!("x={}", link.replace('+', "%2B").replace('&', "%26")).as_bytes(),
    )
    .next()
    .map(|(_, value)| value.into_owned())?;
    if link.is_empty() || link.starts_with('/') || link.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_thing_is_never_a_step_in_a_path() {
        assert_eq!(
            mission("u", "../../x?y#z&slug=w"),
            "/projects/u/mission?slug=..%2F..%2Fx%3Fy%23z%26slug%3Dw"
        );
        let odd = "a/../b/%2e%2e/\"><script>";
        assert!(!document("u", "m", odd).contains(['"', '<', '>']));
        assert_eq!(activity(None, ""), "/activity");
    }

    #[test]
    fn a_link_stays_within_its_mission_or_leads_nowhere() {
        for (link, expected) in [
            ("plan.md", Some("tasks/plan.md")),
            ("../spec.md#part", Some("spec.md")),
            ("./a%20b.md", Some("tasks/a b.md")),
            ("a+b.md", Some("tasks/a+b.md")),
            ("a&b.md", Some("tasks/a&b.md")),
            ("../../other/spec.md", None),
            ("%2e%2e/%2e%2e/etc", None),
            ("..%2F..%2Fx", None),
            ("/etc/passwd", None),
            ("//evil.example/x", None),
            ("..\\..\\x", None),
            ("..", None),
            ("#part", None),
            ("", None),
        ] {
            assert_eq!(beside("tasks/WP01.md", link).as_deref(), expected, "{link}");
        }
    }
}
