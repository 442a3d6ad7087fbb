//! No refresh token is sent twice, but where nobody could know; and never by two at once.

use std::collections::BTreeMap;

use super::{
    Facts, Found,
    index::{Index, Request, hinders},
    report,
};
use crate::sim::{
    history::{Event, Fault, Heard, Refresh},
    provider::Rotation,
};

pub(super) const ONCE: &str =
    "a refresh token is sent again only after an unknown outcome, a crash, a pause or a store fault";
pub(super) const ALONE: &str = "no two requests of one login are under way at once";
pub(super) const REFUSED_RESTS: &str = "a refresh token that was refused is not sent again";

pub(super) fn check(facts: &Facts, index: &Index<'_>, found: &mut Found) {
    let mut last: BTreeMap<Refresh, &Request> = BTreeMap::new();
    for (place, request) in index.requests.iter().enumerate() {
        if let Some(before) = last.insert(request.refresh, request)
            && facts.rotation != Rotation::None
        {
            check_again(facts, index, before, request, found);
        }
        for other in index.requests[..place].iter().rev().take(16) {
            let together = other.refresh.family == request.refresh.family && other.until() > request.sent;
            if together && !is_hindered(index, other, request.sent) && !lost_its_lease(facts, index, request)
            {
                report(found, ALONE, &[other.sent, request.sent]);
            }
        }
    }
}

fn check_again(facts: &Facts, index: &Index<'_>, before: &Request, again: &Request, found: &mut Found) {
    let shown_by = [before.sent, again.sent];
    match before.heard.map(|(_, heard)| heard) {
        Some(Heard::Unknown | Heard::NotProcessed { .. } | Heard::Misconfigured) => {}
        Some(Heard::Refused) => {
            let same = before.process == again.process && before.target == again.target;
            let hindered = is_hindered(index, before, again.sent) || lost_its_lease(facts, index, again);
            if same || !hindered {
                report(found, REFUSED_RESTS, &shown_by);
            }
        }
        Some(Heard::Tokens | Heard::Salvage) | None => {
            if !is_hindered(index, before, again.sent) && !lost_its_lease(facts, index, again) {
                report(found, ONCE, &shown_by);
            }
        }
    }
}

/// Whether something kept the sender from holding its lease, or from saving what it won, until `to`.
fn is_hindered(index: &Index<'_>, request: &Request, to: usize) -> bool {
    index.befell((request.begun, to), request.whose(), hinders) || was_cut_short(index, request, to)
}

/// Whether a process sends although it has no lease any more, and cannot know: it stood still between its last look at the lease and
/// its request, or the store has lost the lease.
fn lost_its_lease(facts: &Facts, index: &Index<'_>, request: &Request) -> bool {
    let paused = |fault| fault == Fault::Pause;
    let stood_still = index.befell((request.begun, request.sent), request.whose(), paused)
        && index.time(request.sent) >= index.time(request.begun) + facts.lease_ttl;
    let since = index.time(request.sent).saturating_sub(facts.lease_ttl * 2);
    stood_still
        || index.faults.iter().any(|&(at, _, login, fault)| {
            at < request.sent
                && index.time(at) >= since
                && login == Some(request.login)
                && matches!(fault, Fault::WriteLost { .. })
        })
}

/// Whether the process was shut down while it waited, and its drain was too short.
fn was_cut_short(index: &Index<'_>, request: &Request, to: usize) -> bool {
    index.history[request.sent..to].iter().any(|entry| match entry.event {
        Event::Ended { call, result: Err(_) } => {
            let call = &index.calls[&call];
            call.login.is_none() && call.process == request.process
        }
        _ => false,
    })
}
