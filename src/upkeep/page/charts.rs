//! Charts made only of markup and lengths: each has a text alternative, and its numbers in a table.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::markup::{grouped, percent, text};

/// One part of a whole.
pub(super) struct Part {
    /// Its name.
    pub(super) name: &'static str,
    /// CSS class of its colour.
    pub(super) colour: &'static str,
    pub(super) count: i64,
}

/// A horizontal bar.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) count: i64,
    /// Text next to the number; may be empty.
    pub(super) more: String,
}

/// A bar over time.
pub(super) struct Bar {
    /// Start of the bar, for people.
    pub(super) label: String,
    pub(super) count: i64,
    /// Text of the tooltip and the table.
    pub(super) words: String,
}

/// A whole and its parts as one strip.
pub(super) fn strip(parts: &[Part]) -> Markup {
    let whole: i64 = parts.iter().map(|part| part.count).sum();
    let shown = || parts.iter().filter(|part| part.count > 0);
    let words: Vec<_> = shown()
        .map(|p| format!("{} {}", grouped(p.count), p.name))
        .collect();
    let label = if words.is_empty() {
        "nothing yet".to_owned()
    } else {
        words.join(", ")
    };
    html! {
        div.strip role="img" aria-label=(label) { @for part in shown() {
            span class=(part.colour) style={ "flex-basis:" (percent(part.count, whole)) }
                title={ (part.name) ": " (grouped(part.count)) } {}
        } }
    }
}

/// Vertical bars over time, labelled with the first and the last time.
pub(super) fn columns(colour: &str, what: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let sum: i64 = bars.iter().map(|bar| bar.count).sum();
    let drawn = |first: &Bar, last: &Bar| {
        let label = format!(
            "{} {what} from {} to {}, at most {} in a bar",
            grouped(sum),
            first.label,
            last.label,
            grouped(most)
        );
        html! {
            div.columns role="img" aria-label=(text(&label)) { @for bar in bars {
                span class={ (colour) @if bar.count == 0 { " empty" } }
                    style={ "height:" (percent(bar.count, most)) } title=(text(&bar.words)) {}
            } }
        }
    };
    over_time(what, bars, most, drawn)
}

/// Horizontal bars below each other, the longest with the full width.
pub(super) fn rows(colour: &str, rows: &[Row]) -> Markup {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    if most == 0 {
        return none();
    }
    html! {
        ul.rows { @for row in rows {
            li {
                span.label { (text(&row.label)) }
                span.count { (grouped(row.count)) }
                @if !row.more.is_empty() { small.more { (text(&row.more)) } }
                span.track aria-hidden="true" {
                    span class=(colour) style={ "width:" (percent(row.count, most)) } {}
                }
            }
        } }
    }
}

/// The growth of a sum, as an area.
pub(super) fn area(what: &str, bars: &[Bar]) -> Markup {
    let sum: i64 = bars.iter().map(|bar| bar.count).sum();
    let steps = i64::try_from(bars.len()).unwrap_or(1);
    let drawn = |first: &Bar, last: &Bar| {
        let (mut line, mut so_far) = ("0,100".to_owned(), 0);
        for (n, bar) in (1..).zip(bars) {
            so_far += bar.count;
            let (x, y) = (
                decimal(n * 10_000 / steps),
                decimal(10_000 - ratio(so_far, sum)),
            );
            // Writing to a String cannot fail.
            let _infallible = write!(line, " {x},{y}");
        }
        let label = format!(
            "{what}: {} from {} to {}",
            grouped(sum),
            first.label,
            last.label
        );
        html! {
            svg.area viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=(text(&label)) {
                polygon points={ (line) " 100,100" } {}
                polyline points=(line) vector-effect="non-scaling-stroke" {}
            }
        }
    };
    over_time(what, bars, sum, drawn)
}

/// A drawing between its greatest number and the first and last time; nothing is drawn if that
/// number is 0.
fn over_time(
    what: &str,
    bars: &[Bar],
    most: i64,
    drawn: impl FnOnce(&Bar, &Bar) -> Markup,
) -> Markup {
    let (Some(first), Some(last), true) = (bars.first(), bars.last(), most > 0) else {
        return none();
    };
    html! {
        div.most aria-hidden="true" { (grouped(most)) }
        (drawn(first, last))
        div.ends aria-hidden="true" { span { (text(&first.label)) } span { (text(&last.label)) } }
        (in_numbers(what, bars))
    }
}

/// The non-empty bars as a table that can be unfolded, for screen readers and for reading.
fn in_numbers(what: &str, bars: &[Bar]) -> Markup {
    html! {
        details {
            summary { "In numbers" }
            table {
                thead { tr { th scope="col" { "From" } th scope="col" { (what) } } }
                tbody { @for bar in bars.iter().filter(|bar| bar.count > 0) {
                    tr { td { (text(&bar.label)) } td { (grouped(bar.count)) } }
                } }
            }
        }
    }
}

/// The text if there is nothing to draw.
fn none() -> Markup {
    html! { p.none { "Nothing to show yet." } }
}

fn ratio(part: i64, whole: i64) -> i64 {
    i64::try_from(i128::from(part) * 10_000 / i128::from(whole.max(1))).unwrap_or(0)
}

/// Hundredths as a decimal.
fn decimal(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, count: i64) -> Bar {
        Bar {
            label: label.to_owned(),
            count,
            words: format!("{count} in {label}"),
        }
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        for empty in [
            columns("c", "x", &[]),
            columns("c", "x", &[bar("a", 0)]),
            rows("c", &[]),
            area("x", &[bar("a", 0)]),
        ] {
            assert_eq!(empty.0, none().0);
        }
        assert!(strip(&[]).0.contains("nothing yet"));
    }

    #[test]
    fn lengths_follow_the_numbers() {
        let columns = columns("c", "events", &[bar("a", 1), bar("<b>", 4)]).0;
        assert!(
            columns.contains("height:25.00%") && columns.contains("height:100.00%"),
            "{columns}"
        );
        assert!(
            columns.contains("&lt;b&gt;") && !columns.contains("<b>"),
            "{columns}"
        );
        let area = area("bytes", &[bar("a", 1), bar("b", 3)]).0;
        assert!(
            area.contains("points=\"0,100 50.00,75.00 100.00,0.00\""),
            "{area}"
        );
        let parts = [
            Part {
                name: "delivered",
                colour: "ok",
                count: 3,
            },
            Part {
                name: "x",
                colour: "bad",
                count: 1,
            },
        ];
        let strip = strip(&parts).0;
        assert!(
            strip.contains("3 delivered, 1 x") && strip.contains("flex-basis:75.00%"),
            "{strip}"
        );
    }
}
