//! What changes while it is read.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{Odd, SECRET, sha256};
use crate::support::wire::received;

/// A link is swapped for a file, and a directory for a link, as fast as the system can, while indexes and runs read.
#[test]
fn what_is_swapped_between_listing_and_reading_leads_nowhere() {
    let odd = Odd::new();
    std::fs::create_dir(odd.sandbox.path("outside")).unwrap();
    std::fs::write(odd.sandbox.path("outside/spec.md"), SECRET).unwrap();
    odd.sandbox.write("kitty-specs/odd/research/spec.md", "inside");
    // Between the listing of the mission and the opening of what is swapped, all these are opened.
    for n in 0..800 {
        odd.sandbox.write(&format!("kitty-specs/odd/filler/{n}.txt"), "filler");
    }
    let (is_over, secret) = (AtomicBool::new(false), sha256(SECRET));
    std::thread::scope(|scope| {
        let (odd, is_over) = (&odd, &is_over);
        scope.spawn(move || {
            let (file, dir) = (odd.path("plan.md"), odd.path("research"));
            symlink("../../secret.md", odd.path(".link")).unwrap();
            symlink(odd.sandbox.path("outside"), odd.path(".door")).unwrap();
            let away = odd.path(".away");
            std::fs::write(&file, "plan").unwrap();
            while !is_over.load(Ordering::SeqCst) {
                // Each name is a file or directory of the mission at one moment and a way out at the next.
                for (own, out) in [(&file, odd.path(".link")), (&dir, odd.path(".door"))] {
                    std::fs::rename(own, &away).unwrap();
                    std::fs::rename(&out, own).unwrap();
                    std::fs::rename(own, &out).unwrap();
                    std::fs::rename(&away, own).unwrap();
                }
            }
        });
        for round in 0..10 {
            let words: &[&str] = if round == 5 { &["run", "--json"] } else { &["index", "--dry-run", "--json"] };
            let run = odd.sandbox.sk_sync(words);
            assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
            assert!(!run.stdout.contains(&secret), "{run:#?}");
        }
        is_over.store(true, Ordering::SeqCst);
    });
    odd.assert_it_runs();
}

/// A file that grows while it is read: what was read is what is said of it, and no torn body leaves.
#[test]
fn files_that_grow_and_shrink_while_they_are_read() {
    use std::io::Write as _;
    let odd = Odd::new();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
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
        for _ in 0..10 {
            let report = odd.sandbox.sk_sync(["run", "--json"]);
            assert!(matches!(report.code, Some(0 | 3)), "{report:#?}");
            let report = report.json();
            assert_eq!(
                (&report["index"]["missions"], &report["index"]["artifacts"]),
                (&json!(2), &json!(5)),
                "{report}"
            );
            let outcomes = report["bodies"]["outcomes"].as_array().unwrap();
            let plan = outcomes.iter().find(|o| o["path"] == "plan.md");
            let reason = plan.map_or("", |plan| plan["reason"].as_str().unwrap());
            let known =
                ["oversized", "content_hash_mismatch", "read_error: larger than", "empty_content", "enqueued", ""];
            assert!(known.iter().any(|known| reason.starts_with(known)), "{reason}");
        }
        is_over.store(true, Ordering::SeqCst);
    });
    odd.sandbox.write("kitty-specs/odd/plan.md", "settled");
    odd.assert_it_runs();
    let bodies = received(&odd.sandbox.store().with_file_name("stub.db")).bodies;
    assert!(format!("{bodies:?}").contains("settled"));
}
