//! Delivery: all events of a journal to a receiver, compared with posting the same bytes; and
//! drains with nothing to send.

use super::corpus::{self, Kind};
use super::error::Error;
use super::exchange::{Tap, post, requests};
use super::ground::Ground;
use super::receiver::Receiver;
use super::settled::Settled;
use super::site::Site;
use super::sizes::Sizes;
use super::stage::Stage;
use super::suite::{Measure, Reading, RowPlan, Suite};
use super::usage::processor_time;

const SAME_POSTS: &str = "posting the same requests over a bare socket, one after another";
const FEWEST: &str = "the fewest requests that drain.max_events and drain.max_bytes allow";
const START: &str = "starting the program with --version";

/// Sets up all lanes.
pub(super) fn suite<'a>(
    stage: &'a Stage,
    ground: &'a Ground,
    sizes: &Sizes,
    progress: &dyn Fn(&str),
) -> Result<Suite<'a>, Error> {
    let mut suite = Suite::default();
    delivery(&mut suite, stage, ground, sizes.drain, progress)?;
    for &depth in &sizes.settled {
        nothing_owed(&mut suite, Settled::at(stage, ground, depth, progress)?);
    }
    Ok(suite)
}

/// Delivers everything to a new receiver that stores it in a file.
fn delivery<'a>(
    suite: &mut Suite<'a>,
    stage: &'a Stage,
    ground: &'a Ground,
    count: u64,
    progress: &dyn Fn(&str),
) -> Result<(), Error> {
    progress(&format!("preparing {count} events to deliver"));
    let project = std::rc::Rc::new(Site::that_sends(stage, ground, "owed")?);
    project.prefill(count)?;
    let template = ground.path("owed/template.db");
    super::site::copy_store(&project.store(), &template)?;
    let recorded = record(&project, ground)?;
    let (connections, sent) = (recorded.len() as u64, recorded.concat());
    let limits = project.limits();
    let keeps = ground.path("owed/received.db");

    let (at, store) = (std::rc::Rc::clone(&project), keeps.clone());
    let work = suite.lane(format!("drain of {count}"), move || {
        at.copy_of(&template)?;
        let receiver = fresh_receiver(&at, &store)?;
        let before = processor_time();
        let (drain, wall) = at.drain(&receiver.url)?;
        if drain.success != count {
            return Err(Error::Work(format!(
                "{} of {count} events were delivered",
                drain.success
            )));
        }
        Ok(Reading {
            wall,
            processor: since(before),
            requests: drain.requests,
            ..Reading::default()
        })
    });
    let limit = suite.lane(format!("drain of {count}: limit"), move || {
        let receiver = fresh_receiver(&project, &keeps)?;
        let before = processor_time();
        let begun = std::time::Instant::now();
        let requests = post(receiver.address()?, &sent)?;
        Ok(Reading {
            wall: begun.elapsed(),
            processor: since(before),
            requests,
            ..Reading::default()
        })
    });
    let fewest = fewest_requests(count, limits);
    let fewest = suite.constant(
        "drain: fewest requests",
        Reading {
            requests: fewest,
            ..Reading::default()
        },
    );
    let params = vec![("events", count), ("connections", connections)];
    let mut row = |name, limit, limit_is, measure| {
        suite.row(RowPlan {
            name,
            work,
            limit,
            limit_is,
            measure,
            params: params.clone(),
        });
    };
    row("drain", limit, SAME_POSTS, Measure::Millis);
    if processor_time().is_some() {
        row(
            "drain.processor",
            limit,
            SAME_POSTS,
            Measure::ProcessorMillis,
        );
    }
    row("drain.requests", fewest, FEWEST, Measure::Requests);
    Ok(())
}

fn since(before: Option<std::time::Duration>) -> std::time::Duration {
    processor_time()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before))
        .unwrap_or_default()
}

/// An empty receiver.
fn fresh_receiver(project: &Site, store: &std::path::Path) -> Result<Receiver, Error> {
    for side in ["", "-wal", "-shm"] {
        let mut name = store.as_os_str().to_owned();
        name.push(side);
        // The first one must leave nothing behind for the next.
        let _absent = std::fs::remove_file(name);
    }
    Receiver::start(project.command(&[]), Some(store))
}

/// Delivers everything once through a tap; returns the requests of each connection.
fn record(project: &Site, ground: &Ground) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    let receiver = fresh_receiver(project, &ground.path("owed/recorded.db"))?;
    let tap = Tap::open(receiver.address()?)?;
    project.drain(&tap.through(&receiver.url))?;
    tap.close()?.iter().map(|sent| requests(sent)).collect()
}

/// The smallest number of requests that can carry the first `count` events in order.
fn fewest_requests(count: u64, (max_events, max_bytes): (usize, usize)) -> u64 {
    let frame = r#"{"events":[]}"#.len();
    let (mut requests, mut events, mut bytes) = (0, 0, 0);
    for n in 0..count {
        let size = corpus::event(Kind::Plain, n).len();
        if events == 0 || events >= max_events || bytes + 1 + size > max_bytes {
            (requests, events, bytes) = (requests + 1, 1, frame + size);
        } else {
            (events, bytes) = (events + 1, bytes + 1 + size);
        }
    }
    requests
}

/// A drain, as a separate process, that finds everything delivered.
fn nothing_owed(suite: &mut Suite<'_>, settled: Settled) {
    let depth = settled.depth;
    let settled = std::rc::Rc::new(settled);
    let at = std::rc::Rc::clone(&settled);
    let work = suite.lane(
        format!("drain, nothing left to send of {depth}"),
        move || {
            Ok(at
                .site
                .process(&at.with_target(&["drain", "--quiet"]))?
                .into())
        },
    );
    let limit = suite.lane(
        format!("drain, nothing left to send of {depth}: limit"),
        move || Ok(settled.site.process(&["--version"])?.into()),
    );
    suite.row(RowPlan {
        name: "drain.nothing_owed",
        work,
        limit,
        limit_is: START,
        measure: Measure::Millis,
        params: vec![("depth", depth)],
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_requests_fill_each_one() {
        for (count, fewest) in [(0, 0), (1, 1), (500, 1), (10_000, 14), (2_001, 3)] {
            assert_eq!(fewest_requests(count, (1000, 524_288)), fewest, "{count}");
        }
    }
}
