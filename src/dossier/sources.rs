//! All sources of a project, in order, and the directories that must exist.

use super::globs::Ignore;
use super::layouts::{TABLE, is_never_read};
use super::source::{KITTY, Place, Source, built_in, kitty, own};
use crate::config::{ArtifactSource, Artifacts};

/// A configured requirement: directories of which one must exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Required {
    /// The configuration's text.
    pub(super) what: String,
    /// Directories from the top of the project.
    pub(super) places: Vec<String>,
}

/// All sources of a project, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    all: Vec<Source>,
    required: Vec<Required>,
    exclude: Ignore,
}

impl Sources {
    /// The sources of `[artifacts]`: the layouts in order, then the configured sources. `is_set`:
    /// whether a key of that section is set; configured places must exist. The error names the
    /// pattern or glob that cannot be read.
    pub(crate) fn of(artifacts: &Artifacts, is_set: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let mut all = Self {
            exclude: Ignore::of_trees(&artifacts.exclude)?,
            ..Self::default()
        };
        let settings = |name: &str| {
            artifacts
                .source
                .iter()
                .find(|s| s.layout.as_deref() == Some(name))
        };
        let nothing = ArtifactSource::default();
        for (at, name) in artifacts.layouts.iter().enumerate() {
            if !artifacts.layouts[..at].contains(name) {
                all.add_layout(artifacts, name, settings(name).unwrap_or(&nothing))?;
                if name == KITTY && is_set("artifacts.root") {
                    all.require(
                        format!("artifacts.root = {:?}", artifacts.root),
                        all.all.len() - 1,
                    );
                } else if is_set("artifacts.layouts") {
                    all.require_layout(name);
                }
            }
        }
        for source in &artifacts.source {
            match (&source.layout, &source.name) {
                (Some(layout), _) if !artifacts.layouts.contains(layout) => {
                    all.add_layout(artifacts, layout, source)?;
                    all.require_layout(layout);
                }
                (None, Some(name)) => {
                    let prefix = all.prefix_of(name, source);
                    all.all.push(own(artifacts, name, prefix, source)?);
                    all.require(format!("the source {name:?}"), all.all.len() - 1);
                }
                _ => {}
            }
        }
        let mut beginnings = all.all.iter().flat_map(|source| source.place.beginnings());
        match beginnings.find(|place| is_never_read(place)) {
            Some(place) => Err(format!(
                "{place} is never read: tools keep secrets or internal files there"
            )),
            None => Ok(all),
        }
    }

    /// Every directory that is searched, none inside another; `None` if that is the whole project.
    pub(crate) fn places(&self) -> Option<Vec<String>> {
        let mut places: Vec<String> = self
            .all
            .iter()
            .flat_map(|source| source.place.parents(true))
            .collect();
        places.sort_unstable();
        places.dedup();
        let all = places.clone();
        let is_inside = |place: &String, other: &String| {
            place
                .strip_prefix(other.as_str())
                .is_some_and(|p| p.starts_with('/'))
        };
        places.retain(|place| !all.iter().any(|other| is_inside(place, other)));
        (!places.iter().any(String::is_empty)).then_some(places)
    }

    /// Paths from the top of the project that are not indexed.
    pub(super) fn exclude(&self) -> &Ignore {
        &self.exclude
    }

    /// The sources, in order.
    pub(crate) fn all(&self) -> &[Source] {
        &self.all
    }

    /// True if a source searches below `place`, a directory from the top of the project.
    pub(crate) fn looks_in(&self, place: &str) -> bool {
        let is_below = |parent: &String| {
            parent
                .strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.all
            .iter()
            .any(|source| source.place.parents(true).iter().any(is_below))
    }

    /// True when `kitty` is the only layout.
    pub(crate) fn is_kitty_alone(&self) -> bool {
        self.all
            .iter()
            .all(|source| matches!(source.place, Place::Root(_)))
    }

    /// True if the project at `top` has one of the searched directories.
    pub(crate) fn has_a_place(&self, top: &std::path::Path) -> bool {
        self.all
            .iter()
            .flat_map(|source| source.place.parents(true))
            .any(|place| top.join(place).is_dir())
    }

    /// Directories that must exist.
    pub(super) fn required(&self) -> &[Required] {
        &self.required
    }

    fn require(&mut self, what: String, source: usize) {
        let places = self
            .all
            .get(source)
            .map(|source| source.place.parents(false))
            .unwrap_or_default();
        self.required.push(Required { what, places });
    }

    /// Any directory of a layout is enough: not every tool creates all of them, and git stores no
    /// empty directory.
    fn require_layout(&mut self, name: &str) {
        let places = self
            .all
            .iter()
            .filter(|s| s.layout == name)
            .flat_map(|s| s.place.parents(true))
            .collect();
        self.required.push(Required {
            what: format!("the layout {name:?}"),
            places,
        });
    }

    /// The directory of `kitty` missions, if that layout is configured, with the number of its
    /// source.
    pub(crate) fn root(&self) -> Option<(usize, &str)> {
        self.all
            .iter()
            .enumerate()
            .find_map(|(at, source)| match &source.place {
                Place::Root(root) => Some((at, root.as_str())),
                _ => None,
            })
    }

    /// The names of layouts and configured sources, in order, each once.
    pub(crate) fn layouts(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for source in &self.all {
            if !names.contains(&source.layout.as_str()) {
                names.push(&source.layout);
            }
        }
        names
    }

    /// The first layout or name has no prefix, each further one its name: so that a slug never
    /// depends on which directories exist.
    fn prefix_of(&self, name: &str, settings: &ArtifactSource) -> String {
        match (&settings.prefix, self.layouts().first()) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(first)) if *first != name => format!("{name}."),
            (None, _) => String::new(),
        }
    }

    fn add_layout(
        &mut self,
        artifacts: &Artifacts,
        name: &str,
        settings: &ArtifactSource,
    ) -> Result<(), String> {
        let Some(layout) = TABLE.iter().find(|layout| layout.name == name) else {
            return Err(format!("there is no layout {name}"));
        };
        let prefix = self.prefix_of(name, settings);
        if layout.name == KITTY {
            self.all.push(kitty(artifacts, prefix.clone(), settings)?);
        }
        for source in layout.sources {
            self.all
                .push(built_in(artifacts, layout, source, &prefix, settings)?);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
