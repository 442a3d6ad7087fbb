//! A refresh under way: the shell's side of it, cut where somebody else can come in between. What it does with the store is
//! explored elsewhere; here it is a row with a number.

use super::{
    caller::Phase as CallerPhase,
    logins::Record,
    promises,
    scenario::Scenario,
    variant::Variant,
    world::{Kind, PAUSE, POLICY, Why, World},
};
use crate::desk::{Ending, Landing, Ticket};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Trip {
    /// What those have who wait now.
    pub(super) ticket: Ticket,
    era: u8,
    phase: Phase,
    replays: bool,
    replayed: bool,
    /// What it found in the store.
    base: Option<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// About to send its request.
    Ready,
    Sent,
    /// Its tokens are served, and the store has not taken them.
    Saving(Record),
    /// Those who wait were called, and the desk does not know.
    Called(Over),
    /// The desk knows, and those who wait were not called yet.
    Landed(Landing<Why>),
}

/// What happens to a flight next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    Send,
    Win(Kind),
    /// Wins tokens that the store does not take.
    Keep(Kind),
    Fail,
    Deny,
    Lose,
    /// Somebody else's tokens, which have ended.
    Overtaken,
    /// Somebody else's tokens, which will do.
    Adopt,
    Save,
    NotSaved,
    Die,
    Call,
}

/// How it ends, before the store was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Over {
    Won(Record, Kind),
    Adopted,
    LoggedOut,
    Failed,
    Denied,
}

impl Trip {
    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    pub(super) fn is_landed(&self) -> bool {
        matches!(self.phase, Phase::Landed(_))
    }

    pub(super) fn legs(&self, scenario: &Scenario, world: &World) -> Vec<Leg> {
        let left = &world.left;
        let mut legs = match &self.phase {
            Phase::Ready => {
                let quick = self.replays || scenario.variant == Variant::ReplaysAtWill && self.replayed;
                let may_send = quick || world.desk.distance(world.now).is_zero();
                vec![(may_send, Leg::Send), (left.adopt > 0 && self.base.is_none(), Leg::Adopt)]
            }
            Phase::Sent => {
                let odd = left.odd > 0;
                vec![
                    (true, Leg::Win(Kind::Good)),
                    (odd, Leg::Win(Kind::Over)),
                    (odd, Leg::Win(Kind::Same)),
                    (left.store > 0, Leg::Keep(Kind::Good)),
                    (left.store > 0 && odd, Leg::Keep(Kind::Over)),
                    (left.fail > 0, Leg::Fail),
                    (left.fail > 0, Leg::Deny),
                    (left.lose > 0, Leg::Lose),
                    (left.adopt > 0 && self.replayed, Leg::Overtaken),
                ]
            }
            Phase::Saving(_) => vec![(true, Leg::Save), (left.store > 0, Leg::NotSaved)],
            Phase::Called(_) | Phase::Landed(_) => vec![(true, Leg::Call)],
        };
        let dies = left.die > 0 && !matches!(self.phase, Phase::Called(_) | Phase::Landed(_));
        legs.push((dies, Leg::Die));
        legs.into_iter().filter_map(|(may, leg)| may.then_some(leg)).collect()
    }
}

impl World {
    pub(super) fn launch(&mut self, ticket: Ticket) {
        if self.trips.iter().any(|trip| !trip.is_landed()) {
            self.breaks(promises::ONE_FLIGHT);
        }
        if self.now < self.seen.quiet_until {
            self.breaks(promises::BACK_OFF);
        }
        let (era, phase) = (self.seen.era, Phase::Ready);
        self.trips.push(Trip { ticket, era, phase, replays: false, replayed: false, base: None });
    }

    pub(super) fn fly(&mut self, scenario: &Scenario, index: usize, leg: Leg) {
        match leg {
            Leg::Send => return self.send(index),
            Leg::Win(_) | Leg::Keep(_) | Leg::Fail | Leg::Deny | Leg::Lose | Leg::Overtaken => {
                self.desk.requested(self.now, &POLICY);
            }
            Leg::Adopt | Leg::Save | Leg::NotSaved | Leg::Die | Leg::Call => {}
        }
        match leg {
            Leg::Win(kind) => {
                self.pay_odd(kind);
                let over = self.commit(index, kind);
                self.land(scenario, index, over);
            }
            Leg::Keep(kind) => {
                self.left.store -= 1;
                self.pay_odd(kind);
                self.keep(scenario, index, kind);
            }
            Leg::Lose if !self.trips[index].replayed => {
                self.left.lose -= 1;
                let trip = &mut self.trips[index];
                (trip.phase, trip.replays, trip.replayed) = (Phase::Ready, true, true);
            }
            Leg::Lose => {
                self.left.lose -= 1;
                self.land(scenario, index, Over::Failed);
            }
            Leg::Fail => {
                self.left.fail -= 1;
                self.land(scenario, index, Over::Failed);
            }
            Leg::Deny => {
                self.left.fail -= 1;
                self.land(scenario, index, Over::Denied);
            }
            Leg::Overtaken => {
                self.left.adopt -= 1;
                self.logins.commit_elsewhere();
                self.trips[index].phase = Phase::Ready;
            }
            Leg::Adopt => {
                self.left.adopt -= 1;
                self.logins.commit_elsewhere();
                let over = if self.logins.row.is_some() { Over::Adopted } else { Over::LoggedOut };
                self.land(scenario, index, over);
            }
            Leg::Save => {
                let over = self.commit(index, Kind::Good);
                self.land(scenario, index, over);
            }
            Leg::NotSaved => {
                self.left.store -= 1;
                let ticket = self.trips[index].ticket;
                let next = self.desk.release(ticket);
                self.call(ticket, &Landing::Failed(Why::Down));
                self.trips[index].ticket = next;
            }
            Leg::Die => self.die(scenario, index),
            Leg::Call => self.end(scenario, index),
            Leg::Send => {}
        }
    }

    fn pay_odd(&mut self, kind: Kind) {
        if kind != Kind::Good {
            self.left.odd -= 1;
        }
    }

    fn send(&mut self, index: usize) {
        let trip = &mut self.trips[index];
        let replays = std::mem::take(&mut trip.replays);
        trip.phase = Phase::Sent;
        trip.base = self.logins.row;
        let near = self.seen.requested_at.is_some_and(|at| self.now.since(at) < POLICY.min_interval);
        if near && !replays {
            self.breaks(promises::NO_STORM);
        }
        self.seen.requested_at = Some(self.now);
    }

    /// Writes the successor of what was found, if that is still there.
    fn commit(&mut self, index: usize, kind: Kind) -> Over {
        let base = self.trips[index].base;
        match (base, self.logins.row) {
            (Some(base), Some(row)) if base == row => {
                let record = base.next();
                self.logins.row = Some(record);
                Over::Won(record, kind)
            }
            (_, Some(_)) => Over::Adopted,
            (_, None) => Over::LoggedOut,
        }
    }

    fn keep(&mut self, scenario: &Scenario, index: usize, kind: Kind) {
        let Some(base) = self.trips[index].base else { return self.land(scenario, index, Over::LoggedOut) };
        let ticket = self.trips[index].ticket;
        let late = self.trips[index].era != self.seen.era;
        let before = self.token.clone();
        if self.desk.counts(ticket) {
            self.publish(base.next(), kind);
        }
        if late && self.token != before {
            self.breaks(promises::LATE);
        }
        let (landing, next) = self.desk.serve_unsaved(ticket, self.now, self.what_is_there(), &POLICY);
        self.call(ticket, &landing);
        let trip = &mut self.trips[index];
        (trip.ticket, trip.phase) = (next, Phase::Saving(base.next()));
        if scenario.variant == Variant::KeepsTicketWhileSaving
            && let Some(flight) = &mut self.desk.flight
        {
            flight.ticket = ticket;
        }
    }

    fn land(&mut self, scenario: &Scenario, index: usize, over: Over) {
        if scenario.variant == Variant::CallsBeforeLanding {
            self.call(self.trips[index].ticket, &Landing::Changed);
            self.trips[index].phase = Phase::Called(over);
            return;
        }
        self.touch_down(scenario, index, over);
    }

    fn touch_down(&mut self, scenario: &Scenario, index: usize, over: Over) {
        let Trip { ticket, era, .. } = self.trips[index];
        let late = era != self.seen.era;
        self.seen.events.late |= late;
        if scenario.variant == Variant::BelievesLateLandings
            && let Some(flight) = &mut self.desk.flight
        {
            flight.epoch = self.desk.epoch;
        }
        let before = (self.token.clone(), self.desk.failure().cloned());
        let counts = self.desk.counts(ticket);
        if counts {
            self.conclude(over);
        }
        let landing = self.desk.land(ticket, self.now, self.what_is_there(), over.ending(), &POLICY);
        if late && (self.token.clone(), self.desk.failure().cloned()) != before {
            self.breaks(promises::LATE);
        }
        if counts {
            self.note_landing(over, &landing);
        }
        if scenario.variant == Variant::ForgetsFailures {
            self.desk.end_failure();
        }
        self.trips[index].phase = Phase::Landed(landing);
    }

    /// What the shell changes beside the desk.
    fn conclude(&mut self, over: Over) {
        match over {
            Over::Won(record, kind) => {
                self.logins.ledger = Some(record);
                self.publish(record, kind);
            }
            Over::Adopted => {
                self.logins.ledger = self.logins.row;
                if let Some(row) = self.logins.row {
                    self.publish(row, Kind::Good);
                }
            }
            Over::LoggedOut => {
                self.logins.ledger = None;
                self.token = None;
            }
            Over::Denied => self.logins.ledger = None,
            Over::Failed => {}
        }
    }

    fn note_landing(&mut self, over: Over, landing: &Landing<Why>) {
        let pause = match (over, landing) {
            (Over::Won(..) | Over::Adopted, Landing::Failed(_)) => {
                self.seen.in_vain = true;
                POLICY.backoff_start
            }
            (Over::Won(..) | Over::Adopted, _) => {
                self.seen.events.renewed = true;
                self.seen.quiet_until = self.now;
                return;
            }
            (Over::LoggedOut | Over::Failed | Over::Denied, _) => PAUSE,
        };
        self.seen.quiet_until = self.now.after(pause);
    }

    /// Everybody is told who has this ticket.
    fn call(&mut self, ticket: Ticket, landing: &Landing<Why>) {
        let mut told = 0;
        for caller in &mut self.callers {
            if let CallerPhase::Waits { ticket: waits, landing: place @ None } = &mut caller.phase
                && *waits == ticket
            {
                *place = Some(landing.clone());
                told += 1;
            }
        }
        self.seen.events.shared |= told > 1 && matches!(landing, Landing::Failed(_));
    }

    /// The shell's `Drop`: first the desk is told, then those who wait see that nobody is left to call them.
    fn die(&mut self, scenario: &Scenario, index: usize) {
        self.left.die -= 1;
        if self.trips[index].phase == Phase::Sent && scenario.variant != Variant::CountsAnswersOnly {
            self.desk.requested(self.now, &POLICY);
        }
        if scenario.variant != Variant::DiesInSilence {
            self.desk.lose(self.trips[index].ticket);
        }
        self.trips[index].phase = Phase::Landed(Landing::Failed(Why::Internal));
    }

    fn end(&mut self, scenario: &Scenario, index: usize) {
        let trip = self.trips.remove(index);
        match trip.phase {
            Phase::Landed(landing) => self.call(trip.ticket, &landing),
            Phase::Called(over) => {
                self.trips.insert(index, trip);
                self.touch_down(scenario, index, over);
                self.trips.remove(index);
            }
            Phase::Ready | Phase::Sent | Phase::Saving(_) => {}
        }
    }
}

impl Over {
    fn ending(self) -> Ending<Why> {
        match self {
            Self::Won(..) | Self::Adopted => Ending::Renewed,
            Self::LoggedOut => Ending::Denied { error: Why::SignedOut, pause: PAUSE },
            Self::Denied => Ending::Denied { error: Why::Dead, pause: PAUSE },
            Self::Failed => Ending::Failed { error: Why::Down, pause: PAUSE },
        }
    }
}
