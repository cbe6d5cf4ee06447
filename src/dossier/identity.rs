//! The project's identity: `.kittify/config.yaml`, which is read and never written.

use std::io::Read as _;
use std::path::Path;

use super::beneath::Beneath;
use super::identity_yaml::{Written, project_section};
use crate::base::text;
use crate::git::is_repo_slug;

/// The identity file, below the top of a work tree.
const CONFIG: &str = ".kittify/config.yaml";
/// Largest file that is accepted, in bytes.
const LONGEST_CONFIG: u64 = 1 << 20;

/// Most characters of a field: it becomes part of every event.
const MAX_FIELD_CHARS: usize = 255;

/// A project's identity; missing fields are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    /// Lower case, with hyphens.
    pub(crate) project_uuid: Option<String>,
    /// Readable name.
    pub(crate) project_slug: Option<String>,
    /// The node that wrote the file; not necessarily this machine.
    pub(crate) node_id: Option<String>,
    /// As written, else derived from the uuid and the node in the file.
    pub(crate) build_id: Option<String>,
    /// `owner/name`; overrides the one of the remote.
    pub(crate) repo_slug: Option<String>,
    /// True if the uuid was derived from the repository's first commit, because none is stated.
    pub(crate) is_derived: bool,
}

/// The `[project]` section of `event-sync.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ProjectOverride {
    /// A UUID in any form.
    pub(crate) uuid: Option<String>,
    /// Readable name.
    pub(crate) slug: Option<String>,
}

/// Why an identity is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The file cannot be read.
    #[error("cannot read {file}: {what}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's message.
        what: String,
    },
    /// The file is not YAML.
    #[error(
        "{file}:{line}: not valid YAML: {what}; the project's ID is unknown until this is fixed"
    )]
    NotYaml {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// The parser's message.
        what: String,
    },
    /// A field is too long.
    #[error("{place}: {key} has more than {MAX_FIELD_CHARS} characters")]
    TooLong {
        /// The file and line.
        place: String,
        /// The field.
        key: &'static str,
    },
    /// `project.uuid` is not a UUID.
    #[error(
        "{place}: project uuid {value:?} is not a UUID (like 8a4a7da6-a97c-4bb4-893a-b31664abfee4)"
    )]
    NotUuid {
        /// The file and line, or the key.
        place: String,
        /// The value.
        value: String,
    },
}

/// The identity in the first of `roots` (tops of work trees, the main one first) that has a
/// `config.yaml`; `given` is used if that has no uuid.
pub(crate) fn identity(
    roots: &[&Path],
    given: &ProjectOverride,
) -> Result<Identity, IdentityError> {
    let mut identity = Identity::default();
    for root in roots {
        if let Some(source) = read(root)? {
            identity = parse(&text::path(&root.join(CONFIG)), &source)?;
            break;
        }
    }
    if identity.project_uuid.is_none() {
        let uuid = given
            .uuid
            .as_deref()
            .map(|value| uuid_of(value, || "project.uuid".to_owned()))
            .transpose()?;
        identity.project_uuid = uuid;
        identity.project_slug = given.slug.clone().or(identity.project_slug);
    }
    if let (None, Some(uuid), Some(node)) = (
        &identity.build_id,
        &identity.project_uuid,
        &identity.node_id,
    ) {
        identity.build_id = Some(build_id(uuid, node));
    }
    Ok(identity)
}

/// The uuid used for a missing one while nothing leaves the machine: the version-5 UUID of the
/// first commit.
pub(crate) fn derived_uuid(first_commit: &str) -> String {
    let namespace =
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"sk-sync:identity:first-commit");
    uuid::Uuid::new_v5(&namespace, first_commit.as_bytes()).to_string()
}

/// The build id of a project on a node: the version-5 UUID of `uuid:node`.
pub(crate) fn build_id(project_uuid: &str, node_id: &str) -> String {
    let namespace = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"spec-kitty:identity:build_id");
    uuid::Uuid::new_v5(&namespace, format!("{project_uuid}:{node_id}").as_bytes()).to_string()
}

/// The text of a work tree's `config.yaml`; `None` if it does not exist. A link out of the work
/// tree is not followed: it would give this project the identity of another.
fn read(root: &Path) -> Result<Option<String>, IdentityError> {
    let failed = |what: String| IdentityError::Unreadable {
        file: text::path(&root.join(CONFIG)),
        what,
    };
    let file = match Beneath::open(root).and_then(|tree| tree.open_linked("", CONFIG)) {
        Ok(Some((file, _))) => file,
        Ok(None) => return Err(failed("not a regular file".to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e.to_string())),
    };
    let mut source = String::new();
    let size = file
        .take(LONGEST_CONFIG + 1)
        .read_to_string(&mut source)
        .map_err(|e| failed(e.to_string()))?;
    if size as u64 > LONGEST_CONFIG {
        Err(failed("larger than 1 MiB".to_owned()))
    } else {
        Ok(Some(source))
    }
}

fn parse(file: &str, source: &str) -> Result<Identity, IdentityError> {
    let mut section = project_section(source).map_err(|(line, what)| IdentityError::NotYaml {
        file: file.to_owned(),
        line,
        what: text::printable(&what),
    })?;
    for key in ["slug", "node_id", "build_id", "repo_slug"] {
        let Some(Written { text, line }) = section.get(key) else {
            continue;
        };
        if text.chars().count() > MAX_FIELD_CHARS {
            return Err(IdentityError::TooLong {
                place: format!("{file}:{line}"),
                key,
            });
        }
    }
    let uuid = section.remove("uuid");
    let mut said = |key: &str| {
        section
            .remove(key)
            .map(|Written { text, .. }| text.trim().to_owned())
    };
    Ok(Identity {
        project_uuid: uuid
            .map(|uuid| uuid_of(&uuid.text, || format!("{file}:{}", uuid.line)))
            .transpose()?,
        project_slug: said("slug").filter(|t| !t.is_empty()),
        node_id: said("node_id").filter(|t| !t.is_empty()),
        build_id: said("build_id").filter(|t| !t.is_empty()),
        repo_slug: said("repo_slug").filter(|slug| is_repo_slug(slug)),
        is_derived: false,
    })
}

fn uuid_of(value: &str, place: impl Fn() -> String) -> Result<String, IdentityError> {
    let parsed = uuid::Uuid::parse_str(value.trim());
    parsed
        .map(|uuid| uuid.to_string())
        .map_err(|_| IdentityError::NotUuid {
            place: place(),
            value: text::shorten(value, 80),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

    fn with_config(source: &str, given: &ProjectOverride) -> Result<Identity, IdentityError> {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join(".kittify")).unwrap();
        std::fs::write(temp.path().join(CONFIG), source).unwrap();
        identity(&[temp.path()], given)
    }

    fn given() -> ProjectOverride {
        ProjectOverride {
            uuid: Some("11111111-2222-4333-8444-555555555555".to_owned()),
            slug: Some("mine".to_owned()),
        }
    }

    #[test]
    fn the_file_wins_and_the_build_id_is_derived() {
        let source = format!(
            "# comment\nagents: [a, b]\nproject:\n  uuid: {}\n  slug: spec-kitty\n  node_id: d036a097a835\n  repo_slug: o/r\n",
            UUID.to_uppercase()
        );
        let found = with_config(&source, &given()).unwrap();
        assert_eq!(found.project_uuid.as_deref(), Some(UUID));
        assert_eq!(found.project_slug.as_deref(), Some("spec-kitty"));
        assert_eq!(
            found.build_id.as_deref(),
            Some("262bb566-443d-51a9-8b0c-f82f7d341017")
        );
        assert_eq!(found.repo_slug.as_deref(), Some("o/r"));
    }

    #[test]
    fn what_is_given_steps_in_where_the_file_says_nothing() {
        for source in [
            "",
            "project:\n",
            "project: {uuid: null}\n",
            "project: {uuid: ''}",
            "other: 1\n",
            "- a list\n",
        ] {
            let found = with_config(source, &given()).unwrap();
            assert_eq!(found.project_uuid, given().uuid, "{source}");
            assert_eq!(found.project_slug.as_deref(), Some("mine"), "{source}");
        }
        let none = tempfile::tempdir().unwrap();
        assert_eq!(
            identity(&[none.path()], &ProjectOverride::default()).unwrap(),
            Identity::default()
        );
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for (source, wanted) in [
            (
                "project:\n  slug: x\n  uuid: nonsense\n",
                "config.yaml:3: project uuid \"nonsense\"",
            ),
            ("project:\n  uuid: 5\n", "config.yaml:2: project uuid \"5\""),
            ("project:\n  slug: [x\n", "not valid YAML"),
            ("a: 1\na: 2\nb: }\n", "not valid YAML"),
            (
                &format!("project:\n  slug: {}\n", "é".repeat(256)),
                "config.yaml:2: slug has more than 255 characters",
            ),
        ] {
            let message = with_config(source, &given()).unwrap_err().to_string();
            assert!(message.contains(wanted), "{source}: {message}");
        }
        let bad = ProjectOverride {
            uuid: Some("x".to_owned()),
            slug: None,
        };
        assert!(
            with_config("", &bad)
                .unwrap_err()
                .to_string()
                .starts_with("project.uuid: ")
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_identity_is_not_borrowed_through_a_link() {
        let temp = tempfile::tempdir().unwrap();
        for dir in ["a/.kittify", "b"] {
            std::fs::create_dir_all(temp.path().join(dir)).unwrap();
        }
        std::fs::write(
            temp.path().join("a").join(CONFIG),
            format!("project: {{uuid: {UUID}}}\n"),
        )
        .unwrap();
        std::os::unix::fs::symlink("../a/.kittify", temp.path().join("b/.kittify")).unwrap();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        assert!(matches!(
            identity(&[&b], &ProjectOverride::default()),
            Err(IdentityError::Unreadable { .. })
        ));
        assert_eq!(
            identity(&[&a, &b], &ProjectOverride::default())
                .unwrap()
                .project_uuid
                .as_deref(),
            Some(UUID)
        );
    }
}
