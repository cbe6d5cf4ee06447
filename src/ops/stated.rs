//! The facts that a checkout has stated: a work tree states a fact only if it changed there.
//! Another checkout may have stated a newer one meanwhile, which an older file here must not
//! revert.
//!
//! The file `told` in the cache directory of the checkout: a line of JSON, then 28 bytes for each
//! fact. It is ignored if it is damaged or belongs to another journal.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::base::files;
use crate::event::Coalesce;
use crate::journal::{self, Point};
use crate::store::ReadTx;

/// Largest file that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    checkout: String,
    point: Point,
}

/// The facts stated by one checkout.
#[derive(Debug)]
pub(super) struct StatedFacts {
    file: PathBuf,
    checkout: String,
    facts: Facts,
    /// The number of the last stated fact.
    last: u32,
    /// All facts ever stated by any checkout, if this is a linked work tree that has stated nothing
    /// yet: its files come from a branch and are not new.
    ever: HashSet<([u8; 16], [u8; 8])>,
    has_changed: bool,
}

impl StatedFacts {
    /// The facts that the checkout with the cache directory `dir` has stated to this journal.
    pub(super) fn of(
        tx: &ReadTx<'_>,
        dir: &Path,
        checkout: &str,
        is_linked: bool,
    ) -> Result<Self, Error> {
        let file = dir.join("told");
        let (ever, has_changed) = (HashSet::new(), false);
        let mut told = Self {
            file,
            checkout: checkout.to_owned(),
            facts: HashMap::new(),
            last: 0,
            ever,
            has_changed,
        };
        match read(&told.file, checkout) {
            Some((point, facts)) if journal::continues(tx, &point)? => {
                told.last = facts.values().map(|said| said.number).max().unwrap_or(0);
                told.facts = facts;
            }
            _ if is_linked => told.ever = journal::ever_stated(tx)?,
            _ => {}
        }
        Ok(told)
    }

    /// True if the checkout stated this last and nothing contrary since, or began with it.
    pub(super) fn says(&self, c: &Coalesce) -> bool {
        let Some(said) = self.facts.get(&c.key) else {
            return self.ever.contains(&(c.key, short(c)));
        };
        let rival = c.rival.and_then(|rival| self.facts.get(&rival));
        said.facts == short(c) && rival.is_none_or(|rival| rival.number < said.number)
    }

    /// Records that the checkout states this now.
    pub(super) fn note(&mut self, c: &Coalesce) {
        if self.facts.contains_key(&c.key) && self.says(c) {
            return;
        }
        self.last += 1;
        self.facts.insert(
            c.key,
            Said {
                facts: short(c),
                number: self.last,
            },
        );
        self.has_changed = true;
    }

    /// Saves the file, if it changed.
    pub(super) fn save(&self, point: &Point) {
        if !self.has_changed {
            return;
        }
        let head = Head {
            checkout: self.checkout.clone(),
            point: point.clone(),
        };
        let written = serde_json::to_vec(&head)
            .map_err(std::io::Error::from)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                for (key, facts) in &self.facts {
                    bytes.extend_from_slice(key);
                    bytes.extend_from_slice(&facts.facts);
                    bytes.extend_from_slice(&facts.number.to_le_bytes());
                }
                self.file
                    .parent()
                    .map_or(Ok(()), files::create_private_dir)?;
                files::replace_lightly(&self.file, &bytes)
            });
        if let Err(error) = written {
            log::warn!("what this checkout told is not remembered: {error}");
        }
    }
}

fn short(c: &Coalesce) -> [u8; 8] {
    journal::short(&c.facts)
}

/// The last statement about a key, and its number among all of the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    facts: [u8; 8],
    number: u32,
}

type Facts = HashMap<[u8; 16], Said>;

fn read(file: &Path, checkout: &str) -> Option<(Point, Facts)> {
    if std::fs::metadata(file).ok()?.len() > LONGEST {
        return None;
    }
    let bytes = std::fs::read(file).ok()?;
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let (records, rest) = bytes[end + 1..].as_chunks::<28>();
    if head.checkout != checkout || !rest.is_empty() {
        return None;
    }
    let split = |record: &[u8; 28]| {
        let (mut key, mut facts, mut number) = ([0; 16], [0; 8], [0; 4]);
        key.copy_from_slice(&record[..16]);
        facts.copy_from_slice(&record[16..24]);
        number.copy_from_slice(&record[24..]);
        (
            key,
            Said {
                facts,
                number: u32::from_le_bytes(number),
            },
        )
    };
    Some((head.point, records.iter().map(split).collect()))
}
