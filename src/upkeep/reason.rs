//! What reasons of failures have in common: names and numbers are masked, so that equal troubles count as one.

use crate::base::text::shorten;

/// Characters of a reason that are kept.
const LONGEST: usize = 120;

/// The reason with quoted text as `"…"` and with `#` for every word that holds a digit.
pub(super) fn masked(reason: &str) -> String {
    let mut out = String::new();
    let mut rest = reason;
    while let Some(first) = rest.chars().next() {
        let quoted = matches!(first, '"' | '\'' | '`').then(|| rest.get(1..)?.find(first)).flatten();
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let length = match quoted {
            Some(length) => {
                out.extend([first, '…', first]);
                length + 2
            }
            None if is_word(first) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let word = rest.get(..length).unwrap_or_default();
                out.push_str(if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
                length
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    shorten(&out, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_do_not_tell_reasons_apart() {
        for (reason, expected) in [
            ("no such lane 7 in WP01", "no such lane # in #"),
            ("field \"a\\b\" and 'x' and `y`", "field \"…\" and '…' and `…`"),
            ("event 01JMBY7K8N3QRVX2DPFG5H0001 unknown", "event # unknown"),
            ("it isn't closed", "it isn't closed"),
            ("Ünïcode – 3 times", "Ünïcode – # times"),
            ("", ""),
        ] {
            assert_eq!(masked(reason), expected);
        }
    }
}
