//! Judges a history. Knows what was promised and what went wrong, and nothing of the code under test.

mod alive;
mod durable;
mod index;
mod logins;
mod losses;
mod pace;
mod recovery;
mod sends;
mod tale;
mod waits;

use std::fmt;

use super::{history::Entry, plan::Plan, provider::Rotation, run::Run};
use index::Index;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) promise: &'static str,
    /// The entries of the history that show it, the last one being where it was broken.
    pub(super) shown_by: Vec<usize>,
}

/// What a checker has to know of a world.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) rotation: Rotation,
    pub(super) targets: u8,
    pub(super) min_interval: std::time::Duration,
    pub(super) lease_ttl: std::time::Duration,
    pub(super) request_timeout: std::time::Duration,
    /// How long anything may take.
    pub(super) patience: std::time::Duration,
}

/// All promises that a run broke, the first one first.
pub(super) fn violations(run: &Run) -> Vec<Violation> {
    judge(&Facts::of(&run.plan), &run.history)
}

fn judge(facts: &Facts, history: &[Entry]) -> Vec<Violation> {
    let index = Index::of(history);
    let mut found = Vec::new();
    let rules = [
        sends::check,
        durable::check,
        alive::check,
        pace::check,
        losses::check,
        logins::check,
        recovery::check,
        waits::check,
    ];
    for rule in rules {
        rule(facts, &index, &mut found);
    }
    found.sort_by_key(|violation| violation.shown_by.last().copied());
    found
}

impl Facts {
    fn of(plan: &Plan) -> Self {
        Self {
            rotation: plan.rotation,
            targets: plan.targets,
            min_interval: plan.policy.min_interval,
            lease_ttl: plan.policy.lease_ttl,
            request_timeout: plan.policy.request_timeout,
            patience: plan.recovery() * 2,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.promise)
    }
}

/// Collects what rules find.
type Found = Vec<Violation>;

fn report(found: &mut Found, promise: &'static str, shown_by: &[usize]) {
    found.push(Violation { promise, shown_by: shown_by.to_vec() });
}
