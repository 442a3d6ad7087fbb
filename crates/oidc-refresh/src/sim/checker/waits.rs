//! Nobody waits for ever.

use std::time::Duration;

use super::{
    Facts, Found,
    index::{Call, Index},
    report,
};
use crate::sim::history::{Event, Fault};

pub(super) const ANSWERED: &str = "every call comes to an end in time";
pub(super) const DRAINED: &str = "a process that has shut down sends nothing more";

pub(super) fn check(facts: &Facts, index: &Index<'_>, found: &mut Found) {
    let last = index.history.iter().position(|entry| entry.event == Event::Final);
    for call in index.calls.values() {
        let ended = call.ended.or(last.filter(|last| call.asked < *last));
        let Some(ended) = ended else { continue };
        let waited = index.time(ended).saturating_sub(index.time(call.asked));
        if waited > facts.patience + pauses(index, call, ended) && !has_ended(index, call, ended) {
            report(found, ANSWERED, &[call.asked, ended]);
        }
    }
    for request in &index.requests {
        let shut = index.history[..request.sent].iter().position(|entry| match entry.event {
            Event::Ended { call, result: Ok(()) } => {
                let call = &index.calls[&call];
                call.login.is_none() && call.process == request.process
            }
            _ => false,
        });
        if let Some(shut) = shut {
            report(found, DRAINED, &[shut, request.sent]);
        }
    }
}

/// How long the process stood still at most.
fn pauses(index: &Index<'_>, call: &Call, until: usize) -> Duration {
    let stood_still = index.faults.iter().filter(|(at, process, _, fault)| {
        (call.asked..=until).contains(at) && *fault == Fault::Pause && *process == Some(call.process)
    });
    Duration::from_secs(12) * u32::try_from(stood_still.count()).unwrap()
}

/// Whether the process was gone before the call ended.
fn has_ended(index: &Index<'_>, call: &Call, until: usize) -> bool {
    index.history[call.asked..until].iter().any(|entry| match entry.event {
        Event::Fault { process: Some(process), fault: Fault::Crash, .. } => process == call.process,
        Event::Ended { call: other, .. } => {
            let other = &index.calls[&other];
            other.login.is_none() && other.process == call.process
        }
        _ => false,
    })
}
