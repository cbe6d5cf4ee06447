//! Events to a receiver, compared with posting the same bytes, and drains with nothing to send.

mod lanes;

use criterion::{Criterion, criterion_group, criterion_main};
use sk_sync::bench::{Sizes, Subject};

fn drain(c: &mut Criterion) {
    let sizes = Sizes {
        drain: 10_000,
        settled: vec![10_000],
        ..Sizes::quick()
    };
    lanes::run(c, "drain", Subject::Drain, &sizes);
}

criterion_group!(benches, drain);
criterion_main!(benches);
