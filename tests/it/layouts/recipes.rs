//! Each recipe of docs/layouts.md finds what it promises.

use std::collections::BTreeSet;
use std::path::Path;

use super::trees::TREES;
use super::{agreed, listed, of_tree, repository};

/// The blocks of configuration in docs/layouts.md, each with the line above it.
fn recipes() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/layouts.md");
    let text = std::fs::read_to_string(file).unwrap();
    let mut recipes = Vec::new();
    let (mut title, mut lines) = (String::new(), text.lines());
    while let Some(line) = lines.next() {
        if line == "```toml" {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            recipes.push((title.clone(), format!("{}\n", block.join("\n"))));
        } else if !line.is_empty() {
            line.clone_into(&mut title);
        }
    }
    recipes
}

fn recipe(title: &str) -> String {
    let found = recipes().into_iter().find(|(above, _)| above == title);
    found
        .unwrap_or_else(|| panic!("docs/layouts.md has no recipe {title:?}"))
        .1
}

/// Units that a recipe finds among these files, by slug with their paths; `!` marks files that are
/// not sent.
fn found(recipe: &str, files: &[&str]) -> Vec<(String, BTreeSet<String>)> {
    let sandbox = agreed(files, recipe);
    listed(&sandbox)
        .into_iter()
        .map(|(slug, (_, paths))| (slug, paths))
        .collect()
}

fn unit(slug: &str, paths: &[&str]) -> (String, BTreeSet<String>) {
    (
        slug.to_owned(),
        paths.iter().map(|path| (*path).to_owned()).collect(),
    )
}

#[test]
fn every_recipe_is_tried_here() {
    let titles: Vec<_> = recipes().into_iter().map(|(title, _)| title).collect();
    let tried = [
        "GitHub Spec Kit:",
        "OpenSpec:",
        "Kiro and cc-sdd:",
        "BMAD:",
        "GSD:",
        "Several at once:",
        "count together: neither your own file nor the repository's can take the other's away.",
        "Decision records:",
        "Conductor:",
        "Agent OS:",
        "Backlog.md:",
        "Taskmaster:",
        "A layout with other settings (`prefix`, `surfaces`, `formats`, `ignore`):",
    ];
    assert_eq!(titles, tried);
}

#[test]
fn each_layout_has_its_recipe() {
    let titles = [
        "GitHub Spec Kit:",
        "OpenSpec:",
        "Kiro and cc-sdd:",
        "BMAD:",
        "GSD:",
    ];
    for (title, tree) in titles.into_iter().zip(TREES) {
        let sandbox = of_tree(tree);
        let wanted = listed(&sandbox);
        let identity = sandbox.read("event-sync.toml").replace(tree.artifacts, "");
        sandbox.write("event-sync.toml", format!("{identity}{}", recipe(title)));
        sandbox.agree();
        assert_eq!(listed(&sandbox), wanted, "{title}");
        assert_eq!(wanted.len(), tree.units.len(), "{title}");
    }
}

#[test]
fn several_layouts_at_once() {
    let files = [
        "kitty-specs/login/spec.md",
        "openspec/changes/login/proposal.md",
        ".kiro/specs/login/tasks.md",
    ];
    let wanted = [
        unit("kiro.login", &["tasks.md"]),
        unit("login", &["spec.md"]),
        unit("openspec.login", &["proposal.md"]),
    ];
    assert_eq!(found(&recipe("Several at once:"), &files), wanted);
}

#[test]
fn excluded_paths() {
    let title =
        "count together: neither your own file nor the repository's can take the other's away.";
    let files = [
        "kitty-specs/001-login/spec.md",
        "kitty-specs/001-login/research/x.private.md",
        "kitty-specs/001-login/research/drafts/y.md",
        "kitty-specs/009-secret-plan/spec.md",
    ];
    assert_eq!(
        found(&recipe(title), &files),
        [unit("001-login", &["spec.md"])]
    );
}

#[test]
fn decision_records() {
    let files = [
        "docs/adr/0001-record.md",
        "docs/adr/old/0000.md",
        "docs/adr/diagram.svg",
        "docs/guide.md",
    ];
    assert_eq!(
        found(&own(&recipe("Decision records:")), &files),
        [unit("adr", &["docs/adr/0001-record.md"])]
    );
}

#[test]
fn conductor() {
    let files = [
        "conductor/tracks/login_20260131/spec.md",
        "conductor/tracks/login_20260131/metadata.json",
        "conductor/tracks/login_20260131/run.log",
        "conductor/archive/login_20260131/plan.md",
        "conductor/archive/done_20260101/plan.md",
        "conductor/product.md",
    ];
    let wanted = [
        unit("archive.login_20260131", &["plan.md"]),
        unit("done_20260101", &["plan.md"]),
        unit("login_20260131", &["spec.md", "metadata.json", "!run.log"]),
    ];
    assert_eq!(found(&own(&recipe("Conductor:")), &files), wanted);
}

#[test]
fn agent_os() {
    let files = [
        "agent-os/specs/2026-01-31-login/planning/spec.md",
        "agent-os/standards/x.md",
        "agent-os/product/mission.md",
    ];
    assert_eq!(
        found(&own(&recipe("Agent OS:")), &files),
        [unit("2026-01-31-login", &["planning/spec.md"])]
    );
}

#[test]
fn backlog() {
    let files = [
        "backlog/tasks/task-1 - Add a title.md",
        "backlog/completed/task-0 - Begin.md",
        "backlog/docs/deep/x.md",
        "backlog/config.yml",
        "backlog/drafts/draft-1.md",
    ];
    assert_eq!(
        found(&own(&recipe("Backlog.md:")), &files),
        [unit("backlog", &[files[0], files[1], files[2]])]
    );
}

#[test]
fn taskmaster() {
    let files = [
        ".taskmaster/tasks/tasks.json",
        ".taskmaster/docs/prd.md",
        ".taskmaster/config.json",
    ];
    assert_eq!(
        found(&own(&recipe("Taskmaster:")), &files),
        [unit("taskmaster", &[files[0], files[1]])]
    );
}

/// `init` shows the recipe of a tool without a layout.
#[test]
fn init_shows_the_recipe_of_a_tool() {
    for (title, mark, lines) in [
        (
            "Conductor:",
            "conductor/tracks.md",
            "units = [\"conductor/tracks/{name}\"]",
        ),
        ("Backlog.md:", "backlog/config.yml", "slug = \"backlog\""),
        (
            "Taskmaster:",
            ".taskmaster/config.json",
            "slug = \"taskmaster\"",
        ),
        (
            "Agent OS:",
            ".agent-os/product/mission.md",
            "units = [\".agent-os/specs/{name}\"]",
        ),
    ] {
        let sandbox = repository(&[mark], "");
        let init = sandbox.sk_sync(["init"]).success();
        let said = format!("Found: {} (", title.trim_end_matches(':'));
        assert!(
            init.stderr.contains(&said) && init.stderr.contains(&format!("    {lines}\n")),
            "{}",
            init.stderr
        );
    }
}

#[test]
fn a_layout_with_other_settings() {
    let title = "A layout with other settings (`prefix`, `surfaces`, `formats`, `ignore`):";
    let recipe = format!("[artifacts]\nlayouts = [\"spec-kit\"]\n{}", recipe(title));
    assert_eq!(
        found(&recipe, &["specs/001-login/spec.md"]),
        [unit("sk.001-login", &["spec.md"])]
    );
}

/// A recipe of a source of one's own, in a project that has no other layout.
fn own(recipe: &str) -> String {
    format!("[artifacts]\nlayouts = []\n{recipe}")
}
