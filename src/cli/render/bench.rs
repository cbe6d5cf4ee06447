//! Measurements next to their limits, as text.

use crate::base::text::printable;
use crate::bench::Document;
use crate::cli::Printer;
use crate::cli::table::Table;

/// Shows the figures as a table, then every sample.
pub(crate) fn show(printer: &Printer, document: &Document<'_>) {
    let machine = document.machine;
    printer.result(&format!(
        "{}, {} processors, {}, {} build, medians of {}",
        machine.platform,
        machine.cpus,
        printable(&machine.file_system),
        machine.build,
        document.repeats
    ));
    let mut table = Table::new(&[
        "WORK",
        "SIZE",
        "VALUE",
        "LIMIT",
        "UNIT",
        "RATIO",
        "THE LIMIT IS",
    ]);
    for row in document.rows {
        table.row([
            row.name.to_owned(),
            size(&row.params),
            figure(row.value),
            figure(row.limit),
            row.unit.to_owned(),
            figure(row.ratio_to_limit),
            row.limit_is.to_owned(),
        ]);
    }
    table.lines().iter().for_each(|line| printer.result(line));
    printer.result("\nSamples, in the order taken:");
    for row in document.rows {
        printer.result(&format!("  {} {}", row.name, size(&row.params)));
        printer.result(&format!("    ours   {}", figures(&row.samples)));
        printer.result(&format!("    limit  {}", figures(&row.limit_samples)));
    }
}

/// `depth 5,000, events 1,000`.
fn size(params: &std::collections::BTreeMap<&'static str, serde_json::Value>) -> String {
    let word = |(name, value): (&&str, &serde_json::Value)| match value.as_u64() {
        Some(number) => format!("{name} {}", crate::cli::table::count(number)),
        None => format!("{name} {value}"),
    };
    params.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn figures(samples: &[f64]) -> String {
    samples
        .iter()
        .map(|sample| figure(*sample))
        .collect::<Vec<_>>()
        .join("  ")
}

/// A figure with as many decimals as it has a use for: `12,345`, `18.3`, `0.834`.
fn figure(number: f64) -> String {
    let decimals = if number.abs() >= 100.0 {
        0
    } else if number.abs() >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{number:.decimals$}");
    match text.split_once('.') {
        Some(_) => text,
        None => text.parse().map_or(text, crate::cli::table::count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_decimals_that_matter() {
        for (number, text) in [
            (12_345.6, "12,346"),
            (234.5, "234"),
            (18.34, "18.3"),
            (0.8341, "0.834"),
            (0.0, "0.000"),
        ] {
            assert_eq!(figure(number), text);
        }
    }
}
