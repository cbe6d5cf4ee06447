//! Indexing a tree, as separate processes: a dry run, the first index, and again without changes.

use std::rc::Rc;
use std::time::Duration;

use super::error::Error;
use super::ground::Ground;
use super::hashing::{Act, in_all_threads, in_one_thread};
use super::site::Site;
use super::sizes::Sizes;
use super::stage::Stage;
use super::suite::{LaneId, Measure, Reading, RowPlan, Suite};
use super::tree;

const HASHED: &str = "walking the tree, reading and hashing every file, in all threads";
const HASHED_ALONE: &str = "walking the tree, reading and hashing every file, in one thread";
/// Number of index runs to try until every file is cached.
const LOOKS: usize = 1000;
const LOOKED_AT: &str = "walking the tree and looking at every file (lstat), in all threads";

/// Sets up all lanes.
pub(super) fn suite<'a>(
    stage: &'a Stage,
    ground: &'a Ground,
    sizes: &Sizes,
    progress: &dyn Fn(&str),
) -> Result<Suite<'a>, Error> {
    let (missions, files) = (sizes.missions, sizes.files);
    progress(&format!("writing {files} files of {missions} missions"));
    let project = Rc::new(Site::new(stage, ground, "index")?);
    let bytes = tree::write(&project.repo().join("kitty-specs"), missions, files)?;
    ground.settle()?;

    let mut suite = Suite::default();
    let dry_run = process(
        &mut suite,
        &project,
        "index --dry-run",
        &["index", "--dry-run", "--quiet"],
        forget,
    );
    let hashed = limit(&mut suite, &project, files, "hash, all threads", |root| {
        in_all_threads(root, Act::Hash)
    });
    let alone = limit(&mut suite, &project, files, "hash, one thread", |root| {
        in_one_thread(root, Act::Hash)
    });
    let capture = process(
        &mut suite,
        &project,
        "index, first",
        &["index", "--quiet"],
        forget,
    );
    let unchanged = process(
        &mut suite,
        &project,
        "index, unchanged",
        &["index", "--quiet"],
        until_remembered,
    );
    let looked_at = limit(&mut suite, &project, files, "lstat, all threads", |root| {
        in_all_threads(root, Act::Look)
    });
    let params = vec![
        ("missions", missions as u64),
        ("files", files as u64),
        ("bytes", bytes),
    ];
    for (name, work, limit, limit_is) in [
        ("index.dry_run", dry_run, hashed, HASHED),
        ("index.dry_run_and_one_thread", dry_run, alone, HASHED_ALONE),
        ("index.capture", capture, hashed, HASHED),
        ("index.unchanged", unchanged, looked_at, LOOKED_AT),
    ] {
        let (measure, params) = (Measure::Millis, params.clone());
        suite.row(RowPlan {
            name,
            work,
            limit,
            limit_is,
            measure,
            params,
        });
    }
    Ok(suite)
}

/// Deletes the store; an error if the program still finds one.
fn forget(project: &Site) -> Result<(), Error> {
    project.forget()?;
    let output = project.command(&["status", "--json"]).output()?;
    let status: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|e| Error::Work(e.to_string()))?;
    if status["balance"]["captured"] == 0 {
        Ok(())
    } else {
        Err(Error::Work("the store is not new".to_owned()))
    }
}

/// Indexes until no file is read any more. A file is cached only if it is older than its
/// examination by more than the clock's precision (git's racy-clean rule), and this tree was
/// written just now.
fn until_remembered(project: &Site) -> Result<(), Error> {
    for _ in 0..LOOKS {
        let output = project.command(&["index", "--json"]).output()?;
        let report: serde_json::Value =
            serde_json::from_slice(&output.stdout).map_err(|e| Error::Work(e.to_string()))?;
        if report["index"]["hashed"] == 0 {
            return Ok(());
        }
    }
    Err(Error::Work(format!(
        "{LOOKS} times indexed, and files are still read"
    )))
}

fn process(
    suite: &mut Suite<'_>,
    project: &Rc<Site>,
    name: &str,
    args: &'static [&'static str],
    prepare: fn(&Site) -> Result<(), Error>,
) -> LaneId {
    let project = Rc::clone(project);
    suite.lane(name, move || {
        prepare(&project)?;
        Ok(project.process(args)?.into())
    })
}

fn limit(
    suite: &mut Suite<'_>,
    project: &Rc<Site>,
    files: usize,
    name: &str,
    work: fn(&std::path::Path) -> Result<(usize, Duration), Error>,
) -> LaneId {
    let root = project.repo().join("kitty-specs");
    suite.lane(name, move || match work(&root)? {
        (met, took) if met == files => Ok(Reading::from(took)),
        (met, _) => Err(Error::Work(format!("{met} of {files} files were met"))),
    })
}
