//! The table of keys, and the example file that is made of it.

use super::*;
use crate::base::Env;
use crate::config::file::read_layer;
use crate::config::layers::merge;
use crate::config::{Inputs, Origin, Pins, load};

impl Default for EventSyncConfig {
    /// The defaults of the table of keys.
    fn default() -> Self {
        let inputs = Inputs {
            env: &Env::of(&[]),
            user_file: None,
            repo_file: None,
            is_explicit: false,
            project_file: None,
            flags: &[],
            pins: Pins::Any,
        };
        load(&inputs)
            .expect("the defaults pass their own checks")
            .config
    }
}

#[test]
fn every_key_of_a_section_has_a_variable() {
    let variable = |name| key_named(name).unwrap().variable();
    assert_eq!(
        variable("drain.max_events").as_deref(),
        Some("SK_SYNC_DRAIN__MAX_EVENTS")
    );
    assert_eq!(
        variable("external_receiver.url").as_deref(),
        Some("SK_SYNC_EXTERNAL_RECEIVER__URL")
    );
    assert_eq!(variable("preset"), None);
}

#[test]
fn keys_of_a_section_stand_together() {
    let mut seen: Vec<_> = sections().collect();
    let listed = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), listed);
}

#[test]
fn slips_are_met_with_the_nearest_key() {
    for (slip, hinted) in [
        ("drain.max_event", "drain.max_events"),
        ("max_events", "drain.max_events"),
        ("teamspace.max_rejections", "drain.max_rejections"),
        ("presett", "preset"),
        ("teamspace.teamslug", "teamspace.team_slug"),
    ] {
        assert_eq!(hint(slip), format!("; did you mean `{hinted}`?"), "{slip}");
    }
    assert_eq!(hint("colours"), "");
}

/// The numbers of the public contract, written out, so that a change of the table is noticed.
#[test]
fn defaults_are_the_published_ones() {
    let config = EventSyncConfig::default();
    assert_eq!(
        (config.preset.as_str(), config.retention, config.delivery),
        ("local-retention", Retention::On, Delivery::None)
    );
    assert_eq!((config.project.uuid, config.project.slug), (None, None));
    let teamspace = config.teamspace;
    assert_eq!(
        (teamspace.team_slug, teamspace.user_email.as_str()),
        (None, "")
    );
    assert_eq!(
        (teamspace.token_file, teamspace.token_command),
        (None, None)
    );
    let external = config.external_receiver;
    assert_eq!((external.headers, external.signing_secret), (vec![], None));
    assert_eq!(
        (external.format, external.ack, external.compression),
        (Format::Batch, Ack::Results, Compression::Gzip)
    );
}

#[test]
fn default_limits_are_the_published_ones() {
    let config = EventSyncConfig::default();
    let bodies = config.bodies;
    assert_eq!(
        (bodies.wire_names, bodies.resubmit),
        (WireNames::Current, Resubmit::Unacknowledged)
    );
    assert_eq!((bodies.parallel, bodies.max_queue_bytes), (8, 1 << 30));
    assert_eq!(config.documents.keep, KeepTexts::UntilDelivered);
    let journal = config.journal;
    assert_eq!((journal.capacity, journal.warn_rows), (100_000, 1_000_000));
    let drain = config.drain;
    assert_eq!((drain.max_events, drain.max_bytes), (1000, 524_288));
    assert_eq!(
        (drain.max_time, drain.lock_wait),
        (Duration::from_mins(1), Duration::from_secs(10))
    );
    assert_eq!(drain.max_rejections, 5);
    let hook = config.hook;
    assert_eq!(
        (hook.budget, hook.max_time),
        (Duration::from_millis(250), Duration::from_secs(30))
    );
    assert_eq!(
        (hook.drain, config.dossier.parity),
        (HookDrain::Detached, Parity::Path)
    );
    assert_eq!(config.opt_out.teamspace_bound, BoundFamilies::Keep);
    assert_eq!(
        (config.migrate.imported, config.families.local_only),
        (Imported::Owed, vec![])
    );
    assert_eq!(
        (config.migrate.personal_data, config.mission_log.capture),
        (PersonalData::Strip, true)
    );
}

#[test]
fn default_artifacts_are_the_published_ones() {
    let artifacts = EventSyncConfig::default().artifacts;
    assert_eq!(
        (artifacts.root.as_str(), artifacts.max_bytes),
        ("kitty-specs", 524_288)
    );
    assert_eq!(artifacts.formats, ["md", "json", "yaml", "yml", "csv"]);
    assert_eq!(artifacts.surfaces.len(), 11);
    assert_eq!(
        (artifacts.layouts, artifacts.source),
        (vec!["kitty".to_owned()], vec![])
    );
}

const EXAMPLE_HEAD: &str = "\
# sk-sync configuration. Every key at its default; keys without a default are commented out.
# Layers, later wins: defaults < ~/.config/sk-sync/config.toml < this file < project settings < environment < flags.
# `sk-sync config show --origin` prints every value and where it came from.

";

/// The example file: the documentation of each key, and its default or a sample.
fn example() -> String {
    let mut text = EXAMPLE_HEAD.to_owned();
    let mut last = None;
    for key in KEYS {
        let section = key.name.split_once('.').map(|(section, _)| section);
        let is_new = |of: &&Section| section == Some(of.name) && section != last;
        if let Some(section) = SECTIONS.iter().find(is_new) {
            text.extend(["\n# ", section.doc, "\n[", section.name, "]\n"]);
        }
        last = section;
        for line in key.doc {
            text.extend(["#", line, "\n"]);
        }
        let (mark, value) = match (key.default, key.sample) {
            (Some(value), None) => ("", value),
            (None, Some(sample)) => ("# ", sample),
            _ => panic!("{}: either a default or a sample", key.name),
        };
        text.extend([mark, key.leaf(), " = ", value, "\n"]);
    }
    text
}

/// With `SK_SYNC_WRITE_EXAMPLE` set, writes the file.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by a person, for this test alone"
)]
fn the_example_file_is_made_of_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/event-sync.toml.example");
    if std::env::var_os("SK_SYNC_WRITE_EXAMPLE").is_some() {
        std::fs::write(file, example()).unwrap();
    }
    let found = std::fs::read_to_string(file).unwrap();
    assert!(
        found == example(),
        "event-sync.toml.example differs from the table of keys; write it with: \
         SK_SYNC_WRITE_EXAMPLE=1 cargo test the_example_file"
    );
}

#[test]
fn the_example_alone_is_all_the_defaults() {
    let mut problems = Vec::new();
    let origin = Origin::UserFile("event-sync.toml.example".into());
    let layer = read_layer(&example(), origin, &mut problems).with_axes();
    assert_eq!(problems, []);
    assert_eq!(merge(&[layer]).unwrap().0, EventSyncConfig::default());
}

/// What is commented out is valid too.
#[test]
fn every_sample_passes_the_check_of_its_key() {
    for key in KEYS {
        let Some(sample) = key.sample else { continue };
        let mut problems = Vec::new();
        let text = format!("{} = {sample}", key.name);
        read_layer(&text, Origin::UserFile("u.toml".into()), &mut problems);
        assert_eq!(problems, [], "{text}");
    }
}
