//! Events into the journal, one at a time and in bulk, compared with bare SQLite.

mod lanes;

use criterion::{Criterion, criterion_group, criterion_main};
use sk_sync::bench::{Sizes, Subject};

fn journal(c: &mut Criterion) {
    let sizes = Sizes {
        depths: vec![0, 5_000],
        each: 200,
        bulk: 5_000,
        ..Sizes::quick()
    };
    lanes::run(c, "journal", Subject::Enqueue, &sizes);
}

criterion_group!(benches, journal);
criterion_main!(benches);
