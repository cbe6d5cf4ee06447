//! Command lines that a person pastes into a POSIX shell. Their words are untrusted: a URL in a
//! clone's file, a file's name, an id from a server.

/// `word` as a POSIX shell reads it back: unchanged if no character is special to a shell, else in
/// single quotes.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+:@%".contains(&b);
    let is_safe = !word.is_empty() && word.bytes().all(is_plain);
    if is_safe {
        word.to_owned()
    } else {
        in_quotes(word)
    }
}

/// The same, always in single quotes: for text that a later run must recognise.
pub(crate) fn in_quotes(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// `command`, which is trusted text, followed by `words`, each quoted.
pub(crate) fn line<W: AsRef<str>>(command: &str, words: impl IntoIterator<Item = W>) -> String {
    words.into_iter().fold(command.to_owned(), |line, word| {
        format!("{line} {}", quoted(word.as_ref()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_as_they_are() {
        for word in [
            "https://h.example:8443/a%20b",
            "spec.md",
            "tgt_a-1",
            "a@b+c",
        ] {
            assert_eq!(quoted(word), word);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_every_word_back_and_runs_nothing() {
        let words = [
            "",
            " ",
            "a b",
            "$(touch x)",
            "`touch x`",
            "a;b",
            "a&&b",
            "{touch,x}",
            "it's",
            "''",
            "\\",
            "*",
            "~/x",
            "a\nb",
            "!x",
            "#x",
            "=x",
            "é",
            "\u{202e}x",
            "\"",
            "a>b",
            "x\ty",
            "$HOME",
            "(x)",
            "--x",
        ];
        let script = line("printf '%s\\0'", words);
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read: Vec<_> = output
            .stdout
            .split(|b| *b == 0)
            .map(|w| String::from_utf8(w.to_vec()).unwrap())
            .collect();
        assert_eq!(read[..words.len()], words, "{script}");
    }
}
