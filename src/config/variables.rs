//! The layers of the environment: `SK_SYNC_PRESET` and names with `__`, one layer each.

use crate::base::Env;
use crate::base::env::{ALL, KEY_PREFIX, PRESET, SECRET_PREFIX, SWITCH};

use super::check::check_text;
use super::key::{Key, Kind};
use super::keys::{self, KEYS};
use super::layer::{Entry, Layer};
use super::origin::{Origin, Problem};

/// The layers of the environment, the preset first, so that an axis overrides it in any order of
/// names.
pub(super) fn read_layers(env: &Env, problems: &mut Vec<Problem>) -> Vec<Layer> {
    let preset = env
        .text(PRESET)
        .map(|value| (PRESET, keys::key_named("preset"), value));
    let named = env
        .pairs()
        .filter(|(name, value)| is_key_name(name) && !value.is_empty());
    let keyed = named.map(|(name, value)| {
        (
            name,
            KEYS.iter()
                .find(|k| k.variable().is_some_and(|v| v.eq_ignore_ascii_case(name))),
            value,
        )
    });
    preset
        .into_iter()
        .chain(keyed)
        .filter_map(|(name, key, value)| layer(name, key, value, problems))
        .collect()
}

/// A layer of one value from a variable or flag.
pub(super) fn one_value(origin: Origin, key: &'static Key, value: &str) -> Result<Layer, Problem> {
    match check_text(key.kind, value) {
        Ok(checked) => Ok(Layer {
            origin,
            entries: vec![Entry {
                key,
                checked,
                place: None,
            }],
        }),
        Err(message) => {
            let may_show = !matches!(key.kind, Kind::Headers | Kind::Secret | Kind::Url);
            let excerpt = may_show.then(|| value.to_owned());
            Err(Problem {
                origin,
                place: None,
                excerpt,
                message: format!("`{}`: {message}", key.name),
            })
        }
    }
}

fn layer(
    name: &str,
    key: Option<&'static Key>,
    value: &str,
    problems: &mut Vec<Problem>,
) -> Option<Layer> {
    let origin = Origin::Variable(name.to_owned());
    let read = match key {
        Some(key) => one_value(origin, key, value),
        None => Err(Problem::of(origin, unknown(name))),
    };
    read.map_err(|p| problems.push(p)).ok()
}

fn is_key_name(name: &str) -> bool {
    name.starts_with(KEY_PREFIX) && name.contains("__") && !name.starts_with(SECRET_PREFIX)
}

fn unknown(name: &str) -> String {
    let dotted = name
        .strip_prefix(KEY_PREFIX)
        .unwrap_or(name)
        .to_ascii_lowercase()
        .replacen("__", ".", 1);
    let hint = keys::hint(&dotted);
    let hint = KEYS
        .iter()
        .find(|k| hint.contains(&format!("`{}`", k.name)))
        .and_then(Key::variable)
        .map(|v| format!("; did you mean {v}?"))
        .unwrap_or_default();
    format!("unknown configuration key{hint}")
}

/// A warning for every `SK_SYNC_…` variable with a name similar to one of ours.
pub(super) fn misspelt(env: &Env) -> Vec<String> {
    let known = || ALL.iter().filter_map(|v| v.name.strip_prefix(KEY_PREFIX));
    let tails = env
        .pairs()
        .filter_map(|(name, _)| name.strip_prefix(KEY_PREFIX));
    let strange = tails
        .filter(|t| !t.contains("__") && !t.starts_with("SECRET_") && !known().any(|k| k == *t));
    let near = strange.filter_map(|tail| Some((tail, crate::base::text::nearest(tail, known())?)));
    let near = near.map(|(tail, k)| {
        format!("{KEY_PREFIX}{tail} is not an sk-sync variable; did you mean {KEY_PREFIX}{k}?")
    });
    let switch = env.unknown_switch().map(|value| {
        let value = crate::base::text::printable(value);
        format!("{SWITCH}={value} is neither on nor off and has no effect; to switch sk-sync off: {SWITCH}=0")
    });
    switch.into_iter().chain(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Vec<(String, &'static str)>, Vec<String>) {
        let mut problems = Vec::new();
        let layers = read_layers(&Env::of(pairs), &mut problems);
        let named = layers
            .iter()
            .map(|l| (l.origin.to_string(), l.entries[0].key.name))
            .collect();
        (named, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_the_preset_and_names_with_two_underscores_are_configuration() {
        let (layers, problems) = read(&[
            ("SK_SYNC_DRAIN__MAX_EVENTS", "200"),
            ("SK_SYNC_HOME", "/s"),
            ("SK_SYNC_PRESET", "stub"),
            ("SK_SYNC_SECRET_A__B", "x"),
            ("SK_SYNC_TOKEN", "t"),
            ("SK_SYNC_BODIES__PARALLEL", ""),
            ("OTHER__NAME", "x"),
        ]);
        assert_eq!(
            layers,
            [
                ("SK_SYNC_PRESET".into(), "preset"),
                ("SK_SYNC_DRAIN__MAX_EVENTS".into(), "drain.max_events")
            ]
        );
        assert_eq!(problems, Vec::<String>::new());
    }

    #[test]
    fn unknown_names_and_bad_values_name_the_variable() {
        let (_, problems) = read(&[
            ("SK_SYNC_DRAIN__MAX_EVENT", "1"),
            ("SK_SYNC_BODIES__PARALLEL", "99"),
            ("SK_SYNC_EXTERNAL_RECEIVER__HEADERS", "topsecret"),
            ("SK_SYNC_COLOUR__RED", "1"),
        ]);
        assert_eq!(
            problems,
            [
                "SK_SYNC_BODIES__PARALLEL: `bodies.parallel`: must be from 1 to 32\n  | 99",
                "SK_SYNC_COLOUR__RED: unknown configuration key",
                "SK_SYNC_DRAIN__MAX_EVENT: unknown configuration key; did you mean SK_SYNC_DRAIN__MAX_EVENTS?",
                "SK_SYNC_EXTERNAL_RECEIVER__HEADERS: `external_receiver.headers`: must be a TOML value",
            ]
        );
    }

    #[test]
    fn a_misspelt_variable_is_mentioned() {
        let env = Env::of(&[
            ("SK_SYNC_TAGET_URL", "x"),
            ("SK_SYNC_FOO", "x"),
            ("SK_SYNC_SECRET_TOKE", "x"),
            ("SK_SYNC_TOKEN", "x"),
            ("SK_SYNC", "disabled"),
        ]);
        assert_eq!(
            misspelt(&env),
            [
                "SK_SYNC=disabled is neither on nor off and has no effect; to switch sk-sync off: SK_SYNC=0",
                "SK_SYNC_TAGET_URL is not an sk-sync variable; did you mean SK_SYNC_TARGET_URL?"
            ]
        );
    }
}
