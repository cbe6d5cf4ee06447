//! Plots cost against depth: SVG with a logarithmic axis of depths, equal for equal rows.

use std::fmt::Write as _;

use super::document::Machine;
use super::sample::median;
use super::suite::Row;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 44.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 60.0;

/// The cost of one event at one depth, in microseconds.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    depth: u64,
    cost: f64,
    least: f64,
    most: f64,
}

/// Points that belong together.
struct Series {
    label: &'static str,
    colour: &'static str,
    points: Vec<Point>,
}

/// The plot of the rows `enqueue.each`: a point for each depth above 0, for sk-sync and for the
/// limit.
pub(crate) fn depth_plot(rows: &[Row], machine: &Machine) -> String {
    let each: Vec<&Row> = rows
        .iter()
        .filter(|row| row.name == "enqueue.each")
        .collect();
    let points = |samples: fn(&Row) -> &[f64]| {
        each.iter()
            .filter_map(|row| point(row, samples(row)))
            .collect()
    };
    let series = [
        Series {
            label: "sk-sync",
            colour: "#1f6feb",
            points: points(|row| &row.samples),
        },
        Series {
            label: "bare SQLite",
            colour: "#8b949e",
            points: points(|row| &row.limit_samples),
        },
    ];
    picture(&series, machine)
}

fn point(row: &Row, samples: &[f64]) -> Option<Point> {
    let depth = row
        .params
        .get("depth")?
        .as_u64()
        .filter(|depth| *depth > 0)?;
    let costs: Vec<f64> = samples
        .iter()
        .filter(|rate| **rate > 0.0)
        .map(|rate| 1e6 / rate)
        .collect();
    let least = costs.iter().copied().reduce(f64::min)?;
    let most = costs.iter().copied().reduce(f64::max)?;
    Some(Point {
        depth,
        cost: median(&costs),
        least,
        most,
    })
}

/// Mapping from values to positions.
struct Scale {
    first_decade: u32,
    last_decade: u32,
    top_cost: f64,
}

impl Scale {
    /// Whole decades around every depth, and a round cost above every cost.
    fn of(series: &[Series]) -> Self {
        let all = || series.iter().flat_map(|s| &s.points);
        let first = all()
            .filter_map(|p| p.depth.checked_ilog10())
            .min()
            .unwrap_or(3);
        let last = all()
            .filter_map(|p| (p.depth - 1).checked_ilog10())
            .max()
            .unwrap_or(5);
        let most = all().map(|p| p.most).fold(1.0, f64::max);
        Self {
            first_decade: first,
            last_decade: last.max(first) + 1,
            top_cost: round_above(most),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no depth comes near 2^52")]
    fn x(&self, depth: u64) -> f64 {
        let (first, last) = (f64::from(self.first_decade), f64::from(self.last_decade));
        LEFT + ((depth as f64).log10() - first) / (last - first) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, cost: f64) -> f64 {
        HEIGHT - BOTTOM - cost / self.top_cost * (HEIGHT - TOP - BOTTOM)
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `value`, so that quarters
/// of it are round.
fn round_above(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= value)
        .unwrap_or(value)
}

fn picture(series: &[Series], machine: &Machine) -> String {
    let scale = Scale::of(series);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"#24292f\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    // Writing to a String cannot fail.
    let _infallible = write_frame(&mut svg, &scale, machine);
    for (n, series) in series.iter().enumerate() {
        let _infallible = write_series(&mut svg, &scale, n, series);
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_frame(svg: &mut String, scale: &Scale, machine: &Machine) -> std::fmt::Result {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"26\" font-size=\"16\">One durable event, by events already there</text>"
    )?;
    writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"46\" fill=\"#57606a\">microseconds each, median and range of the samples; {}, {} \
         processors, {}</text>",
        escaped(&machine.platform),
        machine.cpus,
        escaped(&machine.file_system)
    )?;
    for quarter in 0..=4 {
        let cost = scale.top_cost * f64::from(quarter) / 4.0;
        let y = scale.y(cost);
        writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#d0d7de\"/>"
        )?;
        let (x, y) = (LEFT - 8.0, y + 4.0);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            axis(cost)
        )?;
    }
    for decade in scale.first_decade..=scale.last_decade {
        let depth = 10_u64.pow(decade);
        let x = scale.x(depth);
        writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eaeef2\"/>"
        )?;
        let y = bottom + 20.0;
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
            count(depth)
        )?;
    }
    let (x, y) = (f64::midpoint(LEFT, right), HEIGHT - 14.0);
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">events in the journal (logarithmic)</text>"
    )
}

fn write_series(svg: &mut String, scale: &Scale, n: usize, series: &Series) -> std::fmt::Result {
    let colour = series.colour;
    let places: Vec<String> = series
        .points
        .iter()
        .map(|p| format!("{:.1},{:.1}", scale.x(p.depth), scale.y(p.cost)))
        .collect();
    writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        places.join(" ")
    )?;
    for p in &series.points {
        let (x, y) = (scale.x(p.depth), scale.y(p.cost));
        let (low, high) = (scale.y(p.least), scale.y(p.most));
        writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{low:.1}\" x2=\"{x:.1}\" y2=\"{high:.1}\" stroke=\"{colour}\"/>"
        )?;
        writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"><title>{}: {:.1} us at {}</title></circle>",
            series.label,
            p.cost,
            count(p.depth)
        )?;
    }
    let x = LEFT + 140.0 * f64::from(u8::try_from(n).unwrap_or(0));
    writeln!(
        svg,
        "<circle cx=\"{:.1}\" cy=\"62\" r=\"4\" fill=\"{colour}\"/>",
        x + 4.0
    )?;
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"66\">{}</text>",
        x + 14.0,
        series.label
    )
}

/// A cost as an axis label: `250`, `0.5`.
fn axis(cost: f64) -> String {
    if cost < 10.0 && cost.fract() > 0.0 {
        format!("{cost:.2}")
    } else {
        format!("{cost:.0}")
    }
}

/// A depth as an axis label: `1,000,000`.
fn count(depth: u64) -> String {
    let digits = depth.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(depth: u64, rates: &[f64]) -> Row {
        Row {
            name: "enqueue.each",
            value: 0.0,
            unit: "events/s",
            limit: 0.0,
            ratio_to_limit: 0.0,
            limit_is: "",
            params: BTreeMap::from([("depth", depth.into())]),
            samples: rates.to_vec(),
            limit_samples: rates.to_vec(),
        }
    }

    fn machine() -> Machine {
        Machine {
            cpus: 2,
            platform: "a <b>".to_owned(),
            file_system: "ext4".to_owned(),
            build: "release",
        }
    }

    #[test]
    fn a_point_is_the_middle_of_the_costs() {
        let point = point(
            &row(1000, &[1000.0, 2000.0, 500.0]),
            &[1000.0, 2000.0, 500.0],
        )
        .unwrap();
        assert_eq!(
            point,
            Point {
                depth: 1_000,
                cost: 1000.0,
                least: 500.0,
                most: 2000.0
            }
        );
    }

    #[test]
    fn decades_are_evenly_apart_and_costs_begin_at_zero() {
        let points = vec![
            Point {
                depth: 1_000,
                cost: 90.0,
                least: 80.0,
                most: 130.0,
            },
            Point {
                depth: 1_000_000,
                cost: 95.0,
                least: 90.0,
                most: 100.0,
            },
        ];
        let scale = Scale::of(&[Series {
            label: "",
            colour: "",
            points,
        }]);
        assert_eq!((scale.first_decade, scale.last_decade), (3, 6));
        assert!((scale.top_cost - 200.0).abs() < 1e-9, "{}", scale.top_cost);
        let step = scale.x(10_000) - scale.x(1_000);
        assert!(
            (scale.x(1_000_000) - scale.x(100_000) - step).abs() < 1e-6
                && (scale.x(1_000) - LEFT).abs() < 1e-6
        );
        assert!(
            (scale.y(0.0) - (HEIGHT - BOTTOM)).abs() < 1e-6 && (scale.y(200.0) - TOP).abs() < 1e-6
        );
    }

    #[test]
    fn a_top_is_round_and_not_below() {
        for (value, top) in [
            (1.0, 1.0),
            (1.2, 2.0),
            (37.0, 40.0),
            (310.0, 400.0),
            (999.0, 1000.0),
        ] {
            assert!(
                (round_above(value) - top).abs() < 1e-9,
                "{value}: {}",
                round_above(value)
            );
        }
    }

    #[test]
    fn the_picture_has_a_point_for_each_depth_and_is_the_same_again() {
        let rows = [
            row(0, &[9.0]),
            row(1_000, &[5.0]),
            row(10_000, &[4.0]),
            row(1_000_000, &[4.0]),
        ];
        let svg = depth_plot(&rows, &machine());
        assert_eq!(svg.matches("<title>sk-sync:").count(), 3, "{svg}");
        assert_eq!(svg.matches("<title>bare SQLite:").count(), 3, "{svg}");
        assert!(
            svg.contains(">1,000,000</text>") && svg.contains("a &lt;b&gt;"),
            "{svg}"
        );
        assert_eq!(svg, depth_plot(&rows, &machine()));
        assert!(depth_plot(&[], &machine()).ends_with("</svg>\n"));
    }
}
