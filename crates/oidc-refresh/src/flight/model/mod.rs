//! The machine and the rules of the store, explored in every order and with every fault.
//!
//! The model is a shell around the real [`Flight`](super::Flight) and the real [`rules`](oidc_core::store::rules); only what
//! surrounds them is abstract: a provider that knows nothing but refresh tokens, a clock that knows nothing but "ended", a
//! store that can fail. What is explored is every interleaving of two or three processes, with a budget for each kind of
//! fault. `holds` says what the contract promises; `fails` says that each tempting simplification of it breaks one of
//! these promises, so that they are known to bite.
//!
//! What is left out: a request that arrives after its sender has given it up; two refreshes at once in one process, which
//! are as two processes; patience that ends; time that is neither before nor after a deadline. A pause is taken to be shorter
//! than the life of an access token, unless a scenario says otherwise: no contract helps against a request that leaves
//! after two more renewals.

mod fails;
mod holds;
mod probe;
mod process;
mod promises;
mod provider;
mod scenario;
mod store;
mod trace;
mod variant;
mod world;

use stateright::{Model, Property};

use self::{
    process::{Gate, Process, Wire},
    scenario::Scenario,
    world::World,
};
use super::Step;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A process starts a refresh.
    Ask(usize),
    /// The step that a process waits for is carried out.
    Act(usize, Wire),
    /// The operation of the store that a process waits for fails, done or not.
    Fail {
        process: usize,
        done: bool,
    },
    /// The claim ends.
    Expire,
    /// The claim ends between the look at the gate and the write.
    Slip,
    /// A heartbeat.
    Renew(usize),
    EndBackOff,
    EndAccess,
    Crash(usize),
    FailOver,
    SignOut(Option<usize>),
    SignIn(Option<usize>),
    Put {
        acknowledged: bool,
    },
    Revoke,
}

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for process in 0..world.processes.len() {
            process_actions(world, process, actions);
        }
        shared_actions(self, world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        pay(&mut world, action);
        match action {
            Action::Ask(process) => drop(world.ask(self, process)),
            Action::Act(process, wire) => drop(world.act(self, process, wire)),
            Action::Fail { process, done } => drop(world.fail(self, process, done)),
            Action::Expire => world.expire(false),
            Action::Slip => world.expire(true),
            Action::Renew(process) => world.renew(self, process),
            Action::EndBackOff => world.store.end_back_off(),
            Action::EndAccess => world.ended = world.provider.access,
            Action::Crash(process) => world.processes[process].crash(),
            Action::FailOver => world.fail_over(),
            Action::SignOut(by) => world.sign_out(self, by),
            Action::SignIn(by) => world.start_sign_in(by),
            Action::Put { acknowledged } => world.put(self, acknowledged),
            Action::Revoke => {
                if let Some(tokens) = world.stored() {
                    world.provider.revoke(tokens);
                }
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties(self)
    }
}

fn process_actions(world: &World, index: usize, actions: &mut Vec<Action>) {
    let process = &world.processes[index];
    let left = &world.left;
    let Some(airborne) = &process.flight else {
        if process.asks > 0 && !process.tokens().is_some_and(|tokens| world.is_usable(tokens)) {
            actions.push(Action::Ask(index));
        }
        return;
    };
    let may = |kind: u8| left.faults > 0 && kind > 0;
    if may(left.crash) {
        actions.push(Action::Crash(index));
    }
    match airborne.step {
        Step::Pause(_) if !world.is_held_up(index) => actions.push(Action::Act(index, Wire::Delivers)),
        Step::Pause(_) => {}
        Step::Send { .. } => {
            actions.push(Action::Act(index, Wire::Delivers));
            if airborne.gate != Gate::Closed {
                for (allowed, wire) in [
                    (may(left.lost), Wire::LosesRequest),
                    (may(left.lost), Wire::LosesAnswer),
                    (left.turned_away > 0, Wire::TurnsAway),
                    (left.salvage > 0, Wire::Salvages),
                ] {
                    if allowed {
                        actions.push(Action::Act(index, wire));
                    }
                }
            }
            if airborne.gate != Gate::Open || world.store.live_claim() != Some(airborne.id) {
                actions.push(Action::Renew(index));
            }
        }
        _ => {
            actions.push(Action::Act(index, Wire::Delivers));
            if may(left.store) {
                actions.push(Action::Fail { process: index, done: false });
                if airborne.step != Step::Load {
                    actions.push(Action::Fail { process: index, done: true });
                }
            }
        }
    }
}

fn shared_actions(scenario: &Scenario, world: &World, actions: &mut Vec<Action>) {
    let left = &world.left;
    let may = |kind: u8| left.faults > 0 && kind > 0;
    match world.claim_owner() {
        Some(Some(owner)) if may(left.pause) => {
            actions.push(Action::Expire);
            if world.processes[owner].sending().is_some_and(|(_, gate)| gate == Gate::Open) {
                actions.push(Action::Slip);
            }
        }
        Some(None) => actions.push(Action::Expire),
        _ => {}
    }
    if world.store.backs_off() {
        actions.push(Action::EndBackOff);
    }
    let in_time = scenario.long_pauses || !world.has_late_request();
    if left.ends > 0 && world.provider.access > world.ended && in_time {
        actions.push(Action::EndAccess);
    }
    if may(left.fail_over) && world.store.can_fail_over() {
        actions.push(Action::FailOver);
    }
    if left.revoke > 0 && world.stored().is_some() {
        actions.push(Action::Revoke);
    }
    if left.sign_out > 0 {
        actions.extend([Action::SignOut(None), Action::SignOut(Some(0))]);
    }
    match &world.sign_in {
        Some(_) => {
            actions.push(Action::Put { acknowledged: true });
            if may(left.store) {
                actions.push(Action::Put { acknowledged: false });
            }
        }
        None if left.sign_in > 0 => actions.extend([Action::SignIn(None), Action::SignIn(Some(0))]),
        None => {}
    }
}

/// Takes what an action costs from the budget.
fn pay(world: &mut World, action: Action) {
    let owned = matches!(world.claim_owner(), Some(Some(_)));
    let left = &mut world.left;
    let (kind, fault) = match action {
        Action::Act(_, Wire::LosesRequest | Wire::LosesAnswer) => (&mut left.lost, true),
        Action::Fail { .. } | Action::Put { acknowledged: false } => (&mut left.store, true),
        Action::Expire | Action::Slip if owned => (&mut left.pause, true),
        Action::Crash(_) => (&mut left.crash, true),
        Action::FailOver => (&mut left.fail_over, true),
        Action::Act(_, Wire::TurnsAway) => (&mut left.turned_away, false),
        Action::Act(_, Wire::Salvages) => (&mut left.salvage, false),
        Action::EndAccess => (&mut left.ends, false),
        Action::SignOut(_) => (&mut left.sign_out, false),
        Action::SignIn(_) => (&mut left.sign_in, false),
        Action::Revoke => (&mut left.revoke, false),
        _ => return,
    };
    *kind = kind.saturating_sub(1);
    if fault {
        left.faults = left.faults.saturating_sub(1);
    }
}

impl World {
    /// Whose claim lives: that of a process, or of nobody any more.
    fn claim_owner(&self) -> Option<Option<usize>> {
        let id = self.store.live_claim()?;
        Some(
            self.processes
                .iter()
                .position(|process| process.flight.as_ref().is_some_and(|airborne| airborne.id == id)),
        )
    }

    /// A request is on its way, or will be, although its claim has ended or was lost.
    fn has_late_request(&self) -> bool {
        let mut gates = self.processes.iter().filter_map(Process::sending).map(|(_, gate)| gate);
        gates.any(|gate| matches!(gate, Gate::Passed | Gate::Unguarded))
    }

    /// A process waits for another one's refresh, and looking again would change nothing.
    fn is_held_up(&self, index: usize) -> bool {
        let Some(airborne) = &self.processes[index].flight else { return false };
        let record = self.store.record();
        let news = airborne.flight.ledger().seen().is_some_and(|seen| record.revision.is_news_to(seen));
        let busy = self.store.live_claim().is_some_and(|id| id != airborne.id);
        airborne.flight.is_waiting() && busy && !news && record.rejected.is_none()
    }
}
