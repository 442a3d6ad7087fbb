//! What the operating system knows about a thread: where it runs, whether it was interrupted, what it has used.

use std::time::Duration;

use oidc_core::{BootTime, Clock, SystemClock};

/// The time, for what is measured from outside a thread.
pub(crate) fn now() -> BootTime {
    SystemClock::new().boot()
}

/// Keeps the calling thread on one processor: the `index`-th of those that it may use, counted round. Does nothing where the system
/// has no such notion.
pub(crate) fn pin(index: usize) {
    system::pin(index);
}

/// How often the calling thread was taken off its processor although it had work to do. 0 where the system does not say.
pub(crate) fn preemptions() -> u64 {
    system::preemptions()
}

/// How much processor time the calling thread has used; the time of day where the system does not say.
pub(crate) fn cpu_time() -> Duration {
    system::cpu_time()
}

/// How much of the process's memory is in RAM, in bytes, where the system says so.
pub(crate) fn resident_bytes() -> Option<u64> {
    system::resident_bytes()
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::{
        thread::{CpuSet, sched_getaffinity, sched_setaffinity},
        time::{ClockId, clock_gettime},
    };

    thread_local! {
        /// Where the thread was allowed to run before it was pinned for the first time.
        static ALLOWED: CpuSet = sched_getaffinity(None).expect("a thread may ask where it runs");
    }

    pub(super) fn pin(index: usize) {
        ALLOWED.with(|allowed| {
            let number = index % allowed.count() as usize;
            let processor = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).nth(number);
            let mut one = CpuSet::new();
            one.set(processor.expect("a thread may run somewhere"));
            sched_setaffinity(None, &one).expect("a thread may stay where it may run");
        });
    }

    pub(super) fn preemptions() -> u64 {
        field("/proc/thread-self/status", "nonvoluntary_ctxt_switches:")
    }

    pub(super) fn cpu_time() -> Duration {
        clock_gettime(ClockId::ThreadCPUTime).try_into().expect("a thread's time is not negative")
    }

    pub(super) fn resident_bytes() -> Option<u64> {
        Some(field("/proc/self/status", "VmRSS:") * 1024)
    }

    fn field(file: &str, name: &str) -> u64 {
        let text = std::fs::read_to_string(file).expect("/proc is mounted");
        let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("Linux names it");
        value.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn pin(_: usize) {}

    pub(super) fn preemptions() -> u64 {
        0
    }

    pub(super) fn cpu_time() -> std::time::Duration {
        super::now().since_origin()
    }

    pub(super) fn resident_bytes() -> Option<u64> {
        None
    }
}
