//! Plots cost against depth: SVG with a logarithmic axis of depths, equal for equal rows.
//!
//! `plotters` draws it. With nothing but its SVG backend that is three crates more, and 137 kB of the
//! program.

use indicatif::HumanCount;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::document::Machine;
use super::error::Error;
use super::sample::median;
use super::suite::Row;

const SIZE: (u32, u32) = (760, 440);
const FONT: (&str, u32) = ("sans-serif", 13);
const TITLE_FONT: (&str, u32) = ("sans-serif", 18);
const OURS: RGBColor = RGBColor(0x1f, 0x6f, 0xeb);
const LIMIT: RGBColor = RGBColor(0x8b, 0x94, 0x9e);

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
    colour: RGBColor,
    points: Vec<Point>,
}

impl Series {
    fn of(
        label: &'static str,
        colour: RGBColor,
        rows: &[Row],
        samples: fn(&Row) -> &[f64],
    ) -> Self {
        let each = rows.iter().filter(|row| row.name == "enqueue.each");
        let mut points: Vec<_> = each.filter_map(|row| point(row, samples(row))).collect();
        points.sort_by_key(|point| point.depth);
        Self {
            label,
            colour,
            points,
        }
    }
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
    Some(Point {
        depth,
        cost: median(&costs),
        least: costs.iter().copied().reduce(f64::min)?,
        most: costs.iter().copied().reduce(f64::max)?,
    })
}

/// The plot of the rows `enqueue.each`: a point for each depth above 0, for sk-sync and for the
/// limit.
pub(crate) fn depth_plot(rows: &[Row], machine: &Machine) -> Result<String, Error> {
    let series = [
        Series::of("sk-sync", OURS, rows, |row| &row.samples),
        Series::of("bare SQLite", LIMIT, rows, |row| &row.limit_samples),
    ];
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, &series, machine).map_err(|e| Error::Plot(e.to_string()))?;
    drop(area);
    Ok(svg)
}

fn draw<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    series: &[Series],
    machine: &Machine,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let subtitle = format!(
        "microseconds each, median and range of the samples; {}, {} processors, {}",
        machine.platform, machine.cpus, machine.file_system
    );
    area.fill(&WHITE)?;
    let inner = area
        .titled("One durable event, by events already there", TITLE_FONT)?
        .titled(&subtitle, FONT)?;
    let (depths, most) = ranges(series);
    let mut chart = ChartBuilder::on(&inner)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(depths.log_scale(), 0.0..most)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .label_style(FONT)
        .x_desc("events in the journal (logarithmic)")
        .x_label_formatter(&|depth| HumanCount(*depth).to_string())
        .draw()?;
    for Series {
        label,
        colour,
        points,
    } in series
    {
        let colour = *colour;
        let line = points.iter().map(|p| (p.depth, p.cost));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(*label)
            .legend(move |place| Circle::new(place, 4, colour.filled()));
        chart.draw_series(points.iter().map(|p| {
            ErrorBar::new_vertical(p.depth, p.least, p.cost, p.most, colour.filled(), 8)
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(FONT)
        .draw()?;
    area.present()
}

/// Whole decades around every depth, and a cost above every cost.
fn ranges(series: &[Series]) -> (std::ops::Range<u64>, f64) {
    let all = || series.iter().flat_map(|s| &s.points);
    let first = all().filter_map(|p| p.depth.checked_ilog10()).min();
    let last = all().filter_map(|p| (p.depth - 1).checked_ilog10()).max();
    let first = first.unwrap_or(3);
    let last = last.unwrap_or(5).max(first) + 1;
    let most = all().map(|p| p.most).fold(1.0, f64::max);
    (10_u64.pow(first)..10_u64.saturating_pow(last), most * 1.1)
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
        let rates = [1000.0, 2000.0, 500.0];
        let expected = Point {
            depth: 1_000,
            cost: 1000.0,
            least: 500.0,
            most: 2000.0,
        };
        assert_eq!(point(&row(1000, &rates), &rates), Some(expected));
    }

    #[test]
    fn the_axes_have_every_point() {
        for (depths, expected) in [
            (&[1_000, 1_000_000][..], 1_000..1_000_000),
            (&[5_000, 20_000], 1_000..100_000),
            (&[1_000], 1_000..10_000),
            (&[], 1_000..1_000_000),
        ] {
            let rows: Vec<_> = depths.iter().map(|n| row(*n, &[1e6 / 130.0])).collect();
            let series = [Series::of("", OURS, &rows, |row| &row.samples)];
            let (range, most) = ranges(&series);
            assert_eq!(range, expected, "{depths:?}");
            assert!(depths.is_empty() || most > 130.0, "{most}");
        }
    }

    #[test]
    fn the_picture_has_a_point_for_each_depth_and_is_the_same_again() {
        let rows = [
            row(0, &[9.0]),
            row(1_000_000, &[4.0]),
            row(1_000, &[5.0]),
            row(10_000, &[4.0]),
        ];
        let svg = depth_plot(&rows, &machine()).unwrap();
        for colour in ["#1F6FEB", "#8B949E"] {
            let points = svg.lines().filter(|line| {
                line.starts_with("<circle") && line.contains(&format!("fill=\"{colour}\""))
            });
            // And the one of the legend.
            assert_eq!(points.count(), 4, "{colour}: {svg}");
        }
        for words in ["\n1,000,000\n", "a &lt;b&gt;", "bare SQLite"] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
        assert_eq!(svg, depth_plot(&rows, &machine()).unwrap());
        assert!(depth_plot(&[], &machine()).unwrap().ends_with("</svg>\n"));
    }
}
