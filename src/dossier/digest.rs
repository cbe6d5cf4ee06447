//! Reading one file once: its digest, its size, and whether it is UTF-8, in bounded memory for any
//! size.

use std::cell::RefCell;
use std::io::Read;

use sha2::Digest as _;

use super::beneath::Beneath;
use super::stat::Stat;
use crate::base::{Interrupt, Sha256};

/// Bytes read at once.
const CHUNK: usize = 128 << 10;
/// The longest incomplete character at the end of a chunk, in bytes.
const LONGEST_CARRY: usize = 3;
/// Largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 1 << 30;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; LONGEST_CARRY + CHUNK]);
}

/// Result of reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It was read to its end.
    Read {
        /// Digest of the raw bytes.
        sha256: Sha256,
        /// Number of bytes read.
        size: u64,
        /// True if the whole content is strict UTF-8.
        is_utf8: bool,
    },
    /// It is larger than [`LARGEST`].
    Oversized,
    /// It exists and cannot be read.
    Unreadable,
    /// It no longer exists.
    Vanished,
    /// It is not a regular file any more.
    NotAFile,
}

/// Reads the file at `path` below the artifact root; and the state of the file when it was opened.
pub(super) fn measure(
    tree: &Beneath,
    path: &str,
    interrupt: &Interrupt,
) -> (Reading, Option<Stat>) {
    match tree.open_file(path) {
        Ok(Some((_, stat))) if stat.size > LARGEST => (Reading::Oversized, None),
        Ok(Some((file, stat))) => {
            let reading = BUFFER.with_borrow_mut(|buffer| digest(file, buffer, interrupt));
            (reading.unwrap_or(Reading::Unreadable), Some(stat))
        }
        Ok(None) => (Reading::NotAFile, None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => (Reading::Vanished, None),
        Err(_) => (Reading::Unreadable, None),
    }
}

/// Reads to the end. The first bytes of `buffer` hold an incomplete character of the previous
/// chunk.
fn digest(
    mut file: impl Read,
    buffer: &mut [u8],
    interrupt: &Interrupt,
) -> std::io::Result<Reading> {
    let mut hasher = sha2::Sha256::new();
    let (mut size, mut carried, mut is_utf8) = (0, 0, true);
    loop {
        let (carry, free) = buffer.split_at_mut(carried);
        let count = match file.read(free) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(free.get(..count).unwrap_or_default());
        size += count as u64;
        if size > LARGEST {
            // The file grows while it is read.
            return Ok(Reading::Oversized);
        }
        let filled = carry.len() + count;
        carried = 0;
        if is_utf8 && let Err(e) = std::str::from_utf8(buffer.get(..filled).unwrap_or_default()) {
            is_utf8 = e.error_len().is_none();
            if is_utf8 {
                carried = filled - e.valid_up_to();
                buffer.copy_within(e.valid_up_to()..filled, 0);
            }
        }
        if interrupt.is_requested() {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
    }
    let sha256 = Sha256::from_slice(&hasher.finalize()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Reading::Read {
        sha256,
        size,
        is_utf8: is_utf8 && carried == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], chunk: usize) -> Reading {
        digest(
            bytes,
            &mut vec![0; LONGEST_CARRY + chunk],
            &Interrupt::default(),
        )
        .unwrap()
    }

    #[test]
    fn chunks_do_not_show() {
        let long = "aé€😀\u{0}\r\n".repeat(40);
        let cases: [(&[u8], bool); 10] = [
            (b"", true),
            (b"a\n", true),
            (long.as_bytes(), true),
            (b"\xef\xbb\xbfBOM", true),
            (b"latin \xe9 text", false),
            (b"cut \xe2\x82", false),
            (b"\xed\xa0\x80 surrogate", false),
            (b"\xc0\xaf overlong", false),
            (b"\xf4\x90\x80\x80 too far", false),
            (b"\xe2\x82a\xac", false),
        ];
        for (bytes, is_utf8) in cases {
            let wanted = Reading::Read {
                sha256: Sha256::of(bytes),
                size: bytes.len() as u64,
                is_utf8,
            };
            for chunk in [1, 2, 3, 5, 64, CHUNK] {
                assert_eq!(read(bytes, chunk), wanted, "{bytes:?} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn a_sparse_file_is_read_without_being_held() {
        let temp = tempfile::tempdir().unwrap();
        let size = 3 * CHUNK as u64 + 1;
        std::fs::File::create(temp.path().join("big"))
            .unwrap()
            .set_len(size)
            .unwrap();
        let tree = Beneath::open(temp.path()).unwrap();
        let (
            Reading::Read {
                size: read,
                is_utf8,
                ..
            },
            Some(stat),
        ) = measure(&tree, "big", &Interrupt::default())
        else {
            panic!("not read")
        };
        assert_eq!((read, is_utf8, stat.size), (size, true, size));
        assert_eq!(
            measure(&tree, "gone", &Interrupt::default()),
            (Reading::Vanished, None)
        );
        std::fs::File::create(temp.path().join("huge"))
            .unwrap()
            .set_len(LARGEST + 1)
            .unwrap();
        assert_eq!(
            measure(&tree, "huge", &Interrupt::default()),
            (Reading::Oversized, None)
        );
        let stopped = Interrupt::default();
        stopped.request();
        assert_eq!(measure(&tree, "big", &stopped).0, Reading::Unreadable);
    }
}
