//! Sources: the configured places of units and documents, with the settings of each.

use super::globs::Ignore;
use super::layouts::{BuiltIn, Layout};
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
    pub(super) fn beginnings(&self) -> Vec<String> {
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
    pub(super) fn parents(&self, with_archive: bool) -> Vec<String> {
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

pub(super) fn kitty(
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

pub(super) fn built_in(
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

pub(super) fn own(
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
