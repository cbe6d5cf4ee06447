//! Reading every source, and what they come to.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::base::env::SECRET_PREFIX;
use crate::base::files::named;
use crate::base::{Env, Sha256};

use super::Error;
use super::check::{check, named_variables};
use super::file::{parse_value, read_layer};
use super::keys::{KEYS, Key, Kind};
use super::layers::{Entry, Layer, merge};
use super::loaded::{Loaded, RepositoryFile, settle_external_receiver, shown, urls};
use super::origin::{Origin, Problem};
use super::variables::{misspelt, one_value, read_layers};

/// A larger file is no configuration.
const LARGEST_FILE: u64 = 1 << 20;

/// Where to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The environment.
    pub(crate) env: &'a Env,
    /// The user's file; it need not exist.
    pub(crate) user_file: Option<&'a Path>,
    /// The repository's file; it need not exist unless `is_explicit`.
    pub(crate) repo_file: Option<&'a Path>,
    /// True when a person named the repository's file (`--config`).
    pub(crate) is_explicit: bool,
    /// The project's settings in the state directory; they need not exist.
    pub(crate) project_file: Option<&'a Path>,
    /// Values from the command line.
    pub(crate) flags: &'a [Flag<'a>],
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
    let mut layers = vec![defaults(&mut problems)];
    let mut repo_file = None;
    let files = [
        (inputs.user_file, Origin::UserFile as fn(PathBuf) -> Origin),
        (inputs.repo_file, Origin::RepositoryFile),
        (inputs.project_file, Origin::ProjectFile),
    ];
    for (path, origin) in files.into_iter().filter_map(|(path, origin)| Some((path?, origin))) {
        let origin = origin(path.to_owned());
        let must_exist = origin.is_repository() && inputs.is_explicit;
        if origin.is_repository() && !inputs.is_explicit && leads_away(path) {
            let what = "it is a link to a file elsewhere; put a file there, or name one with --config";
            return Err(Error::Unreadable(named(&std::io::Error::other(what), "cannot read configuration", path)));
        }
        let given = settings.filter(|_| matches!(origin, Origin::ProjectFile(_)));
        let read = given.map_or_else(|| read_file(path, must_exist), |text| Ok(Some(text.as_bytes().to_vec())));
        let Some(bytes) = read? else { continue };
        if origin.is_repository() {
            repo_file = Some(RepositoryFile { path: path.to_owned(), sha256: Sha256::of(&bytes) });
        }
        layers.push(file_layer(&bytes, origin, &mut problems));
    }
    for layer in read_layers(inputs.env, &mut problems) {
        problems.extend(layer.entries.iter().filter_map(|entry| misplaced(&layer.origin, entry)));
        layers.push(layer);
    }
    layers.extend(flag_layers(inputs.flags, &mut problems));
    let layers: Vec<_> = layers.into_iter().map(Layer::with_axes).collect();
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let (mut config, winners) = merge(&layers).map_err(|p| Error::Invalid(vec![p]))?;
    let mut values = shown(&layers, &winners);
    settle_external_receiver(&mut config, &mut values, &layers).map_err(|p| Error::Invalid(vec![p]))?;
    Ok(Loaded { config, values, urls: urls(&layers), warnings: misspelt(inputs.env), repo_file })
}

/// True for a link out of its directory to a file of another name. A message shows the line that it is about, so a clone
/// could have any file of its reader shown in a log.
fn leads_away(path: &Path) -> bool {
    if !std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
        return false;
    }
    let (Ok(target), Some(dir)) = (path.canonicalize(), path.parent().and_then(|dir| dir.canonicalize().ok())) else {
        return false;
    };
    !target.starts_with(dir) && target.file_name() != path.file_name()
}

fn read_file(path: &Path, must_exist: bool) -> Result<Option<Vec<u8>>, Error> {
    let unreadable = |e: std::io::Error| Error::Unreadable(named(&e, "cannot read configuration", path));
    // A file of a fixed name is looked at first: opening a pipe of that name would wait for a writer. One that a person
    // names may be a pipe.
    if !must_exist && std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return Err(unreadable(std::io::Error::other("not a regular file")));
    }
    let mut bytes = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) && !must_exist => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(unreadable(std::io::Error::other("larger than 1 MiB")));
    }
    Ok(Some(bytes))
}

/// The value of a key that nobody sets, as a person is shown it; `None` when it is then unset.
pub(crate) fn default_of(name: &str) -> Option<serde_json::Value> {
    let key = Key::named(name)?;
    Some(check(key.kind, &parse_value(key.default?)?).ok()?.shown)
}

fn defaults(problems: &mut Vec<Problem>) -> Layer {
    let mut entries = Vec::new();
    for key in KEYS {
        let Some(literal) = key.default else { continue };
        match parse_value(literal).ok_or_else(|| "not TOML".to_owned()).and_then(|v| check(key.kind, &v)) {
            Ok(checked) => entries.push(Entry { key, checked, place: None }),
            Err(e) => {
                let message = format!("`{}`: {e}", key.name);
                problems.push(Problem { origin: Origin::Default, place: None, excerpt: None, message });
            }
        }
    }
    Layer { origin: Origin::Default, entries }
}

fn file_layer(bytes: &[u8], origin: Origin, problems: &mut Vec<Problem>) -> Layer {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = "not UTF-8, which TOML must be".to_owned();
        problems.push(Problem { origin: origin.clone(), place: None, excerpt: None, message });
        return Layer { origin, entries: Vec::new() };
    };
    let layer = read_layer(text, origin, problems);
    problems.extend(layer.entries.iter().filter_map(|entry| misplaced(&layer.origin, entry)));
    if layer.origin.is_repository() {
        problems.extend(layer.entries.iter().filter_map(|entry| foreign_secret(&layer.origin, entry)));
    }
    layer
}

/// Where a token comes from is for a person's own files to say, and which program to run for the user's alone.
fn misplaced(origin: &Origin, entry: &Entry) -> Option<Problem> {
    let message = match (entry.key.kind, origin) {
        (Kind::OwnFile, Origin::RepositoryFile(_)) => "a repository's file must not say where a token is",
        (Kind::OwnCommand, Origin::UserFile(_)) => return None,
        (Kind::OwnCommand, _) => "only your user file may name a program to run",
        _ => return None,
    };
    let message = format!("`{}`: {message}; set it in your user file (`SK_SYNC_CONFIG`)", entry.key.name);
    Some(Problem { origin: origin.clone(), place: entry.place, excerpt: None, message })
}

/// A repository's file must not name another tool's secret.
fn foreign_secret(origin: &Origin, entry: &Entry) -> Option<Problem> {
    let variables = named_variables(entry.key.kind, &entry.checked.stored);
    let name = variables.into_iter().find(|v| !v.starts_with(SECRET_PREFIX))?;
    let message = format!(
        "`{}`: a repository file may name only variables that begin with {SECRET_PREFIX}, not `{name}`; \
         rename the variable, or set this key in your user file",
        entry.key.name
    );
    Some(Problem { origin: origin.clone(), place: entry.place, excerpt: None, message })
}

/// The preset first, so that no order of flags lets it override an axis.
fn flag_layers(flags: &[Flag<'_>], problems: &mut Vec<Problem>) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for flag in flags {
        let Some(key) = Key::named(flag.key) else { continue };
        match one_value(Origin::Flag(flag.name), key, flag.value) {
            Ok(layer) if key.name == "preset" => layers.insert(0, layer),
            Ok(layer) => layers.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Compression, Delivery, Retention};

    /// Loads from the text of files and from variables and flags.
    fn load_text(
        user: &str,
        repo: &str,
        project: &str,
        env: &[(&str, &str)],
        flags: &[Flag<'_>],
    ) -> Result<Loaded, Error> {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = temp.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (user, repo, project) = (write("u.toml", user), write("r.toml", repo), write("p.toml", project));
        let env = Env::of(env);
        load(&Inputs {
            env: &env,
            user_file: Some(&user),
            repo_file: Some(&repo),
            is_explicit: false,
            project_file: Some(&project),
            flags,
        })
    }

    fn repo(text: &str) -> Result<Loaded, Error> {
        load_text("", text, "", &[], &[])
    }

    #[test]
    fn later_layers_win_and_are_named() {
        let key = |n: u32| format!("[drain]\nmax_events = {n}\n");
        let flag = [Flag { key: "drain.max_events", value: "6", name: "--max-events" }];
        let env = [("SK_SYNC_DRAIN__MAX_EVENTS", "5")];
        for (loaded, n, origin) in [
            (load_text("", "", "", &[], &[]), 1000, "default"),
            (load_text(&key(2), "", "", &[], &[]), 2, "u.toml"),
            (load_text(&key(2), &key(3), "", &[], &[]), 3, "r.toml"),
            (load_text(&key(2), &key(3), &key(4), &[], &[]), 4, "p.toml"),
            (load_text(&key(2), &key(3), &key(4), &env, &[]), 5, "SK_SYNC_DRAIN__MAX_EVENTS"),
            (load_text(&key(2), &key(3), &key(4), &env, &flag), 6, "--max-events"),
        ] {
            let loaded = loaded.unwrap();
            assert_eq!(loaded.config.drain.max_events, n);
            assert!(
                loaded.values.iter().any(|v| v.key == "drain.max_events" && v.origin.to_string().ends_with(origin)),
                "{origin}"
            );
            assert_eq!(loaded.config.drain.max_rejections, 5, "other keys of the section keep their defaults");
        }
    }

    #[test]
    fn an_axis_overrides_the_presets_of_its_own_and_lower_layers_only() {
        use {Delivery as D, Retention as R};
        let stub = [("SK_SYNC_PRESET", "stub")];
        for (user, repo, env, expected) in [
            ("", "", &[][..], (R::On, D::None)),
            ("", "preset = 'opt_out'", &[], (R::Off, D::None)),
            ("", "preset = 'teamspace'\nretention = 'off'", &[], (R::Off, D::Teamspace)),
            ("preset = 'opt-out'", "delivery = 'external_receiver'", &[], (R::Off, D::ExternalReceiver)),
            ("retention = 'off'", "preset = 'teamspace'", &[], (R::On, D::Teamspace)),
            ("", "retention = 'off'\ndelivery = 'teamspace'", &stub, (R::On, D::Stub)),
        ] {
            let config = load_text(user, repo, "", env, &[]).unwrap().config;
            assert_eq!((config.retention, config.delivery), expected, "{user} | {repo}");
        }
    }

    #[test]
    fn addresses_are_kept_apart_and_shown_without_their_password() {
        let env = [("SK_SYNC_TEAMSPACE__SERVER_URL", "https://e")];
        let text = "[teamspace]\nserver_url = ' https://u:topsecret@r '\n";
        let loaded = load_text("[teamspace]\nserver_url = 'https://u'", text, "", &env, &[]).unwrap();
        let found: Vec<_> = loaded.urls.iter().map(|u| (u.key, u.value.as_str())).collect();
        let key = "teamspace.server_url";
        assert_eq!(found, [(key, "https://u"), (key, "https://u:topsecret@r"), (key, "https://e")]);
        assert!(loaded.urls[1].origin.is_repository());
        let shown = repo(text).unwrap().values.into_iter().find(|v| v.key == key).unwrap();
        assert_eq!(shown.value, "https://***@r");
    }

    #[test]
    fn values_list_every_key_in_order_and_no_secret() {
        let text = "[external_receiver]\nheaders = { X-A = { env = 'SK_SYNC_SECRET_A' } }\nsigning_secret = { env = 'SK_SYNC_SECRET_S' }\n[drain]\nmax_time = '5m'";
        let loaded = load_text("", text, "", &[("SK_SYNC_SECRET_A", "topsecret")], &[]).unwrap();
        assert!(loaded.values.iter().map(|v| v.key).eq(KEYS.iter().map(|k| k.name)));
        let json = serde_json::to_string(&loaded.values).unwrap();
        for part in [
            r#"{"key":"external_receiver.headers","value":{"X-A":{"env":"SK_SYNC_SECRET_A"}},"origin":"#,
            r#"{"key":"external_receiver.compression","value":"none","origin":"default"}"#,
            r#"{"key":"project.uuid","value":null,"origin":"default"}"#,
            r#"{"key":"delivery","value":"none","origin":"default"}"#,
            r#"{"key":"drain.max_time","value":"5m","origin":"#,
        ] {
            assert!(json.contains(part), "{part} in {json}");
        }
        assert!(!json.contains("topsecret"));
        assert_eq!(loaded.repo_file.unwrap().sha256, Sha256::of(text.as_bytes()));
    }

    #[test]
    fn headers_of_a_higher_layer_replace_those_of_a_lower_one() {
        let text = |name: &str| format!("[external_receiver.headers]\n{name} = {{ env = 'SK_SYNC_SECRET_{name}' }}");
        let config = load_text(&text("A"), &text("B"), "", &[], &[]).unwrap().config;
        assert_eq!(config.external_receiver.headers.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(), ["B"]);
    }

    #[test]
    fn a_repository_names_only_secrets_made_for_it() {
        let text =
            "[external_receiver]\nsigning_secret = { env = 'AWS_SECRET' }\nheaders = { A = { env = 'GITHUB_TOKEN' } }";
        let error = repo(text).unwrap_err().to_string();
        assert!(error.contains("r.toml:2:1: ") && error.contains("not `AWS_SECRET`"), "{error}");
        assert!(error.contains("r.toml:3:1: ") && error.contains("not `GITHUB_TOKEN`"), "{error}");
        assert!(load_text(text, "", "", &[], &[]).is_ok(), "a person's own file may");
    }

    #[test]
    fn problems_of_all_sources_are_told_together() {
        let error = load_text("x = 1", "preset = 'cloud'", "", &[("SK_SYNC_BODIES__PARALLEL", "0")], &[]).unwrap_err();
        let text = error.to_string();
        for part in
            ["u.toml:1:1: unknown key `x`", "r.toml:1:1: `preset`", "SK_SYNC_BODIES__PARALLEL: `bodies.parallel`"]
        {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn cloudevents_are_acknowledged_by_status_only() {
        let text = "[external_receiver]\nformat = 'cloudevents'\n";
        let error = repo(text).unwrap_err().to_string();
        assert!(
            error.contains("r.toml:2:1: ") && error.contains("needs `external_receiver.ack` = \"status\""),
            "{error}"
        );
        let settled =
            |more: &str| repo(&format!("{text}ack = 'status'\n{more}")).unwrap().config.external_receiver.compression;
        assert_eq!((settled(""), settled("compression = 'gzip'")), (Compression::None, Compression::Gzip));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_elsewhere_is_not_read() {
        let temp = tempfile::tempdir().unwrap();
        let (secret, dir) = (temp.path().join("secret"), temp.path().join("clone"));
        std::fs::create_dir_all(dir.join("shared")).unwrap();
        std::fs::write(&secret, "top-secret\n").unwrap();
        for shared in [dir.join("shared/common.toml"), temp.path().join("event-sync.toml")] {
            std::fs::write(shared, "preset = 'stub'\n").unwrap();
        }
        let link = dir.join("event-sync.toml");
        let env = Env::of(&[]);
        let through = |target: &str, is_explicit| {
            let _absent = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(target, &link).unwrap();
            let repo_file = Some(link.as_path());
            load(&Inputs { env: &env, user_file: None, repo_file, is_explicit, project_file: None, flags: &[] })
        };
        let error = through("../secret", false).unwrap_err().to_string();
        assert!(error.contains("a link to a file elsewhere") && !error.contains("top-secret"), "{error}");
        assert!(through("../secret", true).is_err(), "read where a person names it, and not TOML");
        for target in ["shared/common.toml", "../event-sync.toml"] {
            assert!(through(target, false).unwrap().repo_file.is_some(), "{target}");
        }
    }

    #[test]
    fn only_a_file_that_was_asked_for_must_exist() {
        let missing = Path::new("/nonexistent/event-sync.toml");
        let env = Env::of(&[]);
        let at = |is_explicit| {
            let some = Some(missing);
            load(&Inputs { env: &env, user_file: some, repo_file: some, is_explicit, project_file: some, flags: &[] })
        };
        assert!(at(false).unwrap().repo_file.is_none());
        let error = at(true).unwrap_err().to_string();
        assert!(error.starts_with("cannot read configuration /nonexistent/event-sync.toml: "), "{error}");
    }
}
