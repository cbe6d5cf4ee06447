//! Properties of git's files.

use std::io::BufReader;

use super::head::{commit_id, packed_id};
use super::origin::{self, Origin};
use super::reflog::arrival;
use super::slug::repo_slug;
use super::tracked::Wanted;

/// An index is read alike in pieces of any size; only wanted paths are kept; an index without its
/// last byte is not one.
pub(crate) fn git_index(bytes: &[u8]) {
    for (id, place) in [(20, "kitty-specs"), (20, "a"), (32, "a")] {
        let wanted = Wanted { id, place };
        let read = |bytes: &[u8], size| wanted.parse(&mut BufReader::with_capacity(size, bytes));
        let Ok(index) = read(bytes, 4096) else {
            assert!(read(bytes, 1).is_err(), "byte by byte");
            continue;
        };
        assert_eq!(
            read(bytes, 1).map(|index| index.paths).ok().as_ref(),
            Some(&index.paths),
            "byte by byte"
        );
        let is_wanted = |path: &str| {
            path.strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        assert!(
            index.paths.iter().all(|(_, path)| is_wanted(path))
                && index.paths.is_sorted_by_key(|(at, _)| *at)
        );
        if let Some(split) = &index.split {
            assert!(
                split.base.len() == id * 2
                    && split
                        .deleted
                        .windows(2)
                        .all(|two| two[0].end <= two[1].start)
            );
        }
        assert!(
            read(&bytes[..bytes.len() - 1], 4096).is_err(),
            "the last byte is missing"
        );
    }
}

/// Ids from refs and logs are ids and nothing else, so that none is an option of git; names of
/// repositories have no empty part; a URL is one line without quotes.
pub(crate) fn git_text(bytes: &[u8]) {
    let is_id = |text: &str| {
        matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    for name in ["refs/heads/main", "refs/tags/v1"] {
        let id = packed_id(bytes, name);
        assert!(id.is_none_or(|id| {
            is_id(&id)
                && bytes
                    .windows(name.len())
                    .any(|part| part == name.as_bytes())
        }));
    }
    let text = String::from_utf8_lossy(bytes);
    assert!(commit_id(&text).is_none_or(|id| is_id(&id) && id == text.trim().to_ascii_lowercase()));
    for (at, old, new) in text.lines().filter_map(arrival) {
        assert!(is_id(old) && is_id(new), "{at} {old} {new}");
    }
    if let Origin::Plain(Some(url)) = origin::in_text(&text) {
        assert!(!url.is_empty() && !url.contains(['"', '\\', '\n']), "{url}");
    }
    for slug in text.lines().filter_map(repo_slug) {
        assert!(
            slug.contains('/') && slug.split('/').all(|part| !part.is_empty()),
            "{slug}"
        );
    }
}
