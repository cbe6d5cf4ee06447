//! The file form of a [`Cache`]: small, fast to read, and ignored as a whole if a byte is wrong.
//!
//! `MAGIC`, the artifact root, the missions, and the digest of all these. Numbers are
//! little-endian; a text is its length in 4 bytes and its UTF-8.

use super::cache::{Cache, Known, KnownFile, KnownMeta};
use super::meta::Meta;
use super::stat::{Moment, Stat};
use crate::base::Sha256;

/// First bytes of the file; the last one is the version of the form.
const MAGIC: [u8; 8] = *b"sksyidx\x03";
/// Largest file that is read or written, in bytes: about 700,000 entries.
pub(crate) const LONGEST: usize = 64 << 20;
/// Length of the digest at the end.
const DIGEST: usize = 32;

impl Cache {
    /// The file for this cache of the artifact root at `root`. Missions that would exceed the limit
    /// are omitted, so they are read again.
    pub(crate) fn to_bytes(&self, root: &str) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_text(&mut out, root);
        for (slug, known) in &self.missions {
            let before = out.len();
            put_mission(&mut out, slug, known);
            if out.len() > LONGEST - DIGEST {
                out.truncate(before);
            }
        }
        let digest = Sha256::of(&out);
        out.extend_from_slice(digest.as_bytes());
        out
    }

    /// The cache in `bytes`; empty if they are damaged, of another version, or of another artifact
    /// root.
    pub(crate) fn from_bytes(bytes: &[u8], root: &str) -> Self {
        Self::parse(bytes, root).unwrap_or_default()
    }

    pub(super) fn parse(bytes: &[u8], root: &str) -> Option<Self> {
        let (content, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        let mut rest = Rest(content.strip_prefix(&MAGIC)?);
        if bytes.len() > LONGEST || Sha256::of(content).as_bytes() != digest || rest.text()? != root
        {
            return None;
        }
        let mut cache = Self::default();
        while !rest.0.is_empty() {
            let (slug, known) = rest.mission()?;
            cache.missions.insert(slug, known);
        }
        Some(cache)
    }
}

/// The file of these missions as bytes, with its digest.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn sealed(root: &str, missions: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_text(&mut out, root);
    out.extend_from_slice(missions);
    let digest = Sha256::of(&out);
    out.extend_from_slice(digest.as_bytes());
    out
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_mission(out: &mut Vec<u8>, slug: &str, known: &Known) {
    put_text(out, slug);
    out.push(u8::from(known.meta.is_some()));
    if let Some(KnownMeta {
        is_of_main,
        stat,
        meta,
    }) = &known.meta
    {
        out.push(u8::from(*is_of_main));
        put_stat(out, stat);
        put_text(out, &meta.mission_type);
        for optional in [&meta.mission_id, &meta.target_branch] {
            out.push(u8::from(optional.is_some()));
            put_text(out, optional.as_deref().unwrap_or_default());
        }
    }
    out.extend_from_slice(
        &u32::try_from(known.files.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    for file in &known.files {
        put_text(out, &file.path);
        put_stat(out, &file.stat);
        out.extend_from_slice(file.sha256.as_bytes());
        out.push(u8::from(file.is_utf8));
    }
}

fn put_stat(out: &mut Vec<u8>, stat: &Stat) {
    out.extend_from_slice(&stat.size.to_le_bytes());
    for at in [stat.modified, stat.changed] {
        out.extend_from_slice(&at.seconds.to_le_bytes());
        out.extend_from_slice(&at.nanos.to_le_bytes());
    }
    out.extend_from_slice(&stat.inode.to_le_bytes());
    out.extend_from_slice(&stat.names.to_le_bytes());
}

/// The unread bytes.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take()?)).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn mission(&mut self) -> Option<(String, Known)> {
        let slug = self.text()?;
        let meta = if self.flag()? {
            Some(self.meta()?)
        } else {
            None
        };
        let count = self.length()?;
        // The count is untrusted: memory is reserved only as far as the bytes can hold so many
        // files.
        let mut files = Vec::with_capacity(count.min(self.0.len() / 64));
        for _ in 0..count {
            let (path, stat) = (self.text()?, self.stat()?);
            let sha256 = Sha256::from_slice(&self.take::<32>()?)?;
            files.push(KnownFile {
                path,
                stat,
                sha256,
                is_utf8: self.flag()?,
            });
        }
        Some((slug, Known { meta, files }))
    }

    fn meta(&mut self) -> Option<KnownMeta> {
        let (is_of_main, stat, mission_type) = (self.flag()?, self.stat()?, self.text()?);
        let (has_id, id) = (self.flag()?, self.text()?);
        let (has_branch, branch) = (self.flag()?, self.text()?);
        let (mission_id, target_branch) = (has_id.then_some(id), has_branch.then_some(branch));
        // Only a `meta.json` without problems is cached.
        let meta = Meta {
            mission_type,
            mission_id,
            target_branch,
            oddity: None,
        };
        Some(KnownMeta {
            is_of_main,
            stat,
            meta,
        })
    }

    fn stat(&mut self) -> Option<Stat> {
        let size = u64::from_le_bytes(self.take()?);
        let (modified, changed) = (self.moment()?, self.moment()?);
        let inode = u64::from_le_bytes(self.take()?);
        Some(Stat {
            size,
            modified,
            changed,
            inode,
            names: u32::from_le_bytes(self.take()?),
        })
    }

    fn moment(&mut self) -> Option<Moment> {
        Some(Moment {
            seconds: i64::from_le_bytes(self.take()?),
            nanos: u32::from_le_bytes(self.take()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> Cache {
        let at = |seconds| Moment {
            seconds,
            nanos: 999_999_999,
        };
        let stat = Stat {
            size: 3,
            modified: at(-1),
            changed: at(i64::MAX),
            inode: u64::MAX,
            names: 2,
        };
        let file = |path: &str| KnownFile {
            path: path.to_owned(),
            stat,
            sha256: Sha256::of(path.as_bytes()),
            is_utf8: path.len() == 1,
        };
        let meta = |target_branch: Option<&str>, is_of_main: bool| KnownMeta {
            is_of_main,
            stat,
            meta: Meta {
                mission_type: "research".to_owned(),
                mission_id: target_branch.map(|_| "i".to_owned()),
                target_branch: target_branch.map(str::to_owned),
                oddity: None,
            },
        };
        let missions = [
            (
                "a",
                Known {
                    meta: Some(meta(Some(" 2.x"), true)),
                    files: vec![file("a"), file("é/b")],
                },
            ),
            (
                "b",
                Known {
                    meta: Some(meta(None, false)),
                    files: vec![],
                },
            ),
            ("c", Known::default()),
        ];
        Cache {
            missions: missions
                .map(|(slug, known)| (slug.to_owned(), known))
                .into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for cache in [Cache::default(), cache()] {
            assert_eq!(Cache::parse(&cache.to_bytes("/r/k"), "/r/k"), Some(cache));
        }
        assert_eq!(
            Cache::parse(&cache().to_bytes("/r/k"), "/other/k"),
            None,
            "another checkout"
        );
    }

    #[test]
    fn not_one_byte_may_be_wrong_missing_or_too_much() {
        let whole = cache().to_bytes("/r/k");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x20;
            assert_eq!(
                Cache::from_bytes(&bytes, "/r/k"),
                Cache::default(),
                "byte {at}"
            );
            assert_eq!(
                Cache::from_bytes(&whole[..at], "/r/k"),
                Cache::default(),
                "{at} bytes"
            );
        }
        let longer = [whole.as_slice(), b"x"].concat();
        assert_eq!(Cache::from_bytes(&longer, "/r/k"), Cache::default());
    }

    /// Anyone can compute the digest, so any content must be read without a panic and with little
    /// memory.
    #[test]
    fn well_sealed_nonsense_is_nothing() {
        let sealed = |content: &[u8]| [content, Sha256::of(content).as_bytes()].concat();
        let whole = cache().to_bytes("/r/k");
        let content = &whole[..whole.len() - DIGEST];
        for at in MAGIC.len()..content.len() {
            let mut bytes = content.to_vec();
            bytes[at] = 0xff;
            let _whatever = Cache::parse(&sealed(&bytes), "/r/k");
            let _cut = Cache::parse(&sealed(&content[..at]), "/r/k");
        }
        let mut newer = content.to_vec();
        newer[MAGIC.len() - 1] += 1;
        assert_eq!(Cache::parse(&sealed(&newer), "/r/k"), None);
    }
}
