//! Indexing a generated tree, cold and dry, beside reading and hashing the same files with nothing around it.
//!
//! Both run interleaved in one process of criterion; compare the two medians, not the numbers of different machines.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to measure")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use sha2::Digest as _;

const MISSIONS: usize = 40;
const FILES: usize = 25;

/// A tree of missions with plausible file sizes, and an empty home beside it.
fn tree(root: &Path) {
    for mission in 0..MISSIONS {
        let dir = root.join(format!("repo/kitty-specs/{mission:03}-generated"));
        std::fs::create_dir_all(dir.join("tasks")).unwrap();
        std::fs::write(dir.join("meta.json"), "{\"mission_type\":\"software-dev\",\"target_branch\":\"main\"}")
            .unwrap();
        for file in 0..FILES {
            let text = format!("# Work package {file} of {mission}\n").repeat(40 + (file * 37) % 600);
            std::fs::write(dir.join(format!("tasks/WP{file:02}-x.md")), text).unwrap();
        }
    }
}

fn read_and_hash(dir: &Path) -> usize {
    let mut pending: Vec<PathBuf> = vec![dir.to_owned()];
    let mut bytes = 0;
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                let text = std::fs::read(entry.path()).unwrap();
                bytes += text.len();
                std::hint::black_box(sha2::Sha256::digest(&text));
            }
        }
    }
    bytes
}

fn index(c: &mut Criterion) {
    let temp = tempfile::tempdir().unwrap();
    tree(temp.path());
    let repo = temp.path().join("repo");
    let mut group = c.benchmark_group("index 1,000 files");
    group.sample_size(20);
    group.bench_function("sk-sync index --dry-run", |b| {
        b.iter(|| {
            let status = Command::new(env!("CARGO_BIN_EXE_sk-sync"))
                .args(["index", "--dry-run", "--quiet", "--repo"])
                .arg(&repo)
                .env("SK_SYNC_HOME", temp.path().join("state"))
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success());
        });
    });
    group.bench_function("limit: read and hash, one thread", |b| b.iter(|| read_and_hash(&repo)));
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
