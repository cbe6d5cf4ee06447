//! JSON texts compared by meaning.
//!
//! Payloads are kept byte for byte; only comparison uses the canonical form here. It accepts the
//! output of Python's `json` that strict parsers reject (`NaN`, `Infinity`, lone surrogates,
//! integers of any length), because older queues hold such rows. The form is that of
//! `json.dumps(json.loads(x), sort_keys=True, separators=(",", ":"))`: keys sorted by code point,
//! the last value of a repeated key, ASCII only, floats as Python's `repr`.

use std::collections::BTreeMap;

/// Deepest nesting that is parsed; deeper texts compare as bytes.
const DEEPEST: usize = 900;

/// The canonical form of a JSON text; `None` if `bytes` is not a JSON text.
pub(crate) fn canonical(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader {
        rest: bytes,
        depth: 0,
    };
    let mut out = Vec::with_capacity(bytes.len());
    reader.value(&mut out)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(out)
}

/// True when both are the same bytes, or JSON texts with the same value.
pub(crate) fn same_meaning(a: &[u8], b: &[u8]) -> bool {
    a == b || matches!((canonical(a), canonical(b)), (Some(a), Some(b)) if a == b)
}

struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        let blanks = self
            .rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.rest = &self.rest[blanks..];
    }

    fn take(&mut self, word: &[u8]) -> bool {
        let Some(rest) = self.rest.strip_prefix(word) else {
            return false;
        };
        self.rest = rest;
        true
    }

    /// Skips white space and writes one value to `out` in canonical form.
    fn value(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.skip_blanks();
        for word in [
            &b"null"[..],
            b"true",
            b"false",
            b"NaN",
            b"Infinity",
            b"-Infinity",
        ] {
            if self.take(word) {
                out.extend_from_slice(word);
                return Some(());
            }
        }
        match self.rest.first()? {
            b'"' => write_string(&self.string()?, out),
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return None;
                }
                if self.take(b"{") {
                    self.object(out)?;
                } else {
                    self.array(out)?;
                }
                self.depth -= 1;
            }
            _ => self.number(out)?,
        }
        Some(())
    }

    fn object(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let mut members = BTreeMap::new();
        self.skip_blanks();
        if !self.take(b"}") {
            loop {
                self.skip_blanks();
                let key = self.string()?;
                self.skip_blanks();
                if !self.take(b":") {
                    return None;
                }
                let mut value = Vec::new();
                self.value(&mut value)?;
                members.insert(key, value);
                self.skip_blanks();
                if self.take(b"}") {
                    break;
                }
                if !self.take(b",") {
                    return None;
                }
            }
        }
        out.push(b'{');
        for (i, (key, value)) in members.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_string(key, out);
            out.push(b':');
            out.extend_from_slice(value);
        }
        out.push(b'}');
        Some(())
    }

    fn array(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.take(b"[");
        out.push(b'[');
        self.skip_blanks();
        if !self.take(b"]") {
            loop {
                self.value(out)?;
                self.skip_blanks();
                if self.take(b"]") {
                    break;
                }
                if !self.take(b",") {
                    return None;
                }
                out.push(b',');
            }
        }
        out.push(b']');
        Some(())
    }

    /// A string as code points; surrogate pairs joined, lone surrogates kept.
    fn string(&mut self) -> Option<Vec<u32>> {
        if !self.take(b"\"") {
            return None;
        }
        let mut points: Vec<u32> = Vec::new();
        loop {
            let plain = self.rest.iter().position(|b| matches!(b, b'"' | b'\\'))?;
            let text = std::str::from_utf8(&self.rest[..plain]).ok()?;
            points.extend(text.chars().map(u32::from));
            self.rest = &self.rest[plain..];
            if self.take(b"\"") {
                return Some(points);
            }
            let point = self.escape()?;
            match points.last().copied() {
                Some(high @ 0xD800..=0xDBFF) if (0xDC00..=0xDFFF).contains(&point) => {
                    points.pop();
                    points.push(0x10000 + ((high - 0xD800) << 10) + (point - 0xDC00));
                }
                _ => points.push(point),
            }
        }
    }

    fn escape(&mut self) -> Option<u32> {
        let letter = *self.rest.get(1)?;
        self.rest = &self.rest[2..];
        Some(match letter {
            b'"' | b'\\' | b'/' => u32::from(letter),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let digits = self
                    .rest
                    .get(..4)
                    .filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
                let point = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                self.rest = &self.rest[4..];
                point
            }
            _ => return None,
        })
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let length = self
            .rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let text = std::str::from_utf8(&self.rest[..length]).ok()?;
        self.rest = &self.rest[length..];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = digits.find(['.', 'e', 'E']).unwrap_or(digits.len());
        let leading = &digits[..whole];
        if leading.is_empty()
            || !leading.bytes().all(|b| b.is_ascii_digit())
            || (leading.len() > 1 && leading.starts_with('0'))
        {
            return None;
        }
        if whole == digits.len() {
            out.extend_from_slice(if digits == "0" { "0" } else { text }.as_bytes());
            return Some(());
        }
        let tail = &digits[whole..];
        let fraction_ok =
            !tail.starts_with('.') || tail.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if !fraction_ok {
            return None;
        }
        out.extend_from_slice(python_float(text.parse().ok()?).as_bytes());
        Some(())
    }
}

/// A float as Python's `repr` writes it: shortest digits, an exponent below 1e-4 and from 1e16.
fn python_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}

fn write_string(points: &[u32], out: &mut Vec<u8>) {
    out.push(b'"');
    for &point in points {
        match point {
            0x22 => out.extend_from_slice(b"\\\""),
            0x5C => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0x20..=0x7E => out.extend(u8::try_from(point)),
            0x10000.. => {
                let offset = point - 0x10000;
                push_escape(0xD800 + (offset >> 10), out);
                push_escape(0xDC00 + (offset & 0x3FF), out);
            }
            _ => push_escape(point, out),
        }
    }
    out.push(b'"');
}

fn push_escape(unit: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Sha256;

    fn form(text: &str) -> Option<String> {
        canonical(text.as_bytes()).map(|b| String::from_utf8(b).unwrap())
    }

    #[test]
    fn the_reference_vector_has_its_digest() {
        let text = r#"{"event_id": "01JMBY7K8N3QRVX2DPFG5HWT4E", "event_type": "WPStatusChanged", "payload": {"wp_id": "WP01", "n": "\u00e9"}, "timestamp": "2026-02-12T10:00:00+00:00"}"#;
        let digest = Sha256::of(&canonical(text.as_bytes()).unwrap()).to_string();
        assert_eq!(
            digest,
            "4055834309047c6213b520288dd01727d04c58f2d4a224bac8dc8d5648919e5e"
        );
    }

    #[test]
    fn forms_follow_python() {
        for (text, expected) in [
            (
                r#" { "b" : 1 , "a" : [ ] , "b" : 2 } "#,
                r#"{"a":[],"b":2}"#,
            ),
            ("1E5", "100000.0"),
            ("1e16", "1e+16"),
            ("1e-7", "1e-07"),
            ("0.0001", "0.0001"),
            ("-0.0", "-0.0"),
            ("-0", "0"),
            ("1e400", "Infinity"),
            ("[NaN,-Infinity]", "[NaN,-Infinity]"),
            (
                "10000000000000000000000000000000000000000",
                "10000000000000000000000000000000000000000",
            ),
            (
                r#""\ud83d\ude00 \ud83d \/ é""#,
                r#""\ud83d\ude00 \ud83d / \u00e9""#,
            ),
            ("\"\u{1F600}\u{7f}\"", r#""\ud83d\ude00\u007f""#),
        ] {
            assert_eq!(form(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_has_no_form() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "\"\\x\"",
            "\"\\u12g4\"",
            "nul",
            "1 2",
            "\"a",
        ] {
            assert_eq!(form(text), None, "{text}");
        }
        assert_eq!(form(&"[".repeat(100_000)), None);
        assert_eq!(canonical(b"\"\xff\""), None);
    }

    #[test]
    fn meaning_ignores_order_escapes_and_spelling() {
        assert!(same_meaning(
            br#"{"a":1e5,"b":"\u00e9"}"#,
            "{\"b\":\"é\",\"a\":100000.0}".as_bytes()
        ));
        assert!(!same_meaning(b"{\"a\":1}", b"{\"a\":1.0}"));
        assert!(same_meaning(b"not json", b"not json"));
        assert!(!same_meaning(b"not json", b"not  json"));
    }
}
