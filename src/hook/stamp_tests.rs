//! What a stamp sees of a checkout, and which stamps are believed.

use super::*;

fn look(root: &Path, now: i64) -> Stamp {
    let artifacts = root.join("specs");
    let words = std::fs::read_to_string(root.join("config")).unwrap_or_default();
    let now = Timestamp::from_micros(now);
    let view = View {
        artifacts: &artifacts,
        main_artifacts: &artifacts,
        words: &words,
        now,
    };
    Stamp::look(&view).unwrap()
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn each_kind_of_change_is_seen() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path();
    for file in [
        "specs/a/spec.md",
        "specs/b/x/y.md",
        "specs/line\nbreak \\ n/z.md",
    ] {
        write(&root.join(file.replace("\\n", "\n")), "one");
    }
    let before = look(root, i64::MAX);
    assert_eq!(before.changed_since(None), Changed::All);
    before.write(&root.join("stamp")).unwrap();
    let kept = Stamp::read(&root.join("stamp")).unwrap();
    assert_eq!(
        look(root, i64::MAX).changed_since(Some(&kept)),
        Changed::Nothing
    );
    assert_eq!(
        Stamp {
            entries: before.entries(),
            ..kept.clone()
        },
        before
    );
    assert_eq!(
        before.entries(),
        7,
        "three missions, a directory in one of them, three files"
    );

    let missions =
        |names: &[&str]| Changed::Missions(names.iter().map(|name| (*name).to_owned()).collect());
    std::fs::write(root.join("specs/b/x/y.md"), "two").unwrap();
    assert_eq!(
        look(root, i64::MAX).changed_since(Some(&kept)),
        missions(&["b"]),
        "same size"
    );
    write(&root.join("specs/c/new.md"), "");
    assert_eq!(
        look(root, i64::MAX).changed_since(Some(&kept)),
        missions(&["b", "c"]),
        "a new one"
    );
    std::fs::remove_file(root.join("specs/a/spec.md")).unwrap();
    assert_eq!(
        look(root, i64::MAX).changed_since(Some(&kept)),
        missions(&["a", "b", "c"]),
        "one file less"
    );
    write(&root.join("config"), "x");
    assert_eq!(
        look(root, i64::MAX).changed_since(Some(&kept)),
        Changed::All,
        "the configuration"
    );
}

#[test]
fn whole_directories_are_looked_at() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path();
    write(&root.join("openspec/changes/a/x.md"), "one");
    let places = ["openspec/changes", "openspec/none", "kiro"].map(str::to_owned);
    let look = || Stamp::look_at(root, &places, "words", Timestamp::from_micros(i64::MAX)).unwrap();
    let before = look();
    assert_eq!(
        (look().changed_since(Some(&before)), before.is_on("words")),
        (Changed::Nothing, true)
    );
    std::fs::remove_file(root.join("openspec/changes/a/x.md")).unwrap();
    assert_ne!(
        look().changed_since(Some(&before)),
        Changed::Nothing,
        "a file less"
    );
    let before = look();
    write(&root.join("kiro/x.md"), "");
    assert_ne!(
        look().changed_since(Some(&before)),
        Changed::Nothing,
        "a new place"
    );
    let before = look();
    std::fs::remove_dir_all(root.join("openspec/changes")).unwrap();
    assert_ne!(
        look().changed_since(Some(&before)),
        Changed::Nothing,
        "a place less"
    );
}

#[test]
fn what_changed_just_now_is_not_trusted() {
    let temp = tempfile::tempdir().unwrap();
    write(&temp.path().join("specs/a/spec.md"), "one");
    let racy = look(temp.path(), 0);
    assert_eq!(
        look(temp.path(), 0).changed_since(Some(&racy)),
        Changed::Missions(vec!["a".to_owned()])
    );
    assert_eq!(
        look(temp.path(), i64::MAX).changed_since(Some(&racy)),
        Changed::Missions(vec!["a".to_owned()])
    );
}

#[test]
fn a_torn_or_foreign_stamp_says_nothing() {
    let temp = tempfile::tempdir().unwrap();
    write(&temp.path().join("specs/a/spec.md"), "one");
    let path = temp.path().join("stamp");
    look(temp.path(), i64::MAX).write(&path).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(Stamp::read(&path), None, "cut at {cut}");
    }
    std::fs::write(&path, whole.replace("stamp 1", "stamp 2")).unwrap();
    assert_eq!(Stamp::read(&path), None);
}

#[cfg(unix)]
#[test]
fn a_name_that_cannot_be_asked_for_means_all() {
    let temp = tempfile::tempdir().unwrap();
    write(&temp.path().join("specs/a/spec.md"), "one");
    let before = look(temp.path(), i64::MAX);
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"odd\xff");
    write(&temp.path().join("specs").join(odd).join("x"), "");
    assert_eq!(
        look(temp.path(), i64::MAX).changed_since(Some(&before)),
        Changed::All
    );
}
