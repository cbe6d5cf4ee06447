//! Text and numbers of a page. maud escapes all text, so that it can form neither a tag nor the end
//! of an attribute.

use maud::{Markup, html};

pub(super) use crate::base::text::printable as text;

/// A number of the document, with its path in it, so that a script can read it back.
pub(super) fn number(path: &str, value: impl Into<i128>) -> Markup {
    let value = value.into();
    html! { data value=(value) data-path=(path) { (grouped(value)) } }
}

/// A number with thousands separators.
pub(super) fn grouped(value: impl Into<i128>) -> String {
    let value = value.into();
    let digits = value.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    if value < 0 { format!("−{out}") } else { out }
}

/// Bytes in a readable unit.
pub(super) fn bytes(count: impl Into<i128>) -> String {
    let count = count.into().max(0);
    let units = [("TiB", 40_u32), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| count >> shift > 0) {
        Some((unit, shift)) => {
            let tenths = (count * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{count} B"),
    }
}

/// `part` of `whole` in percent, for a length on the page.
pub(super) fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "0%".to_owned();
    }
    let hundredths = i128::from(part.max(0)) * 10_000 / i128::from(whole);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// A section of the page with a heading; over the whole width if `is_wide`.
pub(super) fn section(
    (id, is_wide): (&str, bool),
    heading: &str,
    note: &str,
    body: &Markup,
) -> Markup {
    html! {
        section.card.wide[is_wide] aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            @if !note.is_empty() { p.note { (note) } }
            (body)
        }
        "\n"
    }
}

/// A time, to the second, in the order of its parts.
pub(super) fn moment(at: &str) -> Markup {
    let words = at
        .get(..19)
        .map_or_else(|| at.to_owned(), |words| words.replace('T', " "));
    html! { time datetime=(text(at)) { (text(&words)) " UTC" } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_untrusted_is_markup() {
        for (words, safe) in [
            (
                "<script>alert('x')</script>",
                "&lt;script&gt;alert('x')&lt;/script&gt;",
            ),
            ("\"></style>&amp;", "&quot;&gt;&lt;/style&gt;&amp;amp;"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("plain Ünïcode", "plain Ünïcode"),
        ] {
            assert_eq!(html! { (text(words)) }.0, safe);
            let attribute = format!("<a title=\"{safe}\"></a>");
            assert_eq!(html! { a title=(text(words)) {} }.0, attribute);
        }
        assert!(!html! { (text("a\u{1b}[2Jb")) }.0.contains('\u{1b}'));
    }

    #[test]
    fn numbers_are_for_people_and_for_scripts() {
        assert_eq!(
            number("a.b", 1_234_567_i64).0,
            "<data value=\"1234567\" data-path=\"a.b\">1\u{202f}234\u{202f}567</data>"
        );
        assert_eq!(
            (grouped(-1000_i64).as_str(), grouped(0_i64).as_str()),
            ("−1\u{202f}000", "0")
        );
        assert_eq!(
            (bytes(1536_i64), bytes(-1_i64)),
            ("1.5 KiB".to_owned(), "0 B".to_owned())
        );
        assert_eq!(
            (percent(1, 3), percent(5, 0), percent(3, 3)),
            ("33.33%".into(), "0%".into(), "100.00%".into())
        );
    }
}
