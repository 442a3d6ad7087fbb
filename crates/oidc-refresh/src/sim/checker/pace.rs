//! No storms: requests of one process for the same keep their distance, and everybody leaves a provider alone that asks for it.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Facts, Found,
    index::{Index, Request, hinders},
    report,
};
use crate::sim::history::{Event, Heard, Write};

pub(super) const DISTANCE: &str = "one process sends at most one token request per second for one target of a login, but for the one replay";
pub(super) const LEFT_ALONE: &str = "a Retry-After holds for all processes";

pub(super) fn check(facts: &Facts, index: &Index<'_>, found: &mut Found) {
    let mut last: BTreeMap<_, (&Request, bool)> = BTreeMap::new();
    for request in &index.requests {
        let before = last.get(&(request.whose(), request.target)).copied();
        let close = |before: &Request| {
            index.time(request.sent) + TOLERANCE < index.time(before.sent) + facts.min_interval
        };
        let replays = before.is_some_and(|(before, replays)| {
            let unknown = before.heard.is_some_and(|(_, heard)| heard == Heard::Unknown);
            unknown && before.refresh == request.refresh && !replays
        });
        if let Some((before, _)) = before.filter(|(before, _)| close(before) && !replays) {
            report(found, DISTANCE, &[before.sent, request.sent]);
        }
        let replays = replays && before.is_some_and(|(before, _)| close(before));
        last.insert((request.whose(), request.target), (request, replays));
    }
    check_retry_after(index, found);
}

fn check_retry_after(index: &Index<'_>, found: &mut Found) {
    for asked in &index.requests {
        let Some((heard, Heard::NotProcessed { retry_after: Some(pause) })) = asked.heard else { continue };
        let ends_at = index.time(heard) + pause;
        let next = index.requests.iter().find(|next| next.login == asked.login && next.sent > heard);
        let Some(next) = next.filter(|next| index.time(next.sent) + TOLERANCE < ends_at) else { continue };
        let hindered = index.befell((asked.begun, next.sent), asked.whose(), hinders);
        let begins_anew = index.history[asked.begun..next.sent].iter().any(|entry| match &entry.event {
            Event::Stored { login, write, .. } => *login == asked.login && *write != Write::Commit,
            _ => false,
        });
        if !hindered && !begins_anew {
            report(found, LEFT_ALONE, &[heard, next.sent]);
        }
    }
}

/// The store counts in milliseconds.
const TOLERANCE: Duration = Duration::from_millis(5);
