//! The numbers of the connections.

use std::sync::atomic::{AtomicI64, Ordering};

use super::pool::Pool;
use crate::serve::engine::sample::Sample;

/// Reads one number of a pool.
type Read = fn(&Pool) -> i64;

/// Name, kind and meaning of each number, and where it is.
const NUMBERS: [(&str, &str, &str, Read); 4] = [
    (
        "database_connections_used",
        "gauge",
        "Connections in use.",
        Pool::used,
    ),
    (
        "database_connects_total",
        "counter",
        "Connections made.",
        |pool| load(&pool.connects),
    ),
    (
        "database_failures_total",
        "counter",
        "Failed statements; most are retried.",
        |pool| load(&pool.failures),
    ),
    (
        "database_refusals_total",
        "counter",
        "Statements without a connection.",
        |pool| load(&pool.refusals),
    ),
];

fn load(number: &AtomicI64) -> i64 {
    number.load(Ordering::Relaxed)
}

/// The numbers of each database, those of one name together.
pub(super) fn of(pools: &[&Pool]) -> Vec<Sample> {
    let of_name = |(name, kind, help, read): (&'static str, &'static str, &'static str, Read)| {
        pools.iter().enumerate().map(move |(at, pool)| {
            let label = format!("database=\"{}\"", at + 1);
            Sample {
                name,
                help,
                kind,
                label,
                value: read(pool),
            }
        })
    };
    NUMBERS.into_iter().flat_map(of_name).collect()
}
