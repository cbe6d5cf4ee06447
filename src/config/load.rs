//! Reads every source and combines them.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::base::env::SECRET_PREFIX;
use crate::base::files::named;
use crate::base::{Env, Sha256};

use super::Error;
use super::check::{check, named_variables};
use super::file::read_layer;
use super::key::Kind;
use super::keys::{EventSyncConfig, KEYS, key_named};
use super::layer::{Entry, Layer, united};
use super::layers::merge;
use super::loaded::{
    Loaded, RepositoryFile, Setting, Waiting, settle_external_receiver, shown, urls,
};
use super::origin::{Origin, Problem};
use super::toml_value::parse_value;
use super::trust::{Arranged, Stack};
use super::variables::{misspelt, one_value, read_layers};

/// Largest configuration file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// Input of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The environment.
    pub(crate) env: &'a Env,
    /// The user's file; it need not exist.
    pub(crate) user_file: Option<&'a Path>,
    /// The repository's file; it need not exist unless `is_explicit`.
    pub(crate) repo_file: Option<&'a Path>,
    /// True if the command line names the repository's file (`--config`).
    pub(crate) is_explicit: bool,
    /// The project's settings in the state directory; they need not exist.
    pub(crate) project_file: Option<&'a Path>,
    /// Values from the command line.
    pub(crate) flags: &'a [Flag<'a>],
    /// The approved versions of the repository's file.
    pub(crate) pins: Pins<'a>,
}

/// The versions of a repository's file that a user allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pins<'a> {
    /// Versions with these digests, in hex; and the settings that narrowed what is sent when the
    /// file was last allowed.
    These(&'a [String], &'a BTreeMap<String, serde_json::Value>),
    /// Any version: allowed by the command line for this run.
    Any,
}

impl Pins<'_> {
    fn hold(self, sha256: &Sha256) -> bool {
        match self {
            Self::These(digests, _) => digests.contains(&sha256.to_string()),
            Self::Any => true,
        }
    }
}

/// A flag that sets a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag<'a> {
    /// The key it sets.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: &'a str,
    /// Its name with dashes.
    pub(crate) name: &'static str,
}

/// Reads all sources. Fails with every problem of every source at once.
pub(crate) fn load(inputs: &Inputs<'_>) -> Result<Loaded, Error> {
    load_with(inputs, None)
}

/// The same, as if the project's settings were `settings`.
pub(crate) fn load_with(inputs: &Inputs<'_>, settings: Option<&str>) -> Result<Loaded, Error> {
    let mut problems = Vec::new();
    let defaults = defaults(&mut problems);
    let mut stack = Stack {
        defaults,
        user: None,
        repository: None,
        above: Vec::new(),
        kept_back: Vec::new(),
    };
    let mut digest = None;
    let files = [
        (inputs.user_file, Origin::UserFile as fn(PathBuf) -> Origin),
        (inputs.repo_file, Origin::RepositoryFile),
        (inputs.project_file, Origin::ProjectFile),
    ];
    for (path, origin) in files
        .into_iter()
        .filter_map(|(path, origin)| Some((path?, origin)))
    {
        let origin = origin(path.to_owned());
        let must_exist = origin.is_repository() && inputs.is_explicit;
        if origin.is_repository() && !inputs.is_explicit && leads_away(path) {
            let what =
                "it is a link to a file elsewhere; put a file there, or name one with --config";
            return Err(Error::Unreadable(named(
                &std::io::Error::other(what),
                "cannot read configuration",
                path,
            )));
        }
        let given = settings.filter(|_| matches!(origin, Origin::ProjectFile(_)));
        let read = given.map_or_else(
            || read_file(path, must_exist),
            |text| Ok(Some(text.as_bytes().to_vec())),
        );
        let Some(bytes) = read? else { continue };
        let layer = file_layer(&bytes, origin, &mut problems);
        match layer.origin {
            Origin::UserFile(_) => stack.user = Some(layer),
            Origin::RepositoryFile(_) => {
                digest = Some((path.to_owned(), Sha256::of(&bytes)));
                stack.repository = Some(layer);
            }
            _ => stack.above.push(layer),
        }
    }
    for layer in read_layers(inputs.env, &mut problems) {
        problems.extend(
            layer
                .entries
                .iter()
                .filter_map(|entry| misplaced(&layer.origin, entry)),
        );
        stack.above.push(layer);
    }
    stack.above.extend(flag_layers(inputs.flags, &mut problems));
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    if let Pins::These(_, kept_back) = inputs.pins {
        stack.keep_back(kept_back);
    }
    let repo_file = digest.map(|(path, sha256)| RepositoryFile {
        path,
        sha256,
        asks: stack.asks(),
        narrows: stack.narrows(),
    });
    weigh(&stack, repo_file, inputs).map_err(|problem| Error::Invalid(vec![problem]))
}

/// Combines the sources: with the whole repository's file if it was allowed, else with the part
/// that needs no consent.
fn weigh(
    stack: &Stack,
    repo_file: Option<RepositoryFile>,
    inputs: &Inputs<'_>,
) -> Result<Loaded, Problem> {
    let is_agreed = repo_file
        .as_ref()
        .is_some_and(|file| !file.asks.is_empty() && inputs.pins.hold(&file.sha256));
    let Arranged { layers, waiting } = if is_agreed {
        Arranged {
            layers: stack.agreed(),
            waiting: Vec::new(),
        }
    } else {
        stack.guarded()
    };
    let layers = united(layers);
    let (config, values) = settled(&layers)?;
    let waiting = if waiting.is_empty() {
        None
    } else {
        let layers = united(stack.agreed());
        Some(Waiting {
            keys: waiting,
            config: settled(&layers)?.0,
            urls: urls(&layers),
        })
    };
    let mut warnings = misspelt(inputs.env);
    if stack.repository.is_none() && !stack.kept_back.is_empty() {
        let keys: Vec<_> = stack.kept_back.iter().map(|entry| entry.key.name).collect();
        let what =
            "the repository's file is gone; what it kept back when you agreed to send still counts";
        warnings.push(format!(
            "{what}: {}; to change that: sk-sync allow ORIGIN",
            keys.join(", ")
        ));
    }
    Ok(Loaded {
        config,
        values,
        urls: urls(&layers),
        warnings,
        repo_file,
        waiting,
    })
}

fn settled(layers: &[Layer]) -> Result<(EventSyncConfig, Vec<Setting>), Problem> {
    let (mut config, winners) = merge(layers)?;
    let mut values = shown(layers, &winners);
    settle_external_receiver(&mut config, &mut values, layers)?;
    Ok((config, values))
}

/// True for a link out of its directory to a file with another name. A message shows the line with
/// a problem, so such a link could expose any file of the user in a log.
fn leads_away(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        return false;
    }
    let (Ok(target), Some(dir)) = (
        path.canonicalize(),
        path.parent().and_then(|dir| dir.canonicalize().ok()),
    ) else {
        return false;
    };
    !target.starts_with(dir) && target.file_name() != path.file_name()
}

fn read_file(path: &Path, must_exist: bool) -> Result<Option<Vec<u8>>, Error> {
    let unreadable =
        |e: std::io::Error| Error::Unreadable(named(&e, "cannot read configuration", path));
    // A file with a fixed name is checked first: opening a pipe with that name would wait for a
    // writer. A file named by the user may be a pipe.
    if !must_exist && std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return Err(unreadable(std::io::Error::other("not a regular file")));
    }
    let mut bytes = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file
            .take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?,
        Err(e)
            if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                && !must_exist =>
        {
            return Ok(None);
        }
        Err(e) => return Err(unreadable(e)),
    };
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(unreadable(std::io::Error::other("larger than 1 MiB")));
    }
    Ok(Some(bytes))
}

fn defaults(problems: &mut Vec<Problem>) -> Layer {
    let mut entries = Vec::new();
    for key in KEYS {
        let Some(literal) = key.default else { continue };
        match parse_value(literal)
            .ok_or_else(|| "not TOML".to_owned())
            .and_then(|v| check(key.kind, &v))
        {
            Ok(checked) => entries.push(Entry {
                key,
                checked,
                place: None,
            }),
            Err(e) => {
                let message = format!("`{}`: {e}", key.name);
                problems.push(Problem::of(Origin::Default, message));
            }
        }
    }
    Layer {
        origin: Origin::Default,
        entries,
    }
}

fn file_layer(bytes: &[u8], origin: Origin, problems: &mut Vec<Problem>) -> Layer {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = "not UTF-8, which TOML must be".to_owned();
        problems.push(Problem::of(origin.clone(), message));
        return Layer {
            origin,
            entries: Vec::new(),
        };
    };
    let layer = read_layer(text, origin, problems);
    problems.extend(
        layer
            .entries
            .iter()
            .filter_map(|entry| misplaced(&layer.origin, entry)),
    );
    if layer.origin.is_repository() {
        problems.extend(
            layer
                .entries
                .iter()
                .filter_map(|entry| foreign_secret(&layer.origin, entry)),
        );
    }
    layer
}

/// The source of a token may be set only in the user's files, and a command only in the user's own
/// file.
fn misplaced(origin: &Origin, entry: &Entry) -> Option<Problem> {
    let message = match (entry.key.kind, origin) {
        (Kind::OwnFile, Origin::RepositoryFile(_)) => {
            "a repository's file must not say where a token is"
        }
        (Kind::OwnCommand | Kind::UserFile | Kind::OwnProxy, Origin::UserFile(_)) => return None,
        (Kind::UserFile | Kind::OwnProxy, _) => {
            "only your user file may say how the network is reached"
        }
        (Kind::OwnCommand, _) => "only your user file may name a program to run",
        _ => return None,
    };
    let message = format!(
        "`{}`: {message}; set it in your user file (`SK_SYNC_CONFIG`)",
        entry.key.name
    );
    Some(Problem {
        place: entry.place,
        ..Problem::of(origin.clone(), message)
    })
}

/// Rejects a reference in a repository's file to a secret of another tool.
fn foreign_secret(origin: &Origin, entry: &Entry) -> Option<Problem> {
    let variables = named_variables(entry.key.kind, &entry.checked.stored);
    let name = variables
        .into_iter()
        .find(|v| !v.starts_with(SECRET_PREFIX))?;
    let message = format!(
        "`{}`: a repository file may name only variables that begin with {SECRET_PREFIX}, not `{name}`; \
         rename the variable, or set this key in your user file",
        entry.key.name
    );
    Some(Problem {
        place: entry.place,
        ..Problem::of(origin.clone(), message)
    })
}

/// The preset first, so that an axis flag overrides it in any order of flags.
fn flag_layers(flags: &[Flag<'_>], problems: &mut Vec<Problem>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for flag in flags {
        let Some(key) = key_named(flag.key) else {
            continue;
        };
        match one_value(Origin::Flag(flag.name), key, flag.value) {
            Ok(layer) if key.name == "preset" => layers.insert(0, layer),
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    layers
}
