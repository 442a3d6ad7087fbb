//! The desk and the token beside it, explored in every order of what up to four callers and everybody else may do.
//!
//! The model is a shell around the real [`Desk`](super::Desk) and the real [`Attention`](crate::attention::Attention): it cuts
//! what the shell does at every place where another thread can come in between, that is wherever the shell takes its lock, reads
//! the token without it, or lets somebody else run. What surrounds them is abstract: refreshes that end in every way, a store that is
//! one row, a clock that jumps from one moment that matters to the next. `holds` says what the desk promises; `fails` says that each
//! tempting simplification breaks one of these promises, so that they are known to bite.
//!
//! What is left out: what a refresh does with the store, which is explored with [`Flight`](crate::flight::Flight); more than
//! one sign-in, sign-out or look at the same time; a store that lost a write.

mod caller;
mod fails;
mod holds;
mod logins;
mod promises;
mod scenario;
mod trip;
mod variant;
mod world;

use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::{Model, Property};

use self::{caller::Move, logins::Event, scenario::Scenario, trip::Leg, world::World};

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// A caller takes its next step.
    Caller(usize, Move),
    /// A refresh does.
    Trip(usize, Leg),
    Login(Event),
    /// The time moves on to the next moment that matters.
    Pass,
}

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.seen.broken.is_some() {
            return;
        }
        for (index, caller) in world.callers.iter().enumerate() {
            let is_twin = index > 0 && world.callers[index - 1] == *caller;
            if !is_twin {
                actions.extend(caller.moves(world).into_iter().map(|step| Action::Caller(index, step)));
            }
        }
        for (index, trip) in world.trips.iter().enumerate() {
            actions.extend(trip.legs(self, world).into_iter().map(|leg| Action::Trip(index, leg)));
        }
        actions.extend(world.logins.events(world).into_iter().map(Action::Login));
        if world.left.time > 0 && world.next_moment().is_some() {
            actions.push(Action::Pass);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        match action {
            Action::Caller(index, step) => world.make(self, index, step),
            Action::Trip(index, leg) => world.fly(self, index, leg),
            Action::Login(event) => world.happens(self, event),
            Action::Pass => {
                world.left.time -= 1;
                world.now = world.next_moment()?;
            }
        }
        world.callers.sort_by_cached_key(|caller| {
            let mut hasher = DefaultHasher::new();
            caller.hash(&mut hasher);
            hasher.finish()
        });
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties(self)
    }
}
