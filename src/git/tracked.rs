//! The tracked paths of a work tree, from its index: versions 2, 3 and 4, split and sparse, with
//! ids of both hashes.
//!
//! Only names are read, entry by entry, and only those below one place are kept. A crate for the
//! whole format would add 43 others, among them a memory map and a second version of `bitflags`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::ops::Range;
use std::path::Path;

use super::checkout::value;
use crate::base::{digest, files};

/// Largest index that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The longest name of an entry, in bytes.
const MAX_NAME: usize = 4096;
/// Most bytes after the entries.
const MAX_EXTENSIONS: u64 = 64 << 20;
/// Entries without a name that are read at most.
const MAX_UNNAMED: usize = 1 << 18;
/// Most bytes of names that are kept.
const MAX_KEPT: usize = 64 << 20;
/// Bytes of an entry before its object id: times, device, inode, mode, owner and size.
const STAT: usize = 40;
/// The flag for two more bytes of flags in an entry; from version 3 on.
const EXTENDED: u16 = 0x4000;

/// The tracked paths at `place` (a name at the top of the work tree) and below it; empty without an
/// index. A directory that is one entry of a sparse index ends in `/`. `Err` if the index cannot be
/// read to its end.
pub(super) fn tracked(
    git_dir: &Path,
    common_dir: &Path,
    place: &str,
) -> io::Result<BTreeSet<String>> {
    let is_sha256 = value(common_dir, "extensions", "objectformat")
        .is_some_and(|v| v.eq_ignore_ascii_case("sha256"));
    let wanted = Wanted {
        id: if is_sha256 { 32 } else { 20 },
        place,
    };
    let index = match files::open_regular(&git_dir.join("index")) {
        Ok(file) => wanted.read(file)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(e) => return Err(e),
    };
    let mut paths: BTreeSet<String> = index.paths.into_iter().map(|(_, path)| path).collect();
    if let Some(split) = index.split {
        let base = wanted.read(files::open_regular(
            &git_dir.join(format!("sharedindex.{}", split.base)),
        )?)?;
        let is_deleted = |at: &u32| {
            let after = split
                .deleted
                .partition_point(|range| range.end <= u64::from(*at));
            split
                .deleted
                .get(after)
                .is_some_and(|range| range.contains(&u64::from(*at)))
        };
        paths.extend(
            base.paths
                .into_iter()
                .filter(|(at, _)| !is_deleted(at))
                .map(|(_, path)| path),
        );
    }
    Ok(paths)
}

/// Content of one index file.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The wanted paths, each with the number of its entry.
    pub(super) paths: Vec<(u32, String)>,
    pub(super) split: Option<Split>,
}

/// A split index, which contains only the differences from another one.
#[derive(Debug)]
pub(super) struct Split {
    /// Name of the base index, in hex.
    pub(super) base: String,
    /// Numbers of deleted entries of the base index, ascending.
    pub(super) deleted: Vec<Range<u64>>,
}

/// What to read, and the sizes of the format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Bytes of an object id.
    pub(super) id: usize,
    pub(super) place: &'a str,
}

impl Wanted<'_> {
    fn takes(&self, name: &[u8]) -> bool {
        let rest = name.strip_prefix(self.place.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    fn read(&self, mut file: File) -> io::Result<Index> {
        self.check(&mut file)?;
        file.rewind()?;
        self.parse(&mut BufReader::new(file.take(MAX_BYTES)))
    }

    /// Compares the digest at the end of the file with what is before it. Zeroes mean that git
    /// wrote none.
    fn check(&self, file: &mut File) -> io::Result<()> {
        let size = file.metadata()?.len();
        let content = size
            .checked_sub(self.id as u64)
            .filter(|_| size <= MAX_BYTES);
        let content = content.ok_or_else(|| damaged("it is too short, or longer than 256 MiB"))?;
        let mut digest = Digest::of(self.id);
        let mut reader = BufReader::new(file.by_ref().take(content));
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            digest.update(bytes);
            let read = bytes.len();
            reader.consume(read);
        }
        let mut stated = Vec::new();
        file.take(self.id as u64 + 1).read_to_end(&mut stated)?;
        let is_unstated = stated.len() == self.id && stated.iter().all(|byte| *byte == 0);
        if is_unstated || stated == digest.finish() {
            Ok(())
        } else {
            Err(damaged("its digest does not match"))
        }
    }

    pub(super) fn parse(&self, from: &mut impl BufRead) -> io::Result<Index> {
        let [magic, version, count] = [word(from)?, word(from)?, word(from)?];
        if magic != u32::from_be_bytes(*b"DIRC") || !(2..=4).contains(&version) {
            return Err(damaged("it is not an index of a version from 2 to 4"));
        }
        let (mut index, mut kept, mut unnamed, mut name) = (Index::default(), 0, 0, Vec::new());
        for at in 0..count {
            self.entry(from, version, &mut name)?;
            // Only entries that stand for one of a shared index have no name.
            unnamed += usize::from(name.is_empty());
            if unnamed > MAX_UNNAMED {
                return Err(damaged("it has too many entries without a name"));
            }
            if !name.is_empty() && self.takes(&name) {
                kept += name.len();
                if kept > MAX_KEPT {
                    return Err(damaged("it has too many names"));
                }
                index
                    .paths
                    .push((at, String::from_utf8_lossy(&name).into_owned()));
            }
        }
        index.split = self.extensions(from)?;
        Ok(index)
    }

    /// Reads one entry; `name` is the name of the entry before.
    fn entry(&self, from: &mut impl BufRead, version: u32, name: &mut Vec<u8>) -> io::Result<()> {
        skip(from, (STAT + self.id) as u64)?;
        let is_extended = version >= 3 && half(from)? & EXTENDED != 0;
        let head = STAT + self.id + if is_extended { 4 } else { 2 };
        if version < 3 {
            skip(from, 2)?;
        }
        if is_extended {
            skip(from, 2)?;
        }
        if version == 4 {
            let cut = usize::try_from(varint(from)?).unwrap_or(usize::MAX);
            name.truncate(
                name.len()
                    .checked_sub(cut)
                    .ok_or_else(|| damaged("a name is cut by more than it has"))?,
            );
        } else {
            name.clear();
        }
        let most = (MAX_NAME + 1).saturating_sub(name.len());
        let read = from.by_ref().take(most as u64).read_until(0, name)?;
        if name.pop() != Some(0) || read == 0 {
            return Err(damaged("a name has no end"));
        }
        if version < 4 {
            // An entry ends with 1 to 8 zero bytes, at a multiple of 8.
            let padding = 8 - (head + name.len()) % 8;
            skip(from, padding as u64 - 1)?;
        }
        Ok(())
    }

    /// Reads the extensions that affect the list of paths; the hash of the file follows them.
    fn extensions(&self, from: &mut impl BufRead) -> io::Result<Option<Split>> {
        let mut rest = Vec::new();
        from.take(MAX_EXTENSIONS + 1).read_to_end(&mut rest)?;
        let end = rest
            .len()
            .checked_sub(self.id)
            .filter(|end| *end as u64 <= MAX_EXTENSIONS);
        let mut rest = end
            .and_then(|end| rest.get(..end))
            .ok_or_else(|| damaged("its end is missing"))?;
        let mut split = None;
        while let Some((name, after)) = rest.split_first_chunk::<4>() {
            let (size, after) = after
                .split_first_chunk::<4>()
                .ok_or_else(|| damaged("an extension is cut off"))?;
            let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
            let (body, after) = after
                .split_at_checked(size)
                .ok_or_else(|| damaged("an extension is cut off"))?;
            match name {
                b"link" => split = self.link(body)?,
                // A sparse index has entries for directories. Extensions with upper-case names are
                // optional.
                b"sdir" => {}
                [first, ..] if first.is_ascii_uppercase() => {}
                _ => {
                    return Err(damaged(
                        "it has an extension that this version of sk-sync does not know",
                    ));
                }
            }
            rest = after;
        }
        if rest.is_empty() {
            Ok(split)
        } else {
            Err(damaged("an extension is cut off"))
        }
    }

    /// The extension of a split index: id of the base index, and which of its entries are deleted
    /// and replaced. An id of zeroes means that there is no base index.
    fn link(&self, body: &[u8]) -> io::Result<Option<Split>> {
        let (base, bitmaps) = body
            .split_at_checked(self.id)
            .ok_or_else(|| damaged("the id of its base is cut off"))?;
        let split = || {
            Ok(Split {
                base: digest::hex(base),
                deleted: if bitmaps.is_empty() {
                    Vec::new()
                } else {
                    set_bits(bitmaps)?
                },
            })
        };
        if base.iter().all(|byte| *byte == 0) {
            Ok(None)
        } else {
            split().map(Some)
        }
    }
}

/// The hash function of object ids.
enum Digest {
    Sha1(sha1_smol::Sha1),
    Sha256(digest::Hasher),
}

impl Digest {
    fn of(id: usize) -> Self {
        if id == 20 {
            Self::Sha1(sha1_smol::Sha1::new())
        } else {
            Self::Sha256(digest::Hasher::default())
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(sha1) => sha1.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(sha1) => sha1.digest().bytes().to_vec(),
            Self::Sha256(sha256) => sha256.finish().as_bytes().to_vec(),
        }
    }
}

/// The bits that are set in the first of git's compressed bitmaps (EWAH) in `bytes`: runs of equal
/// words, each followed by literal words.
fn set_bits(bytes: &[u8]) -> io::Result<Vec<Range<u64>>> {
    let cut = || damaged("a bitmap is cut off");
    let (head, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
    let count = u64::from_be_bytes(*head) & u64::from(u32::MAX);
    let words = usize::try_from(count * 8)
        .ok()
        .and_then(|size| rest.get(..size))
        .ok_or_else(cut)?;
    let mut words = words
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_be_bytes(*word));
    let (mut set, mut at) = (Vec::new(), 0_u64);
    while let Some(marker) = words.next() {
        let run = (marker >> 1 & u64::from(u32::MAX)) * 64;
        if marker & 1 == 1 && run > 0 {
            set.push(at..at + run);
        }
        at += run;
        for word in words
            .by_ref()
            .take(usize::try_from(marker >> 33).unwrap_or(usize::MAX))
        {
            set.extend(
                (0..64)
                    .filter(|bit| word >> bit & 1 == 1)
                    .map(|bit| at + bit..at + bit + 1),
            );
            at += 64;
        }
    }
    Ok(set)
}

fn word(from: &mut impl BufRead) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

fn half(from: &mut impl BufRead) -> io::Result<u16> {
    let mut bytes = [0; 2];
    from.read_exact(&mut bytes)?;
    Ok(u16::from_be_bytes(bytes))
}

/// A number in git's variable width.
fn varint(from: &mut impl BufRead) -> io::Result<u64> {
    let mut number = 0_u64;
    for _ in 0..8 {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        number = number << 7 | u64::from(byte[0] & 0x7f);
        if byte[0] & 0x80 == 0 {
            return Ok(number);
        }
        number += 1;
    }
    Err(damaged("a number is too long"))
}

fn skip(from: &mut impl BufRead, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut from.take(count), &mut io::sink())?;
    if skipped == count {
        Ok(())
    } else {
        Err(damaged("it ends too early"))
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
#[path = "tracked_tests.rs"]
mod tests;
