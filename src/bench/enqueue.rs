//! Events into the journal: one at a time and in bulk, at several depths, compared with bare SQLite
//! and with the old way.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use super::bare;
use super::corpus::{self, Kind};
use super::error::Error;
use super::ground::Ground;
use super::memory;
use super::site::{BATCH, Site, copy_store};
use super::sizes::Sizes;
use super::stage::Stage;
use super::suite::{LaneId, Measure, Reading, RowPlan, Suite};
use crate::{books, journal};

const BARE_COMMITS: &str = "bare SQLite: the same rows, tables, durability and commits";
const BARE_LOOP: &str = "bare SQLite: the same rows and tables in the same batches";
const OLD_WAY: &str = "the old way: open, COUNT(*), insert, commit, close for each event";
const AT_EMPTY: &str = "the same with an empty journal";

/// Depth of the original scenario, at which the old way is measured too.
const ORIGINAL_DEPTH: u64 = 5_000;

/// Sets up all lanes: at each depth events one at a time; in bulk for an empty and for a deep
/// journal.
pub(super) fn suite<'a>(
    stage: &'a Stage,
    ground: &'a Ground,
    sizes: &Sizes,
    progress: &dyn Fn(&str),
) -> Result<Suite<'a>, Error> {
    let mut suite = Suite::default();
    let mut depths = sizes.depths.clone();
    depths.sort_unstable();
    depths.dedup();
    let mut empty = None;
    for &depth in &depths {
        let pair = Rc::new(Pair::new(stage, ground, depth, progress)?);
        let ours = one_by_one(&mut suite, &pair, sizes.each);
        if Some(depth) == old_way_depth(&depths) {
            old_way(&mut suite, ground, &pair, sizes.each, ours)?;
        }
        if depth == 0 {
            in_bulk(&mut suite, &pair, "enqueue.bulk", Kind::Plain, sizes.bulk);
            in_bulk(
                &mut suite,
                &pair,
                "enqueue.bulk_keyed",
                Kind::Keyed(sizes.bulk / 5),
                sizes.bulk,
            );
        } else if pair.grows {
            in_bulk(&mut suite, &pair, "enqueue.bulk", Kind::Plain, sizes.bulk);
        }
        let size = cold_size(&mut suite, &pair);
        let (empty_each, empty_size) = *empty.get_or_insert((ours, size));
        if depth > 0 && depths.first() == Some(&0) && Some(&depth) == depths.last() {
            let params = vec![("depth", depth), ("events", sizes.each)];
            let measure = Measure::PerSecond(sizes.each);
            suite.row(RowPlan {
                name: "enqueue.each_by_depth",
                work: ours,
                limit: empty_each,
                limit_is: AT_EMPTY,
                measure,
                params,
            });
            let params = vec![("depth", depth)];
            let measure = Measure::Micros;
            suite.row(RowPlan {
                name: "enqueue.size_cold",
                work: size,
                limit: empty_size,
                limit_is: AT_EMPTY,
                measure,
                params,
            });
        }
    }
    memory::lanes(&mut suite, stage, ground, sizes.stream)?;
    Ok(suite)
}

/// The depth at which the old way is measured: that of the original scenario, else the deepest that
/// is fast enough.
fn old_way_depth(depths: &[u64]) -> Option<u64> {
    let bearable = depths
        .iter()
        .copied()
        .filter(|depth| *depth <= 4 * ORIGINAL_DEPTH);
    bearable.max_by_key(|depth| (*depth == ORIGINAL_DEPTH, *depth))
}

/// Two stores with the same content: one for us, one for bare SQLite.
struct Pair {
    depth: u64,
    site: Site,
    bare: PathBuf,
    template: PathBuf,
    /// The store is so deep that the events of a few samples make no difference: it grows instead
    /// of being recreated.
    grows: bool,
    /// The number of the next unused event.
    next: std::cell::Cell<u64>,
}

impl Pair {
    fn new(
        stage: &Stage,
        ground: &Ground,
        depth: u64,
        progress: &dyn Fn(&str),
    ) -> Result<Self, Error> {
        progress(&format!("preparing {depth} events"));
        let site = Site::new(stage, ground, &format!("at-{depth}"))?;
        site.prefill(depth)?;
        let (bare, template) = (
            ground.path(&format!("at-{depth}/bare.db")),
            ground.path(&format!("at-{depth}/template.db")),
        );
        let grows = depth > 100_000;
        copy_store(&site.store(), if grows { &bare } else { &template })?;
        Ok(Self {
            depth,
            site,
            bare,
            template,
            grows,
            next: std::cell::Cell::new(depth),
        })
    }

    /// The numbers of `count` events that are in no store.
    fn fresh(&self, count: u64) -> u64 {
        self.next.replace(self.next.get() + count)
    }

    fn ours(&self) -> Result<&Site, Error> {
        if !self.grows {
            self.site.copy_of(&self.template)?;
        }
        Ok(&self.site)
    }

    fn bare(&self) -> Result<&PathBuf, Error> {
        if !self.grows {
            copy_store(&self.template, &self.bare)?;
        }
        Ok(&self.bare)
    }
}

/// Ours and bare SQLite, `count` events in commits of `batch`; both sides use the same events in
/// each round.
fn lanes(
    suite: &mut Suite<'_>,
    pair: &Rc<Pair>,
    name: &str,
    kind: Kind,
    count: u64,
    batch: usize,
) -> (LaneId, LaneId) {
    let depth = pair.depth;
    let events = Rc::new(std::cell::RefCell::new(Vec::new()));
    let (at, made) = (Rc::clone(pair), Rc::clone(&events));
    let ours = suite.lane(format!("{name} at {depth}"), move || {
        *made.borrow_mut() = corpus::lines(kind, at.fresh(count), count);
        let input = Box::new(std::io::Cursor::new(made.borrow().clone()));
        Ok(at.ours()?.capture(input, count, batch)?.into())
    });
    let at = Rc::clone(pair);
    let limit = suite.lane(format!("{name} at {depth}: limit"), move || {
        if events.borrow().is_empty() {
            *events.borrow_mut() = corpus::lines(kind, at.fresh(count), count);
        }
        let rows = bare::rows(&events.take())?;
        Ok(bare::insert(at.bare()?, &rows, batch)?.into())
    });
    (ours, limit)
}

fn one_by_one(suite: &mut Suite<'_>, pair: &Rc<Pair>, count: u64) -> LaneId {
    let (work, limit) = lanes(suite, pair, "enqueue.each", Kind::Plain, count, 1);
    suite.row(RowPlan {
        name: "enqueue.each",
        work,
        limit,
        limit_is: BARE_COMMITS,
        measure: Measure::PerSecond(count),
        params: vec![("depth", pair.depth), ("events", count), ("batch", 1)],
    });
    work
}

fn in_bulk(suite: &mut Suite<'_>, pair: &Rc<Pair>, name: &'static str, kind: Kind, count: u64) {
    let (work, limit) = lanes(suite, pair, name, kind, count, BATCH);
    suite.row(RowPlan {
        name,
        work,
        limit,
        limit_is: BARE_LOOP,
        measure: Measure::PerSecond(count),
        params: vec![
            ("depth", pair.depth),
            ("events", count),
            ("batch", BATCH as u64),
        ],
    });
}

fn old_way<'a>(
    suite: &mut Suite<'a>,
    ground: &'a Ground,
    pair: &Rc<Pair>,
    count: u64,
    ours: LaneId,
) -> Result<(), Error> {
    let depth = pair.depth;
    let template = ground.path("old-template.db");
    bare::old_queue(
        &template,
        &bare::rows(&corpus::lines(Kind::Plain, 0, depth))?,
    )?;
    let at = Rc::clone(pair);
    let old = suite.lane(format!("enqueue.each at {depth}: the old way"), move || {
        let queue = ground.path("old.db");
        copy_store(&template, &queue)?;
        let rows = bare::rows(&corpus::lines(Kind::Plain, at.fresh(count), count))?;
        Ok(bare::insert_old_way(&queue, &rows)?.into())
    });
    suite.row(RowPlan {
        name: "enqueue.each_and_the_old_way",
        work: ours,
        limit: old,
        limit_is: OLD_WAY,
        measure: Measure::PerSecond(count),
        params: vec![("depth", depth), ("events", count)],
    });
    Ok(())
}

/// Time until a new handle has read the number of live events.
fn cold_size(suite: &mut Suite<'_>, pair: &Rc<Pair>) -> LaneId {
    let at = Rc::clone(pair);
    suite.lane(format!("enqueue.size_cold at {}", pair.depth), move || {
        let path = at.ours()?.store();
        let begun = Instant::now();
        let store =
            books::open_read(&path)?.ok_or_else(|| Error::Work("there is no store".to_owned()))?;
        let live = store
            .read(|tx| journal::totals(tx).map_err(crate::ops::Error::from))?
            .live;
        let took = begun.elapsed();
        if u64::try_from(live).unwrap_or(0) < at.depth {
            return Err(Error::Work(format!(
                "{live} live events where {} were captured",
                at.depth
            )));
        }
        Ok(Reading::from(took))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_way_runs_where_it_once_did_or_where_it_is_bearable() {
        for (depths, at) in [
            (&[0, 5_000, 20_000, 1_000_000][..], Some(5_000)),
            (&[0, 1_000], Some(1_000)),
            (&[1_000_000], None),
            (&[], None),
        ] {
            assert_eq!(old_way_depth(depths), at, "{depths:?}");
        }
    }
}
