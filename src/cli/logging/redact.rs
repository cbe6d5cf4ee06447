//! Removes secrets from log lines. The types that hold secrets cannot be printed; this is the
//! second line of defence, for secrets that a server, a file name or a URL repeats.

/// Replacement of a secret.
const MASK: &str = "[redacted]";
/// Shorter values are not treated as secrets.
const SHORTEST: usize = 4;
/// Words after which a credential follows, in any case.
const BEFORE: [&str; 3] = ["bearer ", "basic ", "authorization: "];

/// Removes known secrets, and text that looks like one, from lines.
#[derive(Clone, Default)]
pub(super) struct Redactor(Vec<String>);

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.0.len())
    }
}

impl Redactor {
    /// With these values, the longest first, so that no part of one remains.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut known: Vec<String> = secrets
            .map(str::trim)
            .filter(|s| s.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.dedup();
        Self(known)
    }

    /// The line without secrets.
    pub(super) fn clean(&self, line: &str) -> String {
        let known = self.0.iter().fold(line.to_owned(), |line, secret| {
            line.replace(secret.as_str(), MASK)
        });
        without_userinfo(&without_credentials(&known))
    }
}

/// Masks the word after `Bearer` and similar words.
fn without_credentials(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(end) = BEFORE
        .iter()
        .filter_map(|word| Some(find(rest, word)? + word.len()))
        .min()
    {
        let (before, after) = rest.split_at(end);
        out.push_str(before);
        let word = after
            .split(|c: char| c.is_whitespace() || "\",;'".contains(c))
            .next()
            .unwrap_or_default();
        // `Authorization: Bearer x`: the next word is a scheme; the word after it is masked in the
        // next round.
        let is_scheme = BEFORE
            .iter()
            .any(|b| b.trim_end().eq_ignore_ascii_case(word));
        if !word.is_empty() && !is_scheme {
            out.push_str(MASK);
            rest = after.get(word.len()..).unwrap_or_default();
        } else {
            rest = after;
        }
    }
    out + rest
}

/// Position of `word` (in lower case, ASCII) in `text`, in any case.
fn find(text: &str, word: &str) -> Option<usize> {
    text.as_bytes()
        .windows(word.len())
        .position(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Masks `user:password` and the query in URLs.
fn without_userinfo(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("//") {
        let (before, after) = rest.split_at(at + 2);
        out.push_str(before);
        let authority = after
            .split(|c: char| c.is_whitespace() || "/?#\"'".contains(c))
            .next()
            .unwrap_or_default();
        let url = after
            .split(|c: char| c.is_whitespace() || "\"'<>`".contains(c))
            .next()
            .unwrap_or_default();
        let start = authority
            .rfind('@')
            .inspect(|_| out.push_str(MASK))
            .unwrap_or(0);
        rest = after.get(start..).unwrap_or_default();
        if let Some(query) = url.get(start..).and_then(|url| url.find('?')) {
            out.push_str(rest.get(..=query).unwrap_or_default());
            out.push_str(MASK);
            rest = after.get(url.len()..).unwrap_or_default();
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_likely_secrets_go_and_everything_else_stays() {
        let redactor =
            Redactor::new(["hunter22", "hunter22-and-more", "no", " spaced-out "].into_iter());
        for (line, clean) in [
            ("nothing to hide: no", "nothing to hide: no"),
            (
                "got hunter22-and-more, hunter22",
                "got [redacted], [redacted]",
            ),
            ("spaced-out", "[redacted]"),
            (
                "Authorization: Bearer abc.def next",
                "Authorization: Bearer [redacted] next",
            ),
            (
                "authorization: BEARER abc",
                "authorization: BEARER [redacted]",
            ),
            (
                "{\"a\":\"Bearer abc\",\"b\":1}",
                "{\"a\":\"Bearer [redacted]\",\"b\":1}",
            ),
            ("Authorization: opaque", "Authorization: [redacted]"),
            ("basic Zm9vOmJhcg==", "basic [redacted]"),
            ("bearer of news", "bearer [redacted] news"),
            (
                "at https://me:pw@h.example/x?y and http://h",
                "at https://[redacted]@h.example/x?[redacted] and http://h",
            ),
            (
                "POST https://h/hook?code=s3cr3t\"",
                "POST https://h/hook?[redacted]\"",
            ),
            ("why? https://h/a//b?x", "why? https://h/a//b?[redacted]"),
            ("Ünïcode Bearer é", "Ünïcode Bearer [redacted]"),
            ("ends with bearer ", "ends with bearer "),
        ] {
            assert_eq!(redactor.clean(line), clean);
        }
        assert_eq!(format!("{redactor:?}"), "Redactor(3 secrets)");
    }
}
