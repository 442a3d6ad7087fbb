//! Nobody gets a token that has ended, or one that an API rejected.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Facts, Found,
    index::{Call, Index, Origin},
    report,
};
use crate::sim::history::{Access, Event, Fault};

pub(super) const NOT_ENDED: &str = "no access token is handed out after its end";
pub(super) const NOT_REJECTED: &str = "no access token is handed out after an API rejected it";

pub(super) fn check(_: &Facts, index: &Index<'_>, found: &mut Found) {
    for (call, at, access) in index.served() {
        let origin = &index.origins[&access];
        let Some(life) = origin.life else { continue };
        let ends_at = index.time(origin.at) + life + TOLERANCE;
        if index.time(at) > ends_at
            && !was_waited_for(index, call, access)
            && !is_off(index, call, origin, at)
        {
            report(found, NOT_ENDED, &[origin.at, at]);
        }
    }
    check_rejected(index, found);
}

fn check_rejected(index: &Index<'_>, found: &mut Found) {
    let mut rejected = BTreeMap::new();
    for (at, entry) in index.history.iter().enumerate() {
        match entry.event {
            Event::Rejected { process, login, target, access } => {
                rejected.entry((process, login, target, access)).or_insert(at);
            }
            // A login that begins or ends makes a process forget all it knew of that key.
            Event::SignIn { process, login, .. } | Event::SignOut { process, login, .. } => {
                rejected.retain(|(other, key, ..), _| (*other, *key) != (process, login));
            }
            Event::Fault { login: Some(login), fault: Fault::WriteLost { .. }, .. } => {
                rejected.retain(|(_, key, ..), _| *key != login);
            }
            Event::Got { call, access } => {
                let call = &index.calls[&call];
                let Some(login) = call.login else { continue };
                if let Some(rejected) = rejected.get(&(call.process, login, call.target, access))
                    && call.asked > *rejected
                {
                    report(found, NOT_REJECTED, &[*rejected, at]);
                }
            }
            _ => {}
        }
    }
}

/// A token that has ended on its way goes to those who waited for it: the API shall judge.
fn was_waited_for(index: &Index<'_>, call: &Call, access: Access) -> bool {
    let first = index.served().find(|(other, _, served)| *served == access && other.process == call.process);
    first.is_some_and(|(_, landed, _)| call.asked < landed)
}

/// Other processes' tokens are judged by wall clocks, which have to be right for that.
fn is_off(index: &Index<'_>, call: &Call, origin: &Origin, before: usize) -> bool {
    let winner = origin.request.map(|place| index.requests[place].process);
    index.faults.iter().any(|&(at, process, _, fault)| {
        at < before
            && matches!(fault, Fault::WallClock { .. })
            && (process == Some(call.process) || winner.is_none() || process == winner)
    })
}

/// Callers note what they got a moment after they got it.
const TOLERANCE: Duration = Duration::from_millis(5);
