//! Somebody who wants a token: the shell's side of `peek`, `token` and `reject`, cut where another thread can come in between.

use super::{
    promises,
    scenario::Scenario,
    variant::Variant,
    world::{POLICY, Why, World},
};
use crate::{
    attention::Attention,
    desk::{Desk, Entry, Exit, Landing, Ticket, Upkeep},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    /// How often it still comes.
    pub(super) asks: u8,
    /// The generation that it got last.
    pub(super) held: Option<u64>,
    pub(super) phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Away,
    /// Has a token, and was the one to claim its attention.
    Reminds,
    /// Found nothing without a lock.
    Enters,
    /// Has decided to start a refresh, and has not started it.
    Starts,
    /// Waits for its ticket, or was called.
    Waits {
        ticket: Ticket,
        landing: Option<Landing<Why>>,
    },
    /// Is about to reject what is there.
    Rejects,
    /// Is about to note that it claimed the attention, which is now at this moment.
    Claims(oidc_core::BootTime),
}

/// What a caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Peek,
    Remind,
    Enter,
    Start,
    Leave,
    GiveUp,
    /// An API rejected what it holds.
    Report,
    Reject,
    Claim,
}

impl Caller {
    pub(super) fn new(asks: u8) -> Self {
        Self { asks, held: None, phase: Phase::Away }
    }

    pub(super) fn moves(&self, world: &World) -> Vec<Move> {
        match &self.phase {
            Phase::Away => {
                let peek = (self.asks > 0).then_some(Move::Peek);
                let report = (world.left.reject > 0 && self.held.is_some()).then_some(Move::Report);
                peek.into_iter().chain(report).collect()
            }
            Phase::Reminds => vec![Move::Remind],
            Phase::Enters => vec![Move::Enter],
            Phase::Starts => vec![Move::Start],
            Phase::Waits { landing, .. } => {
                let leave = landing.is_some().then_some(Move::Leave);
                let give_up = (world.left.give_up > 0).then_some(Move::GiveUp);
                leave.into_iter().chain(give_up).collect()
            }
            Phase::Rejects => vec![Move::Reject],
            Phase::Claims(_) => vec![Move::Claim],
        }
    }
}

impl World {
    pub(super) fn make(&mut self, scenario: &Scenario, index: usize, step: Move) {
        match step {
            Move::Peek => self.peek(scenario, index),
            Move::Remind => self.remind(scenario, index),
            Move::Enter => self.enter(scenario, index),
            Move::Start => {
                let ticket = self.desk.start();
                self.launch(ticket);
                self.callers[index].phase = Phase::Waits { ticket, landing: None };
            }
            Move::Leave => self.leave(scenario, index),
            Move::GiveUp => {
                self.left.give_up -= 1;
                self.goes(index);
            }
            Move::Report => {
                self.left.reject -= 1;
                let current = self.token.as_ref().map(|held| held.generation);
                let reported = self.callers[index].held;
                if reported == current || scenario.variant == Variant::RejectsAnyToken {
                    self.callers[index].phase = Phase::Rejects;
                }
            }
            Move::Reject => self.reject(scenario, index),
            Move::Claim => {
                if let (Phase::Claims(next), Some(held)) = (&self.callers[index].phase, &mut self.token) {
                    held.attention = Attention::at(*next);
                }
                self.callers[index].phase = Phase::Reminds;
            }
        }
    }

    fn peek(&mut self, scenario: &Scenario, index: usize) {
        let good = self
            .token
            .as_ref()
            .filter(|held| held.attention.is_quiet(self.now) || held.token().is_good(self.now));
        let Some(held) = good else {
            self.callers[index].phase = Phase::Enters;
            return;
        };
        let quiet = held.attention.is_quiet(self.now);
        let (upkeep, next) = held.token().upkeep(self.now, &POLICY);
        let blindly = scenario.variant == Variant::ClaimsBlindly;
        let claimed = !quiet && (blindly || held.attention.claim(self.now, next));
        self.serve(index, None);
        match upkeep {
            _ if !claimed => {}
            Upkeep::Refresh if blindly => self.callers[index].phase = Phase::Claims(next),
            Upkeep::Refresh => self.callers[index].phase = Phase::Reminds,
            Upkeep::Look => self.look(),
        }
    }

    fn remind(&mut self, scenario: &Scenario, index: usize) {
        self.callers[index].phase = Phase::Away;
        let ticket = match scenario.variant {
            Variant::RemindsWithoutDeciding => Some(self.desk.start()),
            _ => self.desk.remind(self.now, self.what_is_there()),
        };
        if let Some(ticket) = ticket {
            self.launch(ticket);
        }
    }

    fn enter(&mut self, scenario: &Scenario, index: usize) {
        let token = self.what_is_there();
        if scenario.variant == Variant::StartsUnderAnotherLock {
            let mut copy = self.desk.clone();
            if matches!(copy.enter(self.now, token), Entry::Start(_)) {
                self.callers[index].phase = Phase::Starts;
                return;
            }
        }
        match self.desk.enter(self.now, token) {
            Entry::Serve => self.serve(index, None),
            Entry::Start(ticket) => {
                self.launch(ticket);
                self.callers[index].phase = Phase::Waits { ticket, landing: None };
            }
            Entry::Wait(ticket) => self.callers[index].phase = Phase::Waits { ticket, landing: None },
            Entry::Fail(why) => self.fail(index, why),
        }
    }

    fn leave(&mut self, scenario: &Scenario, index: usize) {
        let Phase::Waits { landing: Some(landing), .. } = self.callers[index].phase.clone() else { return };
        let token = self.what_is_there();
        let judge = if let Landing::Over(generation) = landing { Some(generation) } else { None };
        let rejected = token.map(|token| token.rejected);
        match (scenario.variant, &landing, rejected) {
            (Variant::ServesWhatIsThere, Landing::Changed, Some(false)) => return self.serve(index, None),
            (Variant::BlamesLateWaiters, Landing::Changed, Some(true)) => {
                self.desk.fail(self.now, Why::Rejected, POLICY.backoff_start);
                return self.fail(index, Why::Rejected);
            }
            _ => {}
        }
        match Desk::leave(self.now, token, landing) {
            Exit::Serve => self.serve(index, judge),
            Exit::Again => self.callers[index].phase = Phase::Enters,
            Exit::Fail(why) => self.fail(index, why),
        }
    }

    fn reject(&mut self, scenario: &Scenario, index: usize) {
        let reported = self.callers[index].held.take();
        self.callers[index].phase = Phase::Away;
        let Some(held) = &self.token else { return };
        if reported != Some(held.generation) && scenario.variant != Variant::RejectsAnyToken {
            return;
        }
        self.seen.reported |= reported.map_or(0, |generation| 1 << generation);
        if held.attention.reject() {
            let token = held.token();
            self.desk.reject(self.now, &token, &POLICY);
            if let Some(failure) = self.desk.failure().filter(|failure| failure.error == Why::Rejected) {
                self.seen.in_vain = true;
                self.seen.quiet_until = self.seen.quiet_until.max(failure.until);
            }
        }
    }

    fn serve(&mut self, index: usize, judge: Option<u64>) {
        let generation = self.hand_out(judge);
        self.goes(index);
        self.callers[index].held = generation.filter(|_| self.left.reject > 0);
    }

    fn fail(&mut self, index: usize, why: Why) {
        if why == Why::Rejected && !self.seen.in_vain {
            self.breaks(promises::TRUE_REASONS);
        }
        self.goes(index);
    }

    fn goes(&mut self, index: usize) {
        let caller = &mut self.callers[index];
        caller.asks -= 1;
        caller.phase = Phase::Away;
    }
}
