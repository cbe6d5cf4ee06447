//! `migrate --dry-run`: what would be imported. Reads private copies in the system's directory for
//! temporary files, and writes nothing else.

use std::collections::HashMap;

use super::import::Tally;
use super::report::{SourceReport, Taken};
use super::share::{Share, plan};
use super::source::Source;
use super::source_rows::{EventRow, Stop};
use super::take_over::scopes;
use super::todo::{Todo, look, place, settled};
use super::{Destination, Error, Found, Kind, Request};
use crate::base::{Sha256, json};
use crate::books;
use crate::journal;
use crate::store::{ForeignError, ReadStore, ReadTx};

/// The contents seen so far in this preview, by destination and id.
type Seen = HashMap<(String, String), Sha256>;

/// The result that an import would have.
pub(crate) fn preview(request: &Request<'_>) -> Result<Taken, Error> {
    let (mut taken, mut seen) = (Taken::default(), Seen::new());
    let looked = look(request).0;
    if looked.is_empty() {
        return Ok(taken);
    }
    let scratch = private_scratch().map_err(Error::Io)?;
    let scopes = scopes(request, scratch.path(), &mut taken);
    for (found, todo) in looked {
        let report = match todo {
            // The record of an older migration adds no event if its journals exist.
            Todo::Read if found.kind == Kind::Audit => SourceReport::waiting(&found),
            Todo::Read => match source(request, &found, scratch.path(), &mut seen)? {
                Ok((known, tally)) => {
                    let report =
                        SourceReport::taken(&found, &known, scopes.provenance(&found), tally, None);
                    SourceReport {
                        result: "would_import",
                        ..report
                    }
                }
                Err(error) => SourceReport::failed(&found, &error),
            },
            todo => settled(&found, todo),
        };
        taken.sources.push(report);
    }
    Ok(taken)
}

/// A directory for the copies that other users cannot list.
fn private_scratch() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

type Looked = Result<(super::catalog::Known, Tally), ForeignError>;

fn source(
    request: &Request<'_>,
    found: &Found,
    scratch: &std::path::Path,
    seen: &mut Seen,
) -> Result<Looked, Error> {
    let opened = Source::open(found, scratch, request.interrupt)
        .and_then(|source| Ok((plan(&source)?, source)));
    let (plan, source) = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let mut tally = Tally::default();
    source
        .note()
        .into_iter()
        .for_each(|note| tally.note(note.to_owned()));
    plan.unusable.iter().for_each(|why| tally.refuse(why));
    for (destination, share) in &plan.shares {
        // Rows that wait for the user's confirmation are counted as well, because this output shows
        // them.
        if !request.may_take(found.kind, destination) {
            continue;
        }
        let store = books::open_read(&place(request.home, request.repository, destination)?)?;
        match count(&source, share, destination, store.as_ref(), seen)? {
            Ok((counted, new)) => {
                tally.add(counted);
                seen.extend(new);
            }
            Err(error) => return Ok(Err(error)),
        }
        tally.held += if request.policy.is_held {
            tally.imported - tally.held
        } else {
            0
        };
        tally.bodies += if request.policy.is_held {
            0
        } else {
            share.bodies.len() as u64
        };
        tally.failures += share.failures.len() as u64;
    }
    Ok(Ok((plan.known(&source, tally.refused), tally)))
}

/// The result that importing a share would have, and which contents are new.
fn count(
    source: &Source,
    share: &Share,
    destination: &Destination,
    store: Option<&ReadStore>,
    seen: &Seen,
) -> Result<Result<(Tally, Seen), ForeignError>, Error> {
    let work = |tx: Option<&ReadTx<'_>>| {
        let (mut tally, mut new) = (Tally::default(), Seen::new());
        let counted = source.events(&share.events, &mut |looked| {
            match looked {
                Ok(row) => one(tx, destination, &row, seen, &mut new, &mut tally)?,
                Err(why) => tally.refuse(&why),
            }
            Ok::<_, Error>(())
        });
        match counted {
            Ok(()) => Ok(Ok((tally, new))),
            Err(Stop::Source(error)) => Ok(Err(error)),
            Err(Stop::Callback(error)) => Err(error),
        }
    };
    match store {
        Some(store) => store.read(|tx| work(Some(tx))),
        None => work(None),
    }
}

fn one(
    tx: Option<&ReadTx<'_>>,
    destination: &Destination,
    row: &EventRow<'_>,
    seen: &Seen,
    new: &mut Seen,
    tally: &mut Tally,
) -> Result<(), Error> {
    let content = meaning(row.data);
    let holder = match tx {
        Some(tx) => journal::holder(tx, row.event_id)?.map(|holder| (tx, holder)),
        None => None,
    };
    let is_same = match holder {
        Some((_, holder)) if holder.is_purged => {
            tally.purged += 1;
            return Ok(());
        }
        Some((tx, holder)) => {
            let sha256 = Sha256::of(row.data);
            holder.payload_sha256 == sha256
                || journal::payload(tx, holder.seq)?.is_some_and(|kept| meaning(&kept) == content)
                || journal::is_set_aside(tx, row.event_id, &sha256)?
        }
        None => {
            let key = (
                destination.name().to_owned(),
                row.event_id.to_ascii_lowercase(),
            );
            let Some(first) = seen.get(&key).or_else(|| new.get(&key)) else {
                tally.imported += 1;
                new.insert(key, content);
                return Ok(());
            };
            *first == content
        }
    };
    *(if is_same {
        &mut tally.deduplicated
    } else {
        &mut tally.conflicts
    }) += 1;
    Ok(())
}

/// The digest of a text's canonical form; of its bytes if it is not JSON.
fn meaning(data: &[u8]) -> Sha256 {
    json::canonical(data).map_or_else(|| Sha256::of(data), |canonical| Sha256::of(&canonical))
}
