//! Sources: the configured places of units and documents, with the settings of each.

use super::globs::Ignore;
use super::layouts::{BuiltIn, Layout, TABLE, is_never_read};
use super::manifest::Manifest;
use crate::base::pattern::PathPattern;
use crate::config::{ArtifactSource, Artifacts};

/// The layout whose directory is `artifacts.root`.
pub(super) const KITTY: &str = "kitty";

/// One source.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The layout, or the name of a source that is not built in.
    pub(crate) layout: String,
    pub(super) place: Place,
    /// Prefix of its slugs.
    pub(super) prefix: String,
    /// The slug, with the variables of the pattern; a fixed text for documents.
    pub(super) slug: String,
    /// `mission_type` of its units; a mission of `kitty` states its own.
    pub(super) mission_type: String,
    /// Manifest of its units; missions of `kitty` have that of their type.
    pub(super) manifest: Option<&'static Manifest>,
    pub(super) ignore: Ignore,
    /// Files whose text is sent: globs on the path inside a unit.
    pub(crate) surfaces: Vec<String>,
    /// Suffixes that are sent.
    pub(crate) formats: Vec<String>,
}

/// Where a source looks.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Every directory in this one is a mission, described by its `meta.json`.
    Root(String),
    /// Directories that match a pattern.
    Units {
        live: Vec<PathPattern>,
        archived: Vec<PathPattern>,
    },
    /// Files that match a pattern and form one unit together.
    Documents(Vec<PathPattern>),
}

impl Place {
    /// The literal beginning of each pattern, up to the first variable or glob.
    fn beginnings(&self) -> Vec<String> {
        match self {
            Self::Root(root) => vec![
                root.trim_start_matches("./")
                    .trim_end_matches('/')
                    .to_owned(),
            ],
            Self::Documents(patterns) => patterns
                .iter()
                .map(PathPattern::literal_beginning)
                .collect(),
            Self::Units { live, archived } => live
                .iter()
                .chain(archived)
                .map(PathPattern::literal_beginning)
                .collect(),
        }
    }

    /// The directories that contain all its entries; those of archived units only `with_archive`.
    fn parents(&self, with_archive: bool) -> Vec<String> {
        match self {
            Self::Root(root) => vec![root.clone()],
            Self::Documents(patterns) => patterns.iter().map(PathPattern::literal_parent).collect(),
            Self::Units { live, archived } => {
                let archived = archived.iter().filter(|_| with_archive);
                live.iter()
                    .chain(archived)
                    .map(PathPattern::literal_parent)
                    .collect()
            }
        }
    }
}

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

fn kitty(
    artifacts: &Artifacts,
    prefix: String,
    settings: &ArtifactSource,
) -> Result<Source, String> {
    Ok(Source {
        layout: KITTY.to_owned(),
        place: Place::Root(artifacts.root.clone()),
        prefix,
        slug: "{name}".to_owned(),
        mission_type: String::new(),
        manifest: None,
        ignore: Ignore::of(settings.ignore.as_deref().unwrap_or_default())?,
        surfaces: settings
            .surfaces
            .clone()
            .unwrap_or_else(|| artifacts.surfaces.clone()),
        formats: settings
            .formats
            .clone()
            .unwrap_or_else(|| artifacts.formats.clone()),
    })
}

fn built_in(
    artifacts: &Artifacts,
    layout: &Layout,
    source: &BuiltIn,
    prefix: &str,
    settings: &ArtifactSource,
) -> Result<Source, String> {
    let is_list = !source.documents.is_empty();
    let place = if is_list {
        Place::Documents(parsed(
            source.documents.iter().copied(),
            PathPattern::of_files,
        )?)
    } else {
        Place::Units {
            live: parsed(source.units.iter().copied(), PathPattern::of_directories)?,
            archived: parsed(source.archived.iter().copied(), PathPattern::of_directories)?,
        }
    };
    let usual = || {
        source
            .surfaces
            .iter()
            .map(|glob| (*glob).to_owned())
            .collect()
    };
    Ok(Source {
        layout: layout.name.to_owned(),
        place,
        prefix: if is_list {
            String::new()
        } else {
            prefix.to_owned()
        },
        slug: source.slug.to_owned(),
        mission_type: source.mission_type.to_owned(),
        manifest: source.manifest,
        ignore: ignore(settings)?,
        surfaces: if is_list {
            every_file()
        } else {
            settings.surfaces.clone().unwrap_or_else(usual)
        },
        formats: settings
            .formats
            .clone()
            .unwrap_or_else(|| artifacts.formats.clone()),
    })
}

fn own(
    artifacts: &Artifacts,
    name: &str,
    prefix: String,
    source: &ArtifactSource,
) -> Result<Source, String> {
    let is_list = !source.documents.is_empty();
    let texts = |list: &'static str| match list {
        "units" => source.units.iter(),
        "archived" => source.archived.iter(),
        _ => source.documents.iter(),
    };
    let place = if is_list {
        Place::Documents(parsed(
            texts("documents").map(String::as_str),
            PathPattern::of_files,
        )?)
    } else {
        Place::Units {
            live: parsed(
                texts("units").map(String::as_str),
                PathPattern::of_directories,
            )?,
            archived: parsed(
                texts("archived").map(String::as_str),
                PathPattern::of_directories,
            )?,
        }
    };
    let usual = || vec!["**/*.md".to_owned()];
    Ok(Source {
        layout: name.to_owned(),
        place,
        prefix: if is_list { String::new() } else { prefix },
        slug: source.slug.clone().unwrap_or_else(|| "{name}".to_owned()),
        mission_type: source
            .mission_type
            .clone()
            .unwrap_or_else(|| name.to_owned()),
        manifest: None,
        ignore: ignore(source)?,
        surfaces: if is_list {
            every_file()
        } else {
            source.surfaces.clone().unwrap_or_else(usual)
        },
        formats: source
            .formats
            .clone()
            .unwrap_or_else(|| artifacts.formats.clone()),
    })
}

/// The surface of a list of documents: only wanted files are on the list.
fn every_file() -> Vec<String> {
    vec!["**".to_owned()]
}

fn parsed<'a>(
    texts: impl Iterator<Item = &'a str>,
    parse: fn(&str) -> Result<PathPattern, String>,
) -> Result<Vec<PathPattern>, String> {
    texts.map(parse).collect()
}

fn ignore(settings: &ArtifactSource) -> Result<Ignore, String> {
    settings
        .ignore
        .as_ref()
        .map_or_else(Ignore::usual, |globs| Ignore::of(globs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EventSyncConfig;

    fn sources(layouts: &[&str], own: Vec<ArtifactSource>) -> Sources {
        let layouts = layouts.iter().map(|layout| (*layout).to_owned()).collect();
        Sources::of(
            &Artifacts {
                layouts,
                source: own,
                ..EventSyncConfig::default().artifacts
            },
            &|_| true,
        )
        .unwrap()
    }

    fn named(name: &str) -> ArtifactSource {
        ArtifactSource {
            name: Some(name.to_owned()),
            units: vec![format!("{name}/{{name}}")],
            ..ArtifactSource::default()
        }
    }

    #[test]
    fn the_first_layout_has_no_prefix_and_each_further_one_its_name() {
        let all = sources(
            &["openspec", "kiro", "kiro"],
            vec![named("tracks"), named("tracks")],
        );
        let told: Vec<_> = all
            .all()
            .iter()
            .map(|s| (s.layout.as_str(), s.prefix.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("openspec", ""),
                ("openspec", ""),
                ("kiro", "kiro."),
                ("kiro", ""),
                ("tracks", "tracks."),
                ("tracks", "tracks.")
            ]
        );
        assert_eq!(all.layouts(), ["openspec", "kiro", "tracks"]);
        assert_eq!(sources(&[], vec![named("only")]).all()[0].prefix, "");
    }

    #[test]
    fn settings_change_a_layout_where_it_stands() {
        let settings = |layout: &str| ArtifactSource {
            layout: Some(layout.to_owned()),
            prefix: Some("p.".to_owned()),
            surfaces: Some(vec!["spec.md".to_owned()]),
            ..ArtifactSource::default()
        };
        let all = sources(&["kiro", "kitty"], vec![settings("kiro"), settings("gsd")]);
        assert_eq!(all.layouts(), ["kiro", "kitty", "gsd"]);
        assert_eq!(
            (
                all.all()[0].prefix.as_str(),
                all.all()[0].surfaces.as_slice()
            ),
            ("p.", &["spec.md".to_owned()][..])
        );
        assert_eq!(
            all.all()[1].surfaces,
            ["**"],
            "a list of documents takes what it lists"
        );
        assert_eq!(all.root(), Some((2, "kitty-specs")));
        assert_eq!(all.all()[2].prefix, "kitty.");
    }
}
