//! Runs lanes in turn, and computes rows from their samples.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::sample::{median, ratio, rounded};
use super::stage::Stage;

/// Result of one sample.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// Wall-clock time.
    pub wall: Duration,
    /// Processor time of this process.
    pub(super) processor: Duration,
    /// Number of requests.
    pub(super) requests: u64,
    /// Peak memory of a process, in bytes.
    pub(super) memory: u64,
}

impl From<Duration> for Reading {
    fn from(wall: Duration) -> Self {
        Self {
            wall,
            ..Self::default()
        }
    }
}

/// Takes one sample; its preparation is not part of the reading.
type Take<'a> = Box<dyn FnMut() -> Result<Reading, Error> + 'a>;

/// One measurement: of sk-sync, or of a limit.
pub struct Lane<'a> {
    /// Description, for people.
    pub name: String,
    /// False for a value that is known without measuring.
    is_timed: bool,
    take: Take<'a>,
}

impl std::fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Lane<'_> {
    /// Takes one sample.
    pub fn sample(&mut self) -> Result<Reading, Error> {
        (self.take)()
    }
}

/// The figure of a reading that a row shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measure {
    /// This many units per second; more is better.
    PerSecond(u64),
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Processor time in milliseconds.
    ProcessorMillis,
    /// Requests.
    Requests,
    /// Memory in MiB.
    Mebibytes,
}

impl Measure {
    const fn unit(self) -> &'static str {
        match self {
            Self::PerSecond(_) => "events/s",
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::ProcessorMillis => "ms of processor",
            Self::Requests => "requests",
            Self::Mebibytes => "MiB",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
    fn of(self, reading: &Reading) -> f64 {
        let seconds = reading.wall.as_secs_f64();
        match self {
            Self::PerSecond(count) => ratio(count as f64, seconds),
            Self::Micros => seconds * 1e6,
            Self::Millis => seconds * 1e3,
            Self::ProcessorMillis => reading.processor.as_secs_f64() * 1e3,
            Self::Requests => reading.requests as f64,
            Self::Mebibytes => reading.memory as f64 / f64::from(1 << 20),
        }
    }
}

/// Index of a lane in its suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaneId(usize);

/// A planned row: two lanes to compare.
#[derive(Debug)]
pub(super) struct RowPlan {
    pub(super) name: &'static str,
    pub(super) work: LaneId,
    pub(super) limit: LaneId,
    /// Description of the limit, for people.
    pub(super) limit_is: &'static str,
    pub(super) measure: Measure,
    pub(super) params: Vec<(&'static str, u64)>,
}

/// One figure, compared with its limit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Name of the measurement.
    pub(crate) name: &'static str,
    /// The median of the samples.
    pub(crate) value: f64,
    /// Unit of both figures.
    pub(crate) unit: &'static str,
    /// The median of the limit's samples.
    pub(crate) limit: f64,
    /// `value / limit`.
    pub(crate) ratio_to_limit: f64,
    /// Description of the limit.
    pub(crate) limit_is: &'static str,
    /// Amount of work.
    pub(crate) params: BTreeMap<&'static str, Value>,
    /// Every sample, in order.
    pub(crate) samples: Vec<f64>,
    /// Every sample of the limit; the n-th was taken right after the n-th of ours.
    pub(crate) limit_samples: Vec<f64>,
}

/// The lanes, and the rows to compute from them.
#[derive(Debug, Default)]
pub struct Suite<'a> {
    lanes: Vec<Lane<'a>>,
    rows: Vec<RowPlan>,
}

impl<'a> Suite<'a> {
    pub(super) fn lane(
        &mut self,
        name: impl Into<String>,
        take: impl FnMut() -> Result<Reading, Error> + 'a,
    ) -> LaneId {
        self.lanes.push(Lane {
            name: name.into(),
            is_timed: true,
            take: Box::new(take),
        });
        LaneId(self.lanes.len() - 1)
    }

    /// A lane with a known reading.
    pub(super) fn constant(&mut self, name: &str, reading: Reading) -> LaneId {
        self.lanes.push(Lane {
            name: name.to_owned(),
            is_timed: false,
            take: Box::new(move || Ok(reading)),
        });
        LaneId(self.lanes.len() - 1)
    }

    pub(super) fn row(&mut self, plan: RowPlan) {
        self.rows.push(plan);
    }

    /// The lanes to run, in order.
    pub fn lanes(&mut self) -> impl Iterator<Item = &mut Lane<'a>> {
        self.lanes.iter_mut().filter(|lane| lane.is_timed)
    }

    /// Runs every lane `repeats` times, in turn, so that a slow phase of the disk affects all of
    /// them.
    pub(crate) fn measure(
        &mut self,
        stage: &Stage,
        repeats: usize,
        progress: &dyn Fn(&str),
    ) -> Result<Vec<Row>, Error> {
        let mut readings: Vec<Vec<Reading>> = self
            .lanes
            .iter()
            .map(|_| Vec::with_capacity(repeats))
            .collect();
        for round in 1..=repeats {
            for (lane, into) in self.lanes.iter_mut().zip(&mut readings) {
                if stage.interrupt.is_requested() {
                    return Err(Error::Interrupted);
                }
                if lane.is_timed {
                    progress(&format!("round {round} of {repeats}: {}", lane.name));
                }
                into.push(lane.sample()?);
            }
        }
        Ok(self.rows.iter().map(|plan| row(plan, &readings)).collect())
    }
}

fn row(plan: &RowPlan, readings: &[Vec<Reading>]) -> Row {
    let samples = |lane: LaneId| -> Vec<f64> {
        let taken = readings.get(lane.0).map(Vec::as_slice).unwrap_or_default();
        taken
            .iter()
            .map(|reading| rounded(plan.measure.of(reading)))
            .collect()
    };
    let (samples, limit_samples) = (samples(plan.work), samples(plan.limit));
    let (value, limit) = (median(&samples), median(&limit_samples));
    Row {
        name: plan.name,
        value: rounded(value),
        unit: plan.measure.unit(),
        limit: rounded(limit),
        ratio_to_limit: rounded(ratio(value, limit)),
        limit_is: plan.limit_is,
        params: plan
            .params
            .iter()
            .map(|(name, value)| (*name, Value::from(*value)))
            .collect(),
        samples,
        limit_samples,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn lanes_take_turns_and_rows_hold_the_middle() {
        let order = RefCell::new(String::new());
        let stage = Stage::of_process(std::path::PathBuf::new());
        let mut suite = Suite::default();
        let mut times = [10, 1000, 30].iter();
        let work = suite.lane("work", || {
            order.borrow_mut().push('A');
            Ok(Duration::from_micros(*times.next().unwrap()).into())
        });
        let limit = suite.lane("limit", || {
            order.borrow_mut().push('B');
            Ok(Duration::from_micros(15).into())
        });
        let params = vec![("depth", 7)];
        suite.row(RowPlan {
            name: "x",
            work,
            limit,
            limit_is: "y",
            measure: Measure::Micros,
            params,
        });
        let rows = suite.measure(&stage, 3, &|_| {}).unwrap();
        let row = serde_json::to_value(&rows).unwrap();
        let expected = serde_json::json!([{"name": "x", "value": 30.0, "unit": "us", "limit": 15.0, "ratio_to_limit": 2.0,
            "limit_is": "y", "params": {"depth": 7}, "samples": [10.0, 1000.0, 30.0], "limit_samples": [15.0, 15.0, 15.0]}]);
        assert_eq!(row, expected);
        drop(suite);
        assert_eq!(order.into_inner(), "ABABAB");
    }

    #[test]
    fn a_stop_ends_the_measurement() {
        let stage = Stage::of_process(std::path::PathBuf::new());
        stage.interrupt.request();
        let mut suite = Suite::default();
        suite.lane("never", || Err(Error::Work("ran".to_owned())));
        assert!(matches!(
            suite.measure(&stage, 1, &|_| {}),
            Err(Error::Interrupted)
        ));
    }
}
