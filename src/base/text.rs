//! Untrusted text made safe to show: file names and server answers may hold control characters.

use std::borrow::Cow;
use std::path::Path;

/// `text` with control characters, line ends and bidirectional overrides written as escapes, so
/// that it can neither move the cursor, nor change colours, nor start a new line.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            if c.is_control() || is_unseen(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
            out
        })
}

/// Characters that change the direction of a text, break its line, or are invisible (Unicode's
/// `Default_Ignorable_Code_Point`, without the joiners that words of some scripts and emoji need).
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A JSON text with the characters that [`printable`] escapes as `\uXXXX`: the same value, without
/// terminal control characters. JSON itself escapes only the first 32.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    // Outside its strings JSON has none of these characters, so each one found is in a string.
    let is_raw = |c: char| (c.is_control() && c != '\n') || is_unseen(c);
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let mut units = [0; 2];
    Cow::Owned(
        json.chars()
            .fold(String::with_capacity(json.len() + 16), |mut out, c| {
                if is_raw(c) {
                    out.extend(
                        c.encode_utf16(&mut units)
                            .iter()
                            .map(|unit| format!("\\u{unit:04x}")),
                    );
                } else {
                    out.push(c);
                }
                out
            }),
    )
}

/// A path for a message: lossy if it is not UTF-8, and printable.
pub(crate) fn path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// At most `limit` characters of `text`, ending with `…` if it was cut.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The entry of `known` nearest to `word` by edit distance, if near enough to be a likely typing
/// error; else `None`.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let best = known
        .into_iter()
        .map(|k| (strsim::levenshtein(word, k), k))
        .min()?;
    (best.0 <= (word.chars().count() / 3).max(2)).then_some(best.1)
}

/// The path with these bytes.
#[cfg(unix)]
pub(crate) fn os_path(bytes: &[u8]) -> std::path::PathBuf {
    <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into()
}

/// The path with these bytes.
#[cfg(not(unix))]
pub(crate) fn os_path(bytes: &[u8]) -> std::path::PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_escapes() {
        assert_eq!(
            printable("a\u{1b}[31mb\nc\u{202e}d é"),
            "a\\u{1b}[31mb\\nc\\u{202e}d é"
        );
        for unseen in [
            '\u{61c}',
            '\u{200b}',
            '\u{2028}',
            '\u{2029}',
            '\u{2060}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(
                printable(&unseen.to_string()),
                unseen.escape_default().to_string()
            );
        }
    }

    #[test]
    fn json_keeps_its_value_and_steers_nothing() {
        let value =
            serde_json::json!({"a\u{9b}31m": ["\u{7f}\u{85}é\u{202e}\u{e0041}", 1, "\u{1b}\n"]});
        let json = serde_json::to_string(&value).unwrap();
        let shown = printable_json(&json);
        assert_eq!(
            shown,
            r#"{"a\u009b31m":["\u007f\u0085é\u202e\udb40\udc41",1,"\u001b\n"]}"#
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
        assert!(matches!(printable_json("{\"é\":1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn shortening_counts_characters() {
        assert_eq!(shorten("ééé", 3), "ééé");
        assert_eq!(shorten("éééé", 3), "ééé…");
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_near() {
        let known = ["max_bytes", "max_events", "max_time"];
        assert_eq!(nearest("max_byte", known), Some("max_bytes"));
        assert_eq!(nearest("colour", known), None);
    }
}
