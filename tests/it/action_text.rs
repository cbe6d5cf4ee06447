//! The text of the GitHub Action.

use crate::action::DIR;

/// The two files of the Action differ only in the paths of their scripts.
#[test]
fn the_action_at_the_root_is_the_same() {
    let root = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap();
    let inner = std::fs::read_to_string(format!("{DIR}/action.yml")).unwrap();
    let text: Vec<_> = root
        .lines()
        .skip_while(|line| line.starts_with('#'))
        .collect();
    let text = text.join("\n").replace(
        "$GITHUB_ACTION_PATH/.github/actions/sk-sync/",
        "$GITHUB_ACTION_PATH/",
    );
    assert_eq!(text, inner.trim_end());
}

/// The text of the Action: no outside text in a script, every dependency pinned, every input
/// documented and used.
#[test]
fn the_action_is_pinned_and_puts_nothing_into_scripts() {
    let text = std::fs::read_to_string(format!("{DIR}/action.yml")).unwrap();
    let runs: Vec<_> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("run: "))
        .collect();
    assert_eq!(runs.len(), 4, "{runs:?}");
    assert!(runs.iter().all(|line| !line.contains("${{")), "{runs:?}");
    let workflows = ["ci", "nightly", "release"]
        .map(|name| std::fs::read_to_string(format!("{DIR}/../../workflows/{name}.yml")).unwrap())
        .concat();
    for line in text
        .lines()
        .chain(workflows.lines())
        .filter(|line| line.contains("uses: "))
    {
        let named = line.split("uses: ").nth(1).unwrap();
        let commit = named
            .split_once('@')
            .map_or("", |(_, rest)| rest.split(' ').next().unwrap());
        let is_pinned = commit.len() == 40
            && commit.bytes().all(|b| b.is_ascii_hexdigit())
            && named.contains(" # v");
        assert!(is_pinned || named.starts_with("./"), "{line}");
    }
    let scripts = ["prepare.sh", "install.sh", "run.sh", "comment.sh"]
        .map(|name| std::fs::read_to_string(format!("{DIR}/{name}")).unwrap())
        .concat();
    for line in text
        .lines()
        .filter(|line| line.contains(": ${{ inputs.") || line.contains(": ${{ github."))
    {
        let name = line.trim().split(':').next().unwrap();
        let is_for_gh = name == "GH_TOKEN";
        assert!(is_for_gh || scripts.contains(name), "{line}");
    }
}
