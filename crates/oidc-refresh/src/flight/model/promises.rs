//! What is checked in every state, and how a scenario is explored.

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use super::{process::Process, scenario::Scenario, trace::show, variant::Variant, world::World};
use crate::flight::{Phase, Standing};

pub(super) const SENT_ONCE: &str = "a refresh token is sent again only after an unknown outcome or a pause";
pub(super) const ONE_LEASE: &str = "no two processes have the lease of one login";
pub(super) const REJECTED_RESTS: &str = "nobody gets the lease of a refresh token that was rejected";
pub(super) const ACKNOWLEDGED_STAYS: &str = "an acknowledged write is never lost or overwritten";
pub(super) const RIGHT_LOGIN: &str = "nothing undoes a logout or a new login";
pub(super) const NAMED: &str = "every loss is named";
pub(super) const BACK_OFF_HOLDS: &str = "a back-off holds for all";
pub(super) const ENDS_WELL: &str = "when faults stop, everybody has a living token or a true reason";

/// What holds in every state, and what the scenario has to bring about if the rest is to mean anything.
pub(super) fn properties(scenario: &Scenario) -> Vec<Property<Scenario>> {
    let mut properties = vec![
        Property::always(SENT_ONCE, |_, world: &World| !world.seen.sent_again),
        Property::always(ONE_LEASE, |_, world: &World| !world.seen.shared),
        Property::always(REJECTED_RESTS, |_, world: &World| !world.seen.holds_rejected),
        Property::always(ACKNOWLEDGED_STAYS, |_, world: &World| {
            !world.seen.overwritten && world.keeps_acknowledged()
        }),
        Property::always(RIGHT_LOGIN, |_, world: &World| {
            world.has_right_login() && !world.seen.signed_in_again
        }),
        Property::always(NAMED, |_, world: &World| !world.seen.misnamed),
        Property::always(BACK_OFF_HOLDS, |_, world: &World| !world.seen.hurried),
        Property::always(ENDS_WELL, |scenario, world: &World| world.ends_well(scenario).is_ok()),
        Property::sometimes("tokens are renewed", |_, world: &World| {
            world.store.record().revision.counter > 1
        }),
    ];
    let may = |kind: u8| kind > 0 && scenario.budget.faults > 0 && scenario.spends;
    let budget = &scenario.budget;
    if may(budget.crash) || may(budget.lost) || may(budget.pause) {
        properties.push(Property::sometimes("a login is in doubt", |_, world: &World| {
            world.store.record().in_doubt()
        }));
    }
    if may(budget.pause) && scenario.processes > 1 {
        properties.push(Property::sometimes("a late successor lands", |_, world: &World| {
            let record = world.store.record();
            record.claim.is_some_and(|claim| claim.base != record.revision)
        }));
    }
    if may(budget.store) {
        properties.push(Property::sometimes("won tokens wait to be written", |_, world: &World| {
            world.processes.iter().any(Process::is_saving)
        }));
    }
    if may(budget.fail_over) {
        properties.push(Property::sometimes("the store falls behind a process", |_, world: &World| {
            let record = world.store.record();
            world.processes.iter().any(|process| process.ledger.standing(&record) == Standing::Behind)
        }));
    }
    if budget.turned_away > 0 {
        properties.push(Property::sometimes("the provider is left alone", |_, world: &World| {
            world.store.backs_off()
        }));
    }
    if budget.sign_out > 0 {
        properties
            .push(Property::sometimes("somebody refreshes while another signs out", |_, world: &World| {
                world.store.record().is_tombstone() && !world.is_quiet()
            }));
    }
    if budget.sign_in > 0 {
        properties.push(Property::sometimes("a login replaces another", |_, world: &World| {
            world.stored().is_some_and(|tokens| tokens.family > 0)
        }));
    }
    if budget.revoke > 0 {
        properties.push(Property::sometimes("a plain rejection is called so", |_, world: &World| {
            world.store.record().rejected == Some(oidc_core::Cause::GrantRejected)
        }));
    }
    properties
}

impl Process {
    fn is_saving(&self) -> bool {
        self.flight.as_ref().is_some_and(|airborne| matches!(airborne.flight.phase, Phase::Saving { .. }))
    }
}

/// Explores all of a scenario: every promise is kept, and what should happen at least once does.
#[track_caller]
pub(super) fn keeps_all_promises(scenario: Scenario) {
    let checker = scenario.checker().spawn_bfs().join();
    report(&scenario, &checker);
    for (name, path) in checker.discoveries() {
        assert!(is_example(&scenario, name), "{name}, but:\n{}", show(&scenario, path));
    }
    checker.assert_properties();
}

/// Explores a scenario until it finds that `promise` is broken.
#[track_caller]
pub(super) fn breaks(promise: &'static str, scenario: Scenario) {
    let broken = HasDiscoveries::AnyOf([promise].into());
    let checker = scenario.checker().finish_when(broken).spawn_bfs().join();
    report(&scenario, &checker);
    checker.assert_any_discovery(promise);
}

/// A variant of the contract breaks `promise` where the contract itself keeps all of them.
#[track_caller]
pub(super) fn only_the_contract_keeps(promise: &'static str, variant: Variant, scenario: Scenario) {
    breaks(promise, Scenario { variant, ..scenario });
    keeps_all_promises(scenario);
}

fn is_example(scenario: &Scenario, name: &str) -> bool {
    let properties = properties(scenario);
    properties.iter().any(|property| property.name == name && property.expectation == Expectation::Sometimes)
}

fn report(scenario: &Scenario, checker: &impl Checker<Scenario>) {
    let Scenario { variant, rotation, processes, asks, budget, .. } = scenario;
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    eprintln!(
        "{states:>8} states, depth {depth:>2}: {variant:?}, {rotation:?}, {processes} x {asks} {budget:?}"
    );
}
