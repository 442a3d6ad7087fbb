//! No token is used before its successor is in the store, but where the store does not take it.

use std::collections::BTreeMap;

use super::{Facts, Found, index::Index, report};
use crate::sim::history::{Event, Fault, Operation, Refresh};

pub(super) const SAVED_FIRST: &str =
    "an access token is handed out only after its refresh token is in the store";

pub(super) fn check(_: &Facts, index: &Index<'_>, found: &mut Found) {
    let mut saved: BTreeMap<Refresh, usize> = BTreeMap::new();
    for (at, entry) in index.history.iter().enumerate() {
        if let Event::Stored { tokens: Some(tokens), .. } = &entry.event {
            saved.entry(tokens.refresh).or_insert(at);
        }
    }
    for (call, at, access) in index.served() {
        let origin = &index.origins[&access];
        let is_saved = saved.get(&origin.refresh).is_some_and(|saved| *saved < at);
        let login = call.login.unwrap_or_default();
        let not_taken = |fault| {
            matches!(
                fault,
                Fault::StoreFails { operation: Operation::Commit, .. }
                    | Fault::StoreSlow { operation: Operation::Commit }
            )
        };
        if !is_saved && !index.befell((origin.at, at), (call.process, login), not_taken) {
            report(found, SAVED_FIRST, &[origin.at, at]);
        }
    }
}
