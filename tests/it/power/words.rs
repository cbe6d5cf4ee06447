//! The strings of system calls, as the tracer prints them.

use std::path::PathBuf;

/// The paths that a call names: strings, each relative to the directory before it.
pub(super) fn paths(words: &[&str]) -> Vec<PathBuf> {
    let mut dir = PathBuf::new();
    let mut found = Vec::new();
    for word in words {
        if let Some(name) = word.strip_prefix('"') {
            found.push(dir.join(text_of(name)));
        } else if let Some((_, path)) = word.split_once('<') {
            dir = PathBuf::from(text_of(path));
        }
    }
    found
}

/// The bytes of the first string in some arguments.
pub(super) fn first_bytes(arguments: &str) -> Vec<u8> {
    arguments
        .split('"')
        .nth(1)
        .map(bytes_of)
        .unwrap_or_default()
}

/// The bytes of a string as the tracer prints them: `\x41\x42`, up to what else follows.
pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    assert!(!text.ends_with("..."), "the tracer cut a string");
    let text = text.trim_start_matches('"');
    let codes = text
        .split("\\x")
        .skip(1)
        .map(|code| u8::from_str_radix(code.get(..2).unwrap(), 16).unwrap());
    codes.collect()
}

/// The same as text.
pub(super) fn text_of(text: &str) -> String {
    String::from_utf8(bytes_of(text)).unwrap()
}
