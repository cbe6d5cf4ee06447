//! `bench`: rows with their limits, on a disk, and nothing left behind. Times are never asserted.

use std::path::Path;

use serde_json::json;

use crate::support::{Run, Sandbox};

/// Runs the quick form of `bench` with these further arguments, on a disk.
fn quick(sandbox: &Sandbox, args: &[&str]) -> Run {
    let dir = sandbox.path("ground");
    let dir = dir.to_str().unwrap();
    sandbox.sk_sync([&["bench", "--quick", "--repeats", "2", "--dir", dir], args].concat())
}

/// True when temporary directories live in memory here, so that nothing durable can be measured in
/// them.
fn is_volatile(sandbox: &Sandbox) -> bool {
    let is = mounted_in_memory(&sandbox.path("home"));
    if is {
        skipped("temporary directories are in memory here");
    }
    is
}

/// Prints that a test could not run.
#[expect(clippy::print_stderr, reason = "nobody would know otherwise")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// True if the file system of `dir` is a tmpfs according to the mount table.
fn mounted_in_memory(dir: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let around = fields
        .filter(|f| dir.starts_with(f[1]))
        .max_by_key(|f| f[1].len());
    around.is_some_and(|f| f[2] == "tmpfs")
}

#[test]
fn every_row_has_its_figure_its_limit_and_every_sample() {
    let sandbox = Sandbox::new();
    if is_volatile(&sandbox) {
        return;
    }
    let document = quick(&sandbox, &["all", "--json"]).success().json();
    assert!(document["machine"]["cpus"].as_u64().is_some(), "{document}");
    let rows = document["rows"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let known = [
        "enqueue.each",
        "enqueue.each_and_the_old_way",
        "enqueue.each_by_depth",
        "enqueue.bulk",
        "enqueue.bulk_keyed",
        "enqueue.size_cold",
        "index.dry_run",
        "index.capture",
        "index.unchanged",
        "drain",
        "drain.requests",
        "drain.nothing_owed",
        "status",
    ];
    for name in known {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for row in rows {
        for field in ["value", "limit", "ratio_to_limit"] {
            assert!(row[field].as_f64().unwrap() > 0.0, "{field}: {row}");
        }
        assert!(
            row["unit"].is_string() && row["limit_is"].is_string() && row["params"].is_object(),
            "{row}"
        );
        for field in ["samples", "limit_samples"] {
            assert_eq!(row[field].as_array().unwrap().len(), 2, "{field}: {row}");
        }
    }
}

#[test]
fn a_drain_takes_one_connection_and_the_fewest_requests() {
    let sandbox = Sandbox::new();
    if is_volatile(&sandbox) {
        return;
    }
    let document = quick(&sandbox, &["drain", "--json"]).success().json();
    let rows = document["rows"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["name"] == "drain.requests")
        .unwrap();
    assert_eq!(
        (&row["params"]["events"], &row["params"]["connections"]),
        (&1000.into(), &1.into()),
        "{row}"
    );
    assert_eq!(
        (&row["samples"], &row["limit_samples"]),
        (&json!([2.0, 2.0]), &json!([2.0, 2.0])),
        "{row}"
    );
}

#[test]
fn nothing_is_left_behind_and_no_journal_is_touched() {
    let sandbox = Sandbox::with_repo();
    if is_volatile(&sandbox) {
        return;
    }
    let before = sandbox.listing();
    let run = sandbox
        .sk_sync(["bench", "enqueue", "--quick", "--repeats", "1"])
        .success();
    assert!(
        run.stdout.contains("enqueue.bulk_keyed") && run.stdout.contains("Samples"),
        "{run:?}"
    );
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn memory_is_no_disk() {
    let sandbox = Sandbox::new();
    let memory = Path::new("/dev/shm");
    if !mounted_in_memory(memory) {
        skipped("/dev/shm is no tmpfs here");
        return;
    }
    let run = sandbox
        .sk_sync(["bench", "enqueue", "--quick", "--dir", "/dev/shm"])
        .code(2);
    assert_eq!(run.stdout, "");
    assert!(
        run.stderr.contains("/dev/shm is on tmpfs") && run.stderr.contains("--dir"),
        "{run:?}"
    );
}

#[test]
fn the_picture_has_a_point_for_each_depth() {
    let sandbox = Sandbox::new();
    if is_volatile(&sandbox) {
        return;
    }
    let args = [
        "enqueue",
        "--depth",
        "10,100,1000",
        "--plot",
        "depth.svg",
        "--json",
    ];
    quick(&sandbox, &args).success().json();
    let svg = sandbox.read("depth.svg");
    assert_well_formed(&svg);
    // Points from left to right, of sk-sync and of bare SQLite: the last one explains the colour.
    for colour in ["#1F6FEB", "#8B949E"] {
        let points: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<circle") && line.contains(colour))
            .map(|line| attribute(line, "cx"))
            .collect();
        let [a, b, c, _] = points[..] else {
            panic!("{colour}: {svg}")
        };
        assert!(a < b && b < c, "{colour}: {svg}");
        assert!(
            ((b - a) - (c - b)).abs() <= 1.0,
            "decades are evenly apart: {points:?}"
        );
    }
    for words in ["sk-sync", "bare SQLite", "10", "100", "1,000"] {
        assert!(svg.lines().any(|line| line == words), "{words}: {svg}");
    }
}

fn attribute(tag: &str, name: &str) -> f64 {
    let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

/// Every tag is closed, in order; attributes are quoted; nothing is escaped wrongly.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece
            .split_once('>')
            .unwrap_or_else(|| panic!("a tag is not closed: {piece}"));
        assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
        assert!(!text.contains('>') && !text.contains("& "), "{text}");
        let name = tag.split(' ').next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty() && xml.starts_with("<svg "), "{open:?}");
}
