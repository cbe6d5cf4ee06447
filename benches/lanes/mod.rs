//! The lanes of `sk-sync bench` for criterion: each sample is the reading of one lane, without its
//! preparation.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on has nothing to measure"
)]

use std::path::Path;
use std::time::Duration;

use criterion::Criterion;
use sk_sync::bench::{Ground, Sizes, Stage, Subject, suite};

/// Runs every lane of `subject`. For ratios taken in turn in the same minutes use `sk-sync bench`.
pub(crate) fn run(c: &mut Criterion, name: &str, subject: Subject, sizes: &Sizes) {
    let stage = Stage::of_process(env!("CARGO_BIN_EXE_sk-sync").into());
    let ground = Ground::within(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let mut suite = suite(subject, &stage, &ground, sizes, &|_| {}).unwrap();
    let mut group = c.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(2));
    for lane in suite.lanes() {
        let name = lane.name.clone();
        group.bench_function(name, |b| {
            b.iter_custom(|times| (0..times).map(|_| lane.sample().unwrap().wall).sum());
        });
    }
    group.finish();
}
