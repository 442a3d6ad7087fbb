//! What is checked in every state, and how a scenario is explored.

use stateright::{Checker, Expectation, HasDiscoveries, Model, Path, Property};

use super::{Action, caller::Phase, scenario::Scenario, variant::Variant, world::World};

pub(super) const ONE_FLIGHT: &str = "there are never two refreshes at once";
pub(super) const GOOD_TOKENS: &str = "nobody gets a token that has ended or was rejected";
pub(super) const RISING: &str = "generations only rise";
pub(super) const BACK_OFF: &str = "no refresh starts before a back-off has ended";
pub(super) const NO_STORM: &str = "token requests are a second apart, but for the one quick replay";
pub(super) const CALLED: &str = "somebody will call everybody who waits";
pub(super) const LATE: &str = "a refresh that began before a login or a logout changes nothing";
pub(super) const RIGHT_LOGIN: &str = "nobody gets a token of a login that has ended here";
pub(super) const TRUE_REASONS: &str = "nobody hears that tokens are rejected in vain, unless they are";
pub(super) const ONLY_REPORTED: &str = "only a token that was reported is rejected";

const NOTED: [&str; 8] =
    [ONE_FLIGHT, GOOD_TOKENS, RISING, BACK_OFF, NO_STORM, LATE, RIGHT_LOGIN, TRUE_REASONS];

/// What holds in every state, and what has to happen somewhere if the rest is to mean anything.
pub(super) fn properties(scenario: &Scenario) -> Vec<Property<Scenario>> {
    let [one_flight, good_tokens, rising, back_off, no_storm, late, right_login, true_reasons] = NOTED;
    let mut properties = vec![
        Property::always(one_flight, |_, world: &World| world.seen.broken != Some(ONE_FLIGHT)),
        Property::always(good_tokens, |_, world: &World| world.seen.broken != Some(GOOD_TOKENS)),
        Property::always(rising, |_, world: &World| world.seen.broken != Some(RISING)),
        Property::always(back_off, |_, world: &World| world.seen.broken != Some(BACK_OFF)),
        Property::always(no_storm, |_, world: &World| world.seen.broken != Some(NO_STORM)),
        Property::always(late, |_, world: &World| world.seen.broken != Some(LATE)),
        Property::always(right_login, |_, world: &World| world.seen.broken != Some(RIGHT_LOGIN)),
        Property::always(true_reasons, |_, world: &World| world.seen.broken != Some(TRUE_REASONS)),
        Property::always(CALLED, |_, world: &World| world.everybody_is_called()),
        Property::always(ONLY_REPORTED, |_, world: &World| world.only_reported_is_rejected()),
        Property::sometimes("tokens are renewed", |_, world: &World| world.seen.events.renewed),
    ];
    let budget = &scenario.budget;
    if budget.fail > 0 && scenario.callers > 1 {
        properties.push(Property::sometimes("several are told of one failure", |_, world: &World| {
            world.seen.events.shared
        }));
    }
    if budget.sign_out + budget.sign_in > 0 {
        properties
            .push(Property::sometimes("a refresh lands late", |_, world: &World| world.seen.events.late));
    }
    if budget.sign_in > 0 {
        properties.push(Property::sometimes("a new login is used", |_, world: &World| {
            world.token.as_ref().is_some_and(|held| held.record.login > 1)
        }));
    }
    if budget.reject > 0 {
        properties
            .push(Property::sometimes("a token is rejected", |_, world: &World| world.seen.reported != 0));
    }
    if budget.reject > 1 {
        properties
            .push(Property::sometimes("tokens are rejected in vain", |_, world: &World| world.seen.in_vain));
    }
    if budget.store > 0 {
        properties
            .push(Property::sometimes("tokens wait to be saved", |_, world: &World| world.desk.is_unsaved()));
    }
    properties
}

impl World {
    /// Nobody waits for a ticket that no flight will call.
    fn everybody_is_called(&self) -> bool {
        self.callers.iter().all(|caller| match &caller.phase {
            Phase::Waits { ticket, landing: None } => self.trips.iter().any(|trip| trip.ticket == *ticket),
            _ => true,
        })
    }

    fn only_reported_is_rejected(&self) -> bool {
        self.token.as_ref().is_none_or(|held| {
            !held.attention.is_rejected() || self.seen.reported & (1 << held.generation) != 0
        })
    }
}

/// Explores all of a scenario: every promise is kept, and what should happen at least once does.
#[track_caller]
pub(super) fn keeps_all_promises(scenario: Scenario) {
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    report(&scenario, &checker);
    for (name, path) in checker.discoveries() {
        assert!(is_example(&scenario, name), "{name}, but:\n{}", show(path));
    }
    checker.assert_properties();
}

/// Something simpler breaks `promise`, where the desk keeps all of them.
#[track_caller]
pub(super) fn only_the_desk_keeps(promise: &'static str, variant: Variant, scenario: Scenario) {
    let wrong = Scenario { variant, ..scenario };
    let broken = HasDiscoveries::AnyOf([promise].into());
    let checker = wrong.checker().finish_when(broken).spawn_bfs().join();
    report(&wrong, &checker);
    checker.assert_any_discovery(promise);
    keeps_all_promises(scenario);
}

fn is_example(scenario: &Scenario, name: &str) -> bool {
    let properties = properties(scenario);
    properties.iter().any(|property| property.name == name && property.expectation == Expectation::Sometimes)
}

/// What happened step by step, and what the world was after each.
fn show(path: Path<World, Action>) -> String {
    path.into_vec().iter().map(|(world, action)| format!("{world:?}\n  {action:?}\n")).collect()
}

fn report(scenario: &Scenario, checker: &impl Checker<Scenario>) {
    let Scenario { variant, callers, asks, start, budget } = scenario;
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    eprintln!("{states:>8} states, depth {depth:>2}: {variant:?}, {callers} x {asks} {start:?} {budget:?}");
}
