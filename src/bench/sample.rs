//! Statistics of samples.

/// The median of `samples`: for an even number the mean of the two middle ones; 0 without any.
pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 || sorted.is_empty() {
        at(middle)
    } else {
        f64::midpoint(at(middle - 1), at(middle))
    }
}

/// `part / whole`; 0 if `whole` is 0.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// `number` with four significant digits, the precision of these measurements.
pub(super) fn rounded(number: f64) -> f64 {
    if number.is_finite() {
        format!("{number:.3e}").parse().unwrap_or(number)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_not_moved_by_one_bad_sample() {
        for (samples, middle) in [
            (&[][..], 0.0),
            (&[3.0], 3.0),
            (&[4.0, 1.0], 2.5),
            (&[1.0, 900.0, 2.0], 2.0),
            (&[5.0, 1.0, 4.0, 2.0, 1000.0], 4.0),
        ] {
            assert!((median(samples) - middle).abs() < 1e-9, "{samples:?}");
        }
    }

    #[test]
    fn a_ratio_needs_a_whole() {
        assert!((ratio(1.0, 4.0) - 0.25).abs() < 1e-9);
        assert!(ratio(1.0, 0.0).abs() < 1e-9);
    }

    #[test]
    fn four_digits_are_kept() {
        for (number, kept) in [
            (123_456.0, 123_500.0),
            (1.234_56, 1.235),
            (0.001_234_56, 0.001_235),
            (0.0, 0.0),
            (-98.765, -98.77),
        ] {
            assert!(
                (rounded(number) - kept).abs() < 1e-9,
                "{number}: {}",
                rounded(number)
            );
        }
        assert!(rounded(f64::NAN).abs() < 1e-9);
    }
}
