//! Durations and byte sizes as people write them.

/// Milliseconds of `250ms`, `60s`, `5m`, `2h`, or a bare number of seconds.
pub(crate) fn milliseconds(text: &str) -> Result<u64, String> {
    measure(
        text,
        &[
            ("ms", 1),
            ("s", 1000),
            ("m", 60_000),
            ("h", 3_600_000),
            ("", 1000),
        ],
    )
    .ok_or_else(|| {
        "must be a time like \"250ms\", \"60s\", \"5m\" or \"2h\", or a number of seconds"
            .to_owned()
    })
}

/// Bytes of `512 KiB`, `1 GiB`, `100 B`, or a bare number.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    measure(
        text,
        &[
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
            ("", 1),
        ],
    )
    .ok_or_else(|| {
        "must be a size like \"512 KiB\", \"1 MiB\" or \"1 GiB\", or a number of bytes".to_owned()
    })
}

/// A whole number and its unit, blanks between them allowed; `None` for another unit or a number
/// too large.
fn measure(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units
        .iter()
        .find(|(u, _)| u.eq_ignore_ascii_case(unit.trim()))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// `n` bytes in the largest unit that divides them.
pub(super) fn in_bytes(n: u64) -> String {
    let units = [
        ("TiB", 1_u64 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
    ];
    match units
        .iter()
        .find(|(_, size)| n >= *size && n.is_multiple_of(*size))
    {
        Some((unit, size)) => format!("{} {unit}", n / size),
        None => format!("{n} B"),
    }
}

/// `n` milliseconds in the largest unit that divides them.
pub(super) fn in_time(n: u64) -> String {
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    match units
        .iter()
        .find(|(_, size)| n >= *size && n.is_multiple_of(*size))
    {
        Some((unit, size)) => format!("{}{unit}", n / size),
        None => format!("{n}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [
            ("250ms", 250),
            ("60s", 60_000),
            ("5m", 300_000),
            (" 2 h ", 7_200_000),
            ("7", 7000),
        ] {
            assert_eq!(milliseconds(text), Ok(ms), "{text}");
        }
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "5 weeks",
            "1m30s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, n) in [
            ("1 GiB", 1 << 30),
            ("512 KiB", 524_288),
            ("512kib", 524_288),
            ("100 B", 100),
            ("7", 7),
        ] {
            assert_eq!(bytes(text), Ok(n), "{text}");
        }
        for text in ["", "1 GB", "KiB", "-1", "1e3", "20000000 TiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_are_said_in_round_units() {
        assert_eq!(
            (in_bytes(524_288), in_bytes(1 << 40), in_bytes(1)),
            ("512 KiB".into(), "1 TiB".into(), "1 B".into())
        );
        assert_eq!(
            (in_time(0), in_time(1500), in_time(3_600_000)),
            ("0ms".into(), "1500ms".into(), "1h".into())
        );
    }
}
