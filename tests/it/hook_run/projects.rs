//! Hooks where a repository holds several projects, and where units lie in several places.

use super::Hooked;
use crate::support::Sandbox;

/// A project in a directory, with a separate identity and one mission.
fn project(sandbox: &Sandbox, dir: &str, uuid_end: u8) {
    let identity = format!(
        "[project]\nuuid = '5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b{uuid_end:02}'\nslug = 'below'\n"
    );
    sandbox.write(&format!("{dir}/event-sync.toml"), identity);
    sandbox.write(
        &format!("{dir}/kitty-specs/001-{uuid_end}/spec.md"),
        "# One\n",
    );
}

fn append(hooked: &Hooked, file: &str) {
    let text = format!("{}more\n", hooked.sandbox.read(file));
    hooked.sandbox.write(file, text);
}

/// A commit at the top serves every project whose files changed, and no other.
#[test]
fn every_project_below_the_top_is_served() {
    let mut hooked = Hooked::new(None, |sandbox| {
        project(sandbox, "apps/one", 1);
        project(sandbox, "apps/deep/two", 2);
        sandbox.git(&["add", "--all"]);
        sandbox.git(&["commit", "--quiet", "--message=projects"]);
    });
    let (one, two) = (
        "apps/one/kitty-specs/001-1/spec.md",
        "apps/deep/two/kitty-specs/001-2/spec.md",
    );
    let own = "kitty-specs/001-harbour-tide-table/spec.md";
    append(&hooked, one);
    append(&hooked, two);
    hooked.git(&["commit", "--quiet", "--all", "--message=below"], 0);
    assert_eq!(
        hooked.captured(),
        ["001-1/spec.md", "001-2/spec.md"],
        "{}",
        hooked.log()
    );
    for (changed, wanted) in [
        (&[two][..], &["001-2/spec.md"][..]),
        (&[own], &["001-harbour-tide-table/spec.md"]),
        (
            &[one, own],
            &["001-1/spec.md", "001-harbour-tide-table/spec.md"],
        ),
    ] {
        for file in changed {
            append(&hooked, file);
        }
        // Also from inside one of them.
        let ended = hooked.git_in(
            "apps/one",
            &["commit", "--quiet", "--all", "--message=more"],
            &[],
        );
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        assert_eq!(hooked.captured(), wanted, "{changed:?}: {}", hooked.log());
    }
    *hooked.gate.0.lock().unwrap() = true;
    hooked.gate.1.notify_all();
}

/// The directories that hooks check automatically, of a repository with units in several places.
fn several_places(sandbox: &Sandbox) {
    sandbox.own("artifacts.layouts = ['openspec', 'kitty']\n");
    sandbox.write("openspec/project.md", "text");
    sandbox.write("openspec/changes/login/proposal.md", "text");
    sandbox.write(".gitignore", "*.local.md\n");
    sandbox.git(&["add", "--all"]);
    sandbox.git(&["commit", "--quiet", "--message=layouts"]);
}

/// The file that the last capture of the hook wrote, by inode: looking alone changes no more than
/// its time.
fn stamp(hooked: &Hooked) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let place = hooked.places().pop().unwrap();
    let mut files = std::fs::read_dir(place)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let stamp = files
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "stamp")
        })
        .unwrap();
    std::fs::metadata(stamp).unwrap().ino()
}

#[test]
fn every_layout_is_captured_by_the_hook() {
    let mut hooked = Hooked::new(None, several_places);
    let (proposal, own) = (
        "openspec/changes/login/proposal.md",
        "kitty-specs/001-harbour-tide-table/spec.md",
    );
    for (changed, wanted) in [
        (&[proposal][..], &["login/proposal.md"][..]),
        (&[own], &["kitty.001-harbour-tide-table/spec.md"]),
        (
            &["openspec/project.md", own],
            &[
                "kitty.001-harbour-tide-table/spec.md",
                "openspec.project/openspec/project.md",
            ],
        ),
    ] {
        for file in changed {
            append(&hooked, file);
        }
        hooked.git(&["commit", "--quiet", "--all", "--message=more"], 0);
        assert_eq!(hooked.captured(), wanted, "{changed:?}: {}", hooked.log());
    }
    hooked
        .sandbox
        .write("openspec/changes/new/tasks.md", "- [ ] one\n");
    hooked.sandbox.write("src/main.rs", "");
    hooked.git(&["add", "--all"], 0);
    hooked.git(&["commit", "--quiet", "--message=new"], 0);
    assert_eq!(hooked.captured(), ["new/tasks.md"], "{}", hooked.log());
    *hooked.gate.0.lock().unwrap() = true;
    hooked.gate.1.notify_all();
}

/// A commit that touches no unit is seen by looking: nothing is captured anew.
#[test]
fn a_commit_elsewhere_is_only_looked_at() {
    let hooked = Hooked::new(None, several_places);
    append(&hooked, "openspec/project.md");
    hooked.git(&["commit", "--quiet", "--all", "--message=first"], 0);
    // Files that changed just before the check are checked again.
    crate::support::pause(std::time::Duration::from_millis(100));
    hooked.git(
        &["commit", "--quiet", "--allow-empty", "--message=settle"],
        0,
    );
    let before = stamp(&hooked);
    hooked.sandbox.write("src/main.rs", "");
    hooked.git(&["add", "--all"], 0);
    hooked.git(&["commit", "--quiet", "--message=elsewhere"], 0);
    assert_eq!(stamp(&hooked), before, "{}", hooked.log());
    append(&hooked, "openspec/project.md");
    hooked.git(&["commit", "--quiet", "--all", "--message=here"], 0);
    assert_ne!(stamp(&hooked), before, "{}", hooked.log());
    *hooked.gate.0.lock().unwrap() = true;
    hooked.gate.1.notify_all();
}

/// A file that git no longer ignores is captured, even if nothing else changed: a removed pattern,
/// or a newly tracked file.
#[test]
fn what_is_not_ignored_any_more_is_captured() {
    let mut hooked = Hooked::new(None, several_places);
    hooked
        .sandbox
        .write("openspec/changes/login/one.local.md", "one");
    hooked
        .sandbox
        .write("openspec/changes/login/two.local.md", "two");
    hooked.git(
        &["commit", "--quiet", "--allow-empty", "--message=nothing"],
        0,
    );
    assert_eq!(hooked.captured(), [""; 0], "{}", hooked.log());
    crate::support::pause(std::time::Duration::from_millis(100));
    hooked.git(
        &["commit", "--quiet", "--allow-empty", "--message=settle"],
        0,
    );
    hooked.git(
        &["add", "--force", "openspec/changes/login/one.local.md"],
        0,
    );
    hooked.git(&["commit", "--quiet", "--message=tracked"], 0);
    assert_eq!(
        hooked.captured(),
        ["login/one.local.md"],
        "{}",
        hooked.log()
    );
    hooked.sandbox.write(".gitignore", "*.other.md\n");
    hooked.git(&["commit", "--quiet", "--all", "--message=pattern"], 0);
    assert_eq!(
        hooked.captured(),
        ["login/two.local.md"],
        "{}",
        hooked.log()
    );
    *hooked.gate.0.lock().unwrap() = true;
    hooked.gate.1.notify_all();
}
