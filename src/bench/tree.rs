//! A tree of feature directories to index, with the same files and bytes each time.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::error::Error;

/// Average size of a file, in bytes.
const FILE_BYTES: usize = 9_600;

/// First files of each mission.
const FIRST: [&str; 7] = [
    "meta.json",
    "spec.md",
    "plan.md",
    "tasks.md",
    "research.md",
    "data-model.md",
    "quickstart.md",
];

/// Writes `missions` feature directories with `files` files in total below `root`; returns their
/// bytes.
pub(super) fn write(root: &Path, missions: usize, files: usize) -> Result<u64, Error> {
    let mut bytes = 0;
    for mission in 0..missions {
        let dir = root.join(format!("{mission:03}-harbour-{}", mission % 7));
        for below in ["tasks", "contracts", "checklists"] {
            fs::create_dir_all(dir.join(below))?;
        }
        for n in 0..share(files, missions, mission) {
            let text = if n == 0 {
                meta(mission)
            } else {
                text(mission, n)
            };
            fs::write(dir.join(name(n)), &text)?;
            bytes += text.len() as u64;
        }
    }
    Ok(bytes)
}

/// Number of the `files` in this mission: they are spread evenly.
fn share(files: usize, missions: usize, mission: usize) -> usize {
    files / missions.max(1) + usize::from(mission < files % missions.max(1))
}

/// The name of a mission's `n`-th file.
fn name(n: usize) -> String {
    match FIRST.get(n) {
        Some(name) => (*name).to_owned(),
        None if n.is_multiple_of(9) => format!("contracts/c{n:02}.json"),
        None if n.is_multiple_of(7) => format!("checklists/c{n:02}.md"),
        None => format!("tasks/WP{n:02}-part.md"),
    }
}

fn meta(mission: usize) -> String {
    format!(
        "{{\"mission_slug\": \"{mission:03}\", \"mission_type\": \"software-dev\", \"target_branch\": \"main\", \
         \"created_at\": \"2026-02-12T10:00:00+00:00\"}}\n"
    )
}

/// Plain text between a tenth and twice of the average size.
fn text(mission: usize, n: usize) -> String {
    let length = FILE_BYTES / 10 + (mission * 7_919 + n * 104_729) % (FILE_BYTES * 19 / 10);
    let mut text = format!("# Part {n} of mission {mission}\n\n");
    let mut line = 0;
    while text.len() < length {
        line += 1;
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            text,
            "- [ ] T{line:04} check the moorings of berth {} before the ebb",
            (n * line) % 97
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_tree_has_its_missions_files_and_bytes() {
        let (missions, files) = (412, 10_437);
        assert_eq!(
            (0..missions)
                .map(|m| share(files, missions, m))
                .sum::<usize>(),
            files
        );
        let bytes: usize = (0..20)
            .flat_map(|m| (1..25).map(move |n| text(m, n).len()))
            .sum();
        let average = bytes / (20 * 24);
        assert!((9_000..10_500).contains(&average), "{average}");
    }

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = (0..40).map(name).collect();
        assert_eq!(names.len(), 40);
    }
}
