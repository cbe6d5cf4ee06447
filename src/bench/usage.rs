//! Processor time, where the system reports it precisely.

use std::time::Duration;

/// Processor time of all threads of this process so far; `None` if the system does not report it.
#[cfg(unix)]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other systems have no such figure"
)]
pub(super) fn processor_time() -> Option<Duration> {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or(0);
    Some(Duration::new(
        seconds,
        u32::try_from(used.tv_nsec).unwrap_or(0),
    ))
}

#[cfg(not(unix))]
pub(super) fn processor_time() -> Option<Duration> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn work_uses_processor_time() {
        let before = processor_time().unwrap();
        let mut sum = 0_u64;
        while processor_time().unwrap() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(processor_time().unwrap() > before, "{sum}");
    }
}
