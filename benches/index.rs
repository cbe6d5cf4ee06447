//! Indexing the feature directories: dry run, first capture, and again without changes, compared
//! with reading and hashing.

mod lanes;

use criterion::{Criterion, criterion_group, criterion_main};
use sk_sync::bench::{Sizes, Subject};

fn index(c: &mut Criterion) {
    let sizes = Sizes {
        missions: 40,
        files: 1_000,
        ..Sizes::quick()
    };
    lanes::run(c, "index", Subject::Index, &sizes);
}

criterion_group!(benches, index);
criterion_main!(benches);
