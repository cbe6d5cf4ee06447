//! Charts made only of markup and lengths: each has a text alternative, and its numbers in a table.

use std::fmt::Write as _;

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
pub(super) fn strip(parts: &[Part]) -> String {
    let whole: i64 = parts.iter().map(|part| part.count).sum();
    let words: Vec<_> = parts
        .iter()
        .filter(|p| p.count > 0)
        .map(|p| format!("{} {}", grouped(p.count), p.name))
        .collect();
    let label = if words.is_empty() {
        "nothing yet".to_owned()
    } else {
        words.join(", ")
    };
    let mut out = format!(
        "<div class=\"strip\" role=\"img\" aria-label=\"{}\">",
        text(&label)
    );
    for part in parts.iter().filter(|part| part.count > 0) {
        let (name, width) = (text(part.name), percent(part.count, whole));
        // Writing to a String cannot fail.
        let _infallible = write!(
            out,
            "<span class=\"{}\" style=\"flex-basis:{width}\" title=\"{name}: {}\"></span>",
            part.colour,
            grouped(part.count)
        );
    }
    out + "</div>"
}

/// Vertical bars over time, labelled with the first and the last time.
pub(super) fn columns(colour: &str, what: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return none();
    };
    if most == 0 {
        return none();
    }
    let sum: i64 = bars.iter().map(|bar| bar.count).sum();
    let label = format!(
        "{} {what} from {} to {}, at most {} in a bar",
        grouped(sum),
        first.label,
        last.label,
        grouped(most)
    );
    let mut out = format!(
        "<div class=\"most\" aria-hidden=\"true\">{}</div><div class=\"columns\" role=\"img\" aria-label=\"{}\">",
        grouped(most),
        text(&label)
    );
    for bar in bars {
        let height = percent(bar.count, most);
        let (title, empty) = (text(&bar.words), if bar.count == 0 { " empty" } else { "" });
        let _infallible = write!(
            out,
            "<span class=\"{colour}{empty}\" style=\"height:{height}\" title=\"{title}\"></span>"
        );
    }
    let ends = format!(
        "<span>{}</span><span>{}</span>",
        text(&first.label),
        text(&last.label)
    );
    out + "</div><div class=\"ends\" aria-hidden=\"true\">"
        + &ends
        + "</div>"
        + &in_numbers(what, bars)
}

/// Horizontal bars below each other, the longest with the full width.
pub(super) fn rows(colour: &str, rows: &[Row]) -> String {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    if most == 0 {
        return none();
    }
    let mut out = "<ul class=\"rows\">".to_owned();
    for row in rows {
        let more = if row.more.is_empty() {
            String::new()
        } else {
            format!("<small class=\"more\">{}</small>", text(&row.more))
        };
        let _infallible = write!(
            out,
            "<li><span class=\"label\">{}</span><span class=\"count\">{}</span>{more}\
             <span class=\"track\" aria-hidden=\"true\"><span class=\"{colour}\" style=\"width:{}\"></span></span></li>",
            text(&row.label),
            grouped(row.count),
            percent(row.count, most)
        );
    }
    out + "</ul>"
}

/// The growth of a sum, as an area.
pub(super) fn area(what: &str, bars: &[Bar]) -> String {
    let sum: i64 = bars.iter().map(|bar| bar.count).sum();
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return none();
    };
    if sum == 0 {
        return none();
    }
    let steps = i64::try_from(bars.len()).unwrap_or(1);
    let (mut line, mut so_far) = ("0,100".to_owned(), 0);
    for (n, bar) in (1..).zip(bars) {
        so_far += bar.count;
        let (x, y) = (
            decimal(n * 10_000 / steps),
            decimal(10_000 - ratio(so_far, sum)),
        );
        let _infallible = write!(line, " {x},{y}");
    }
    let label = format!(
        "{what}: {} from {} to {}",
        grouped(sum),
        first.label,
        last.label
    );
    let ends = format!(
        "<span>{}</span><span>{}</span>",
        text(&first.label),
        text(&last.label)
    );
    format!(
        "<div class=\"most\" aria-hidden=\"true\">{}</div>\
         <svg class=\"area\" viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         <polygon points=\"{line} 100,100\"/><polyline points=\"{line}\" vector-effect=\"non-scaling-stroke\"/></svg>\
         <div class=\"ends\" aria-hidden=\"true\">{ends}</div>{}",
        grouped(sum),
        text(&label),
        in_numbers(what, bars)
    )
}

/// The non-empty bars as a table that can be unfolded, for screen readers and for reading.
fn in_numbers(what: &str, bars: &[Bar]) -> String {
    let heads = format!(
        "<th scope=\"col\">From</th><th scope=\"col\">{}</th>",
        text(what)
    );
    let row = |bar: &Bar| {
        format!(
            "<tr><td>{}</td><td>{}</td></tr>",
            text(&bar.label),
            grouped(bar.count)
        )
    };
    let rows: String = bars.iter().filter(|bar| bar.count > 0).map(row).collect();
    format!(
        "<details><summary>In numbers</summary><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></details>"
    )
}

/// The text if there is nothing to draw.
fn none() -> String {
    "<p class=\"none\">Nothing to show yet.</p>".to_owned()
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
            assert_eq!(empty, none());
        }
        assert!(strip(&[]).contains("nothing yet"));
    }

    #[test]
    fn lengths_follow_the_numbers() {
        let columns = columns("c", "events", &[bar("a", 1), bar("<b>", 4)]);
        assert!(
            columns.contains("height:25.00%") && columns.contains("height:100.00%"),
            "{columns}"
        );
        assert!(
            columns.contains("&lt;b&gt;") && !columns.contains("<b>"),
            "{columns}"
        );
        let area = area("bytes", &[bar("a", 1), bar("b", 3)]);
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
        let strip = strip(&parts);
        assert!(
            strip.contains("3 delivered, 1 x") && strip.contains("flex-basis:75.00%"),
            "{strip}"
        );
    }
}
