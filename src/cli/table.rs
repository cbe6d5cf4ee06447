//! Aligned columns for a terminal.

/// Rows of equal length below a heading. Cells must already be printable.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column names.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The lines, with two blanks between columns; a column of numbers is aligned right.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> = (0..columns)
            .map(|c| cells(c).map(|x| x.chars().count()).max().unwrap_or(0))
            .collect();
        let is_number = |cell: &String| {
            !cell.is_empty()
                && cell
                    .chars()
                    .all(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
        };
        let numeric: Vec<bool> = (0..columns)
            .map(|c| self.rows.len() > 1 && cells(c).skip(1).all(is_number))
            .collect();
        let line = |row: &Vec<String>| {
            let padded =
                row.iter()
                    .zip(widths.iter().zip(&numeric))
                    .map(|(cell, (&width, &right))| {
                        if right {
                            format!("{cell:>width$}")
                        } else {
                            format!("{cell:<width$}")
                        }
                    });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

/// A count with thousands separators: `10,437`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in a readable unit: `512 B`, `1.5 KiB`, `70.3 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("TiB", 40_u32), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let mut table = Table::new(&["SEQ", "TYPE", "STATUS"]);
        table.row(["7".into(), "Ünïcode".into(), "untried".into()]);
        table.row(["1,234".into(), "X".into(), String::new()]);
        assert_eq!(
            table.lines(),
            [
                "  SEQ  TYPE     STATUS",
                "    7  Ünïcode  untried",
                "1,234  X"
            ]
        );
    }

    #[test]
    fn bytes_are_rounded_down_to_a_tenth() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (73_714_892, "70.2 MiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(number), text);
        }
    }
}
