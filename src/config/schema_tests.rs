//! The published defaults, and the example file with them.

use super::*;
use crate::config::KEYS;
use crate::config::Origin;
use crate::config::file::read_layer;
use crate::config::layers::merge;

/// The numbers of the public contract, written out, so that a change of the table is noticed.
#[test]
fn defaults_are_the_published_ones() {
    let config = EventSyncConfig::default();
    assert_eq!(
        (config.preset, config.retention, config.delivery),
        (Preset::LocalRetention, Retention::On, Delivery::None)
    );
    assert_eq!(
        config.project,
        Project {
            uuid: None,
            slug: None
        }
    );
    assert_eq!(
        config.teamspace,
        Teamspace {
            team_slug: None,
            user_email: String::new(),
            token_file: None,
            token_command: None
        }
    );
    let external = config.external_receiver;
    assert_eq!((external.headers, external.signing_secret), (vec![], None));
    assert_eq!(
        (external.format, external.ack, external.compression),
        (Format::Batch, Ack::Results, Compression::Gzip)
    );
    let resubmit = Resubmit::Unacknowledged;
    assert_eq!(
        config.bodies,
        Bodies {
            wire_names: WireNames::Current,
            parallel: 8,
            max_queue_bytes: 1 << 30,
            resubmit
        }
    );
    assert_eq!(
        config.journal,
        Journal {
            capacity: 100_000,
            warn_rows: 1_000_000
        }
    );
    let drain = Drain {
        max_events: 1000,
        max_bytes: 524_288,
        max_time: Duration::from_mins(1),
        max_rejections: 5,
        lock_wait: Duration::from_secs(10),
    };
    assert_eq!(config.drain, drain);
    let hook = Hook {
        drain: HookDrain::Detached,
        budget: Duration::from_millis(250),
        max_time: Duration::from_secs(30),
    };
    assert_eq!((config.hook, config.dossier.parity), (hook, Parity::Path));
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

#[test]
fn the_example_shows_every_key_at_its_default() {
    let example = include_str!("../../event-sync.toml.example");
    let mut problems = Vec::new();
    let origin = Origin::UserFile("event-sync.toml.example".into());
    let layer = read_layer(example, origin, &mut problems).with_axes();
    assert_eq!(problems, []);
    assert_eq!(
        merge(&[layer]).unwrap().0,
        EventSyncConfig::default(),
        "the example alone is all the defaults"
    );
    let mut section = "";
    let mut listed = Vec::new();
    for line in example.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ")
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            listed.push(if section.is_empty() {
                name.to_owned()
            } else {
                format!("{section}.{name}")
            });
        }
    }
    assert!(listed.iter().eq(KEYS.iter().map(|k| k.name)), "{listed:?}");
}
