//! Counts changes by reader, so that an open page is told of its projects only. Pure.

use std::collections::HashMap;

use super::scope::Scope;

/// Numbers that rise with the changes since the start.
#[derive(Debug, Default)]
pub(in crate::serve) struct Changes {
    /// Changes of everything: the tables were made again.
    all: u64,
    /// By team, and by project of a team.
    of: HashMap<Scope, u64>,
}

impl Changes {
    /// Everything changed.
    pub(super) fn everything(&mut self) {
        self.all += 1;
    }

    /// A project of a team changed.
    pub(super) fn project(&mut self, team: i32, uuid: &str) {
        for project in [None, Some(uuid.to_owned())] {
            *self.of.entry(Scope { team, project }).or_default() += 1;
        }
    }

    /// The number of changes for a reader.
    pub(in crate::serve) fn seen_by(&self, scope: &Scope) -> u64 {
        self.all + self.of.get(scope).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_of_its_own_projects() {
        let scope = |team, project: Option<&str>| Scope {
            team,
            project: project.map(str::to_owned),
        };
        let readers = [
            scope(0, None),
            scope(0, Some("a")),
            scope(0, Some("b")),
            scope(1, None),
            scope(1, Some("a")),
        ];
        let mut changes = Changes::default();
        let numbers = |changes: &Changes| readers.each_ref().map(|reader| changes.seen_by(reader));
        changes.project(0, "a");
        assert_eq!(numbers(&changes), [1, 1, 0, 0, 0]);
        changes.project(1, "a");
        assert_eq!(numbers(&changes), [1, 1, 0, 1, 1]);
        changes.everything();
        assert_eq!(numbers(&changes), [2, 2, 1, 2, 2]);
    }
}
