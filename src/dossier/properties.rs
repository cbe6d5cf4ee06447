//! Properties of the files that describe missions and projects, and of the cache file.

use serde_json::Value;

use super::cache::Cache;
use super::cache_file::sealed;
use super::identity_yaml::project_section;
use super::meta::{Meta, parse};
use crate::base::json::canonical;
use crate::event::properties::is_exact;

/// A cache that a stranger sealed is read or ignored, and is written as it was read.
pub(crate) fn cache_file(bytes: &[u8]) {
    let root = "/r/kitty-specs";
    for file in [bytes.to_vec(), sealed(root, bytes)] {
        let Some(cache) = Cache::parse(&file, root) else {
            assert_eq!(Cache::from_bytes(&file, root), Cache::default());
            continue;
        };
        let written = cache.to_bytes(root);
        assert_eq!(Cache::parse(&written, root).as_ref(), Some(&cache));
        assert!(
            written.len() <= file.len(),
            "{} bytes were read and {} written",
            file.len(),
            written.len()
        );
        assert_eq!(Cache::parse(&written, "/other/kitty-specs"), None);
        assert_eq!(Cache::parse(&written[..written.len() - 1], root), None);
    }
}

/// The same JSON value describes the same mission, however it is spelled; fields are bounded and
/// never blank.
pub(crate) fn mission_meta(bytes: &[u8]) {
    let read = parse(Some(bytes));
    if let Ok(Meta {
        mission_type,
        mission_id,
        target_branch,
        ..
    }) = &read
    {
        for field in [
            Some(mission_type),
            mission_id.as_ref(),
            target_branch.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            assert!(field.chars().count() <= 255, "{field}");
        }
        assert!(
            !mission_type.trim().is_empty()
                && target_branch
                    .as_ref()
                    .is_none_or(|name| !name.trim().is_empty())
        );
    }
    let marked = [&b"\xef\xbb\xbf"[..], bytes].concat();
    assert!(
        bytes.starts_with(b"\xef\xbb\xbf") || parse(Some(&marked)) == read,
        "a byte-order mark"
    );
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    if let Some(form) = value.filter(is_exact).and_then(|_| canonical(bytes)) {
        assert_eq!(
            parse(Some(&form)),
            read,
            "{}",
            String::from_utf8_lossy(&form)
        );
    }
}

/// Values are written in the file and are not blank, errors name a line of it, and neither line
/// ends nor another document change what is read.
pub(crate) fn project_identity(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let lines = text.matches(['\n', '\r']).count() + 1;
    match project_section(text) {
        Err((line, message)) => assert!(
            (1..=lines + 1).contains(&line) && !message.is_empty(),
            "{line}: {message}"
        ),
        Ok(section) => {
            for (name, value) in &section {
                assert!(!value.text.trim().is_empty(), "{name} is blank");
                assert!(
                    (1..=lines).contains(&value.line),
                    "{name} is in line {} of {lines}",
                    value.line
                );
            }
            if !text.contains('\r') {
                assert_eq!(
                    project_section(&text.replace('\n', "\r\n")),
                    Ok(section.clone()),
                    "line ends"
                );
            }
            let more = project_section(&format!("{text}\n---\nproject: {{slug: other}}\n"));
            assert!(
                more.is_err() || section.is_empty() || more == Ok(section),
                "{more:?}"
            );
        }
    }
}
