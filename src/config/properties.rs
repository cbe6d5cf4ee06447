//! Properties of configuration files.

use super::file::read_layer;
use super::origin::Origin;
use super::toml_value::parse_value;
use crate::base::text::printable;

/// Problems are bounded in number and printed as lines without control characters. A byte-order
/// mark and a comment change nothing.
pub(crate) fn config_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (entries, problems) = read(text);
    assert!(problems.len() <= 21, "{} problems", problems.len());
    for line in problems.iter().flat_map(|problem| problem.split('\n')) {
        assert_eq!(printable(line), line);
    }
    if problems.is_empty() {
        let commented = format!("{text}\n# the end\n");
        assert_eq!(
            read(&commented),
            (entries.clone(), Vec::new()),
            "with a comment"
        );
    }
    if !text.starts_with('\u{feff}') {
        assert_eq!(
            read(&format!("\u{feff}{text}")),
            (entries, problems),
            "with a byte-order mark"
        );
    }
    let _any = parse_value(text);
}

/// Keys with their values, and problems as they are printed.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let mut problems = Vec::new();
    let layer = read_layer(
        text,
        Origin::RepositoryFile("event-sync.toml".into()),
        &mut problems,
    );
    let entries = layer
        .entries
        .iter()
        .map(|entry| format!("{} = {}", entry.key.name, entry.checked.stored));
    (
        entries.collect(),
        problems.iter().map(ToString::to_string).collect(),
    )
}
