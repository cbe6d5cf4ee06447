//! Lists the places of all projects in the state directory.

use std::path::Path;

use super::{Error, Home, Place};
use crate::base::RepositoryId;

/// An existing place.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The project, from the name of its directory.
    pub(crate) project_uuid: String,
    /// The repository, from the name of its directory.
    pub(crate) repository: RepositoryId,
    /// Its files.
    pub(crate) place: Place,
    /// Why its content is not read: it contains an unexpected entry.
    pub(crate) refused: Option<Error>,
}

impl Home {
    /// Every place of a project in a repository, ordered by project and repository. Directories
    /// with other names are ignored, and links are not followed.
    pub(crate) fn places(&self) -> Vec<Listed> {
        let mut found = Vec::new();
        for project_uuid in directories(&self.projects()) {
            for name in directories(&self.projects().join(&project_uuid)) {
                let Some(repository) = RepositoryId::of_directory(&name) else {
                    continue;
                };
                let Ok(place) = self.project(&project_uuid, &repository) else {
                    continue;
                };
                let refused = place.refuse_planted().err();
                found.push(Listed {
                    project_uuid: project_uuid.clone(),
                    repository,
                    place,
                    refused,
                });
            }
        }
        found.sort_by(|a, b| {
            (&a.project_uuid, &a.repository).cmp(&(&b.project_uuid, &b.repository))
        });
        found
    }
}

/// The names of the directories in `dir`; empty if it cannot be listed.
fn directories(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_with_the_right_names_are_places() {
        let temp = tempfile::tempdir().unwrap();
        let home = Home {
            state: temp.path().to_owned(),
            user_file: None,
            legacy: None,
        };
        let (uuid, id) = ("8a4a7da6-a97c-4bb4-893a-b31664abfee4", "0".repeat(32));
        let named = format!("name-{id}");
        for dir in [
            format!("{uuid}/{id}"),
            format!("{uuid}/{named}"),
            format!("{uuid}/x"),
            format!("x/{id}"),
        ] {
            std::fs::create_dir_all(home.projects().join(dir)).unwrap();
        }
        std::fs::write(home.projects().join(uuid).join("1".repeat(32)), "").unwrap();
        let ids: Vec<_> = home
            .places()
            .iter()
            .map(|listed| listed.repository.as_str().to_owned())
            .collect();
        assert_eq!(ids, [id, named]);
        assert_eq!(
            Home {
                state: temp.path().join("absent"),
                ..home
            }
            .places()
            .len(),
            0
        );
    }
}
