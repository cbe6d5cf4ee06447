//! Numbers in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::engine::Trouble;
use super::engine::count::{Count, Counts};
use super::engine::sample::Sample;
use crate::base::mutex::held;

/// The upper bounds of the buckets of a request's time, in milliseconds.
const BOUNDS: [u64; 9] = [5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000];

/// Counts since the start of this receiver.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    requests: BTreeMap<(&'static str, u16), u64>,
    times: BTreeMap<&'static str, Times>,
    /// Requests that were told to come back: nothing begun, not known.
    put_off: [u64; 2],
}

#[derive(Debug, Default)]
struct Times {
    /// How many took at most each bound.
    within: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Metrics {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        held(&self.0)
    }

    /// Counts a request that was answered.
    pub(super) fn request(&self, route: &'static str, status: u16, took: Duration) {
        let mut numbers = self.numbers();
        *numbers.requests.entry((route, status)).or_default() += 1;
        let times = numbers.times.entry(route).or_default();
        times.count += 1;
        times.sum += took;
        for (bound, within) in BOUNDS.iter().zip(&mut times.within) {
            *within += u64::from(took <= Duration::from_millis(*bound));
        }
    }

    /// Counts a request that was told to come back.
    pub(super) fn put_off(&self, trouble: Trouble) {
        self.numbers().put_off[usize::from(trouble == Trouble::Unknown)] += 1;
    }

    /// Everything, with what was counted elsewhere.
    pub(super) fn text(&self, traffic: &Counts, engine: &[Sample]) -> String {
        let mut page = Page::default();
        self.numbers().write(&mut page);
        let counted = |(value, count): (&'static str, Count)| {
            (value, traffic.get(&count).copied().unwrap_or(0))
        };
        let verdicts = [
            ("new", Count::Events),
            ("duplicate", Count::Duplicates),
            ("conflict", Count::Conflicts),
            ("rejected", Count::Rejected),
        ];
        page.family("events_total", "Events by verdict.", "counter");
        for (verdict, number) in verdicts.map(counted) {
            page.sample("events_total", &format!("verdict=\"{verdict}\""), &number);
        }
        let outcomes = [
            ("stored", Count::Bodies),
            ("already_exists", Count::BodiesAlreadyExist),
            ("not_announced", Count::BodiesNotIndexed),
        ];
        page.family("documents_total", "Documents by outcome.", "counter");
        for (outcome, number) in outcomes.map(counted) {
            page.sample(
                "documents_total",
                &format!("outcome=\"{outcome}\""),
                &number,
            );
        }
        let (_, connections) = counted(("", Count::Connections));
        page.family("connections_total", "Connections accepted.", "counter");
        page.sample("connections_total", "", &connections);
        let mut last = "";
        for sample in engine {
            if sample.name != last {
                page.family(sample.name, sample.help, sample.kind);
                last = sample.name;
            }
            page.sample(sample.name, &sample.label, &sample.value);
        }
        page.family("build_info", "The running version.", "gauge");
        page.sample(
            "build_info",
            concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""),
            &1,
        );
        page.0
    }
}

impl Numbers {
    fn write(&self, page: &mut Page) {
        page.family(
            "requests_total",
            "Requests answered, by endpoint and status.",
            "counter",
        );
        for ((route, status), number) in &self.requests {
            let label = format!("route=\"{route}\",status=\"{status}\"");
            page.sample("requests_total", &label, number);
        }
        page.family(
            "request_seconds",
            "Time from a request's head to its answer.",
            "histogram",
        );
        for (route, times) in &self.times {
            let route = format!("route=\"{route}\"");
            for (bound, within) in BOUNDS.iter().zip(&times.within) {
                let le = Duration::from_millis(*bound).as_secs_f64();
                page.sample(
                    "request_seconds_bucket",
                    &format!("{route},le=\"{le}\""),
                    within,
                );
            }
            let all = format!("{route},le=\"+Inf\"");
            page.sample("request_seconds_bucket", &all, &times.count);
            page.sample("request_seconds_sum", &route, &times.sum.as_secs_f64());
            page.sample("request_seconds_count", &route, &times.count);
        }
        page.family(
            "put_off_total",
            "Requests told to come back: 429 nothing begun, 503 not known.",
            "counter",
        );
        for (status, number) in [429, 503].iter().zip(&self.put_off) {
            page.sample("put_off_total", &format!("status=\"{status}\""), number);
        }
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _written = write!(
            self.0,
            "# HELP sk_sync_{name} {help}\n# TYPE sk_sync_{name} {kind}\n"
        );
    }

    fn sample(&mut self, name: &str, label: &str, value: &dyn std::fmt::Display) {
        let label = if label.is_empty() {
            String::new()
        } else {
            format!("{{{label}}}")
        };
        let _written = writeln!(self.0, "sk_sync_{name}{label} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_the_text_format() {
        let metrics = Metrics::default();
        metrics.request("/healthz", 200, Duration::from_millis(7));
        metrics.request("/healthz", 200, Duration::from_secs(2));
        metrics.put_off(Trouble::Unknown);
        let sample = |label: &str, value| Sample {
            name: "database_connections",
            help: "Connections.",
            kind: "gauge",
            label: label.to_owned(),
            value,
        };
        let traffic = Counts::from([(Count::Events, 3), (Count::Connections, 2)]);
        let text = metrics.text(
            &traffic,
            &[sample("shard=\"1\"", 4), sample("shard=\"2\"", 5)],
        );
        for line in [
            "sk_sync_requests_total{route=\"/healthz\",status=\"200\"} 2",
            "sk_sync_request_seconds_bucket{route=\"/healthz\",le=\"0.005\"} 0",
            "sk_sync_request_seconds_bucket{route=\"/healthz\",le=\"0.01\"} 1",
            "sk_sync_request_seconds_bucket{route=\"/healthz\",le=\"5\"} 2",
            "sk_sync_request_seconds_bucket{route=\"/healthz\",le=\"+Inf\"} 2",
            "sk_sync_put_off_total{status=\"503\"} 1",
            "sk_sync_events_total{verdict=\"new\"} 3",
            "sk_sync_connections_total 2",
            "sk_sync_database_connections{shard=\"2\"} 5",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is missing in\n{text}"
            );
        }
        assert_eq!(
            text.matches("# TYPE sk_sync_database_connections gauge")
                .count(),
            1
        );
    }
}
