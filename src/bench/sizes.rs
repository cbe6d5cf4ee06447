//! How much is measured.

/// Amount of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// Events in the journal before single events are added.
    pub depths: Vec<u64>,
    /// Single events per sample.
    pub each: u64,
    /// Events in bulk per sample.
    pub bulk: u64,
    /// Events in the long input of the memory measurement.
    pub stream: u64,
    /// Feature directories in the indexed tree.
    pub missions: usize,
    /// Files in the indexed tree.
    pub files: usize,
    /// Events delivered per sample.
    pub drain: u64,
    /// Delivered events in the journals with nothing left to send.
    pub settled: Vec<u64>,
}

impl Sizes {
    /// The sizes used in `BENCHMARKS.md`.
    pub fn full() -> Self {
        Self {
            depths: vec![0, 5_000, 20_000, 1_000_000],
            each: 1_000,
            bulk: 50_000,
            stream: 1_000_000,
            missions: 412,
            files: 10_437,
            drain: 10_000,
            settled: vec![10_000, 1_000_000],
        }
    }

    /// Sizes that take about a minute: enough to compare each kind of work with its limit.
    pub fn brief() -> Self {
        Self {
            depths: vec![0, 5_000, 20_000],
            each: 100,
            bulk: 10_000,
            stream: 30_000,
            missions: 80,
            files: 2_000,
            drain: 3_000,
            settled: vec![10_000],
        }
    }

    /// Sizes that take seconds: to check that everything runs, and for deterministic figures (rows,
    /// requests, commits).
    pub fn quick() -> Self {
        Self {
            depths: vec![0, 1_000],
            each: 50,
            bulk: 2_000,
            stream: 5_000,
            missions: 12,
            files: 200,
            drain: 1_000,
            settled: vec![1_000],
        }
    }
}
