//! Sources from the configuration.

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
