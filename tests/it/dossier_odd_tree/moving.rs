//! Files that change while they are read.

use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Odd, SECRET, sha256};
use crate::support::pause;
use crate::support::wire::received;

/// While an index reads a long first file, a listed file and a listed directory are replaced by
/// links out of the mission: their targets are not read.
#[cfg(target_os = "linux")]
#[test]
fn what_became_a_link_after_the_listing_is_not_followed() {
    let odd = Odd::new();
    let outside = odd.sandbox.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("note.md"), SECRET).unwrap();
    odd.sandbox.write("kitty-specs/odd/plan.md", "plan");
    odd.sandbox
        .write("kitty-specs/odd/research/note.md", "note");
    let long = std::fs::File::create(odd.path("a.bin")).unwrap();
    long.set_len(1 << 30).unwrap();
    let mut command = odd.sandbox.command(["index", "--dry-run", "--json"]);
    let child = command
        .env("RAYON_NUM_THREADS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let is_reading = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id()))
            .into_iter()
            .flatten()
            .flatten();
        open.filter_map(|fd| std::fs::read_link(fd.path()).ok())
            .any(|path| path.ends_with("odd/a.bin"))
    };
    for _ in 0..20_000 {
        if is_reading() {
            break;
        }
        pause(Duration::from_millis(1));
    }
    assert!(is_reading(), "the long file was not met");
    std::fs::remove_file(odd.path("plan.md")).unwrap();
    symlink("../../secret.md", odd.path("plan.md")).unwrap();
    std::fs::remove_dir_all(odd.path("research")).unwrap();
    symlink(&outside, odd.path("research")).unwrap();
    assert!(is_reading(), "it was over too soon to show anything");
    long.set_len(0).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifacts = Odd::artifacts(&report);
    for path in ["plan.md", "research/note.md"] {
        assert_eq!(artifacts[path], "not_present: unreadable", "{report}");
    }
    assert!(!report.to_string().contains(&sha256(SECRET)), "{report}");
    odd.assert_it_runs();
}

/// A link is swapped for a file, and a directory for a link, as fast as the system can, while
/// indexes and runs read.
#[test]
fn what_is_swapped_between_listing_and_reading_leads_nowhere() {
    let odd = Odd::new();
    std::fs::create_dir(odd.sandbox.path("outside")).unwrap();
    std::fs::write(odd.sandbox.path("outside/spec.md"), SECRET).unwrap();
    odd.sandbox
        .write("kitty-specs/odd/research/spec.md", "inside");
    // These are opened between the listing of the mission and the opening of the replaced entries.
    for n in 0..800 {
        odd.sandbox
            .write(&format!("kitty-specs/odd/filler/{n}.txt"), "filler");
    }
    let (is_over, secret) = (AtomicBool::new(false), sha256(SECRET));
    let runs: Vec<_> = std::thread::scope(|scope| {
        let (odd, is_over) = (&odd, &is_over);
        scope.spawn(move || {
            let (file, dir) = (odd.path("plan.md"), odd.path("research"));
            symlink("../../secret.md", odd.path(".link")).unwrap();
            symlink(odd.sandbox.path("outside"), odd.path(".door")).unwrap();
            let away = odd.path(".away");
            std::fs::write(&file, "plan").unwrap();
            while !is_over.load(Ordering::SeqCst) {
                // Each name is a file or directory of the mission at one moment and a way out at
                // the next.
                for (own, out) in [(&file, odd.path(".link")), (&dir, odd.path(".door"))] {
                    std::fs::rename(own, &away).unwrap();
                    std::fs::rename(&out, own).unwrap();
                    std::fs::rename(own, &out).unwrap();
                    std::fs::rename(&away, own).unwrap();
                }
            }
        });
        let words = |round| {
            if round == 3 {
                &["run", "--json"][..]
            } else {
                &["index", "--dry-run", "--json"]
            }
        };
        let runs = (0..6)
            .map(|round| odd.sandbox.sk_sync(words(round)))
            .collect();
        is_over.store(true, Ordering::SeqCst);
        runs
    });
    for run in runs {
        assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
        assert!(!run.stdout.contains(&secret), "{run:#?}");
    }
    odd.assert_it_runs();
}

/// A file that grows while it is read: the reported size and digest match the bytes read, and no
/// partial text is sent.
#[test]
fn files_that_grow_and_shrink_while_they_are_read() {
    use std::io::Write as _;
    let odd = Odd::new();
    let is_over = AtomicBool::new(false);
    let runs: Vec<_> = std::thread::scope(|scope| {
        let (odd, is_over) = (&odd, &is_over);
        scope.spawn(move || {
            let mut file = std::fs::File::create(odd.path("plan.md")).unwrap();
            let mut written = 0_u64;
            while !is_over.load(Ordering::SeqCst) {
                file.write_all(&[b'x'; 4096]).unwrap();
                written += 4096;
                if written > 8 << 20 {
                    file.set_len(0).unwrap();
                    (file, written) = (std::fs::File::create(odd.path("plan.md")).unwrap(), 0);
                }
            }
        });
        let runs = (0..10)
            .map(|_| odd.sandbox.sk_sync(["run", "--json"]))
            .collect();
        is_over.store(true, Ordering::SeqCst);
        runs
    });
    for run in runs {
        assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
        let report = run.json();
        let found = (&report["index"]["missions"], &report["index"]["artifacts"]);
        assert_eq!(found, (&json!(2), &json!(5)), "{report}");
        let outcomes = report["bodies"]["outcomes"].as_array().unwrap();
        let plan = outcomes
            .iter()
            .find(|o| o["path"] == "plan.md" && o["status"] == "skipped");
        let reason = plan.map_or("empty_content", |plan| plan["reason"].as_str().unwrap());
        let known = [
            "oversized",
            "content_hash_mismatch",
            "read_error: larger than",
            "empty_content",
        ];
        assert!(
            known.iter().any(|known| reason.starts_with(known)),
            "{reason}"
        );
    }
    odd.sandbox.write("kitty-specs/odd/plan.md", "settled");
    odd.assert_it_runs();
    let bodies = received(&odd.sandbox.store().with_file_name("stub.db")).bodies;
    assert!(format!("{bodies:?}").contains("settled"));
}
