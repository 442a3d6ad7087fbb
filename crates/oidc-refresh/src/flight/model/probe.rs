//! What becomes of everybody once nothing goes wrong any more.

use oidc_core::Cause;

use super::{process::Wire, scenario::Scenario, world::World};
use crate::flight::{Flight, Outcome, Phase, Standing};

impl Flight {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting)
    }
}

impl World {
    /// Lets everything that is under way end, and then lets each process ask, twice, with all access tokens ended: the
    /// second time shows whether what it got the first time is alive.
    pub(super) fn ends_well(&self, scenario: &Scenario) -> Result<(), String> {
        let mut world = self.clone();
        world.finish_all(scenario)?;
        let count = world.processes.len();
        for first in 0..count {
            let mut world = world.clone();
            let must_keep = scenario.keeps_login || world.can_repair(first);
            for _ in 0..2 {
                world.ended = world.provider.access;
                for index in (0..count).map(|index| (first + index) % count) {
                    world.check_ask(scenario, index, must_keep)?;
                }
            }
        }
        Ok(())
    }

    fn check_ask(&mut self, scenario: &Scenario, index: usize, must_keep: bool) -> Result<(), String> {
        let usable = self.processes[index].tokens().is_some_and(|tokens| self.is_usable(tokens));
        if usable {
            return Ok(());
        }
        self.store.end_back_off();
        let signed_out = self.stored().is_none();
        let outcome = match self.ask(scenario, index) {
            Some(outcome) => outcome,
            None => self.finish(scenario, index)?,
        };
        let usable = self.processes[index].tokens().is_some_and(|tokens| self.is_usable(tokens));
        match outcome {
            Outcome::Renewed | Outcome::Adopted if usable && !signed_out => Ok(()),
            Outcome::Renewed | Outcome::Adopted if usable && self.has_failed_over(scenario) => Ok(()),
            Outcome::Renewed | Outcome::Adopted if usable && !scenario.spends => Ok(()),
            Outcome::LoggedOut if self.stored().is_none() && scenario.spends => Ok(()),
            Outcome::Dead(cause) => self.check_loss(scenario, cause, must_keep),
            other => Err(format!("process {index} ends with {other:?}")),
        }
    }

    fn check_loss(&self, scenario: &Scenario, cause: Cause, must_keep: bool) -> Result<(), String> {
        let excused = self.has_failed_over(scenario) || self.has_revoked(scenario);
        if cause == Cause::GrantRejected && !excused {
            return Err("a loss is not named".into());
        }
        let wanted = !self.may_be_signed_out() && !self.has_revoked(scenario);
        if must_keep && wanted {
            return Err("the login is lost".into());
        }
        Ok(())
    }

    /// Whether a process knows the living tokens, and the store has fallen behind it.
    fn can_repair(&self, index: usize) -> bool {
        let process = &self.processes[index];
        self.has_one_login()
            && process.ledger.standing(&self.store.record()) == Standing::Behind
            && process.tokens().is_some_and(|tokens| self.provider.is_living(tokens))
    }

    /// Carries out everything that is under way, in turns, with no fault.
    fn finish_all(&mut self, scenario: &Scenario) -> Result<(), String> {
        for _ in 0..STEPS {
            if self.is_quiet() {
                return Ok(());
            }
            for index in 0..self.processes.len() {
                self.move_on(scenario, index);
            }
        }
        Err("somebody waits for ever".into())
    }

    /// Carries a refresh out to its end, with no fault and nobody in between.
    fn finish(&mut self, scenario: &Scenario, index: usize) -> Result<Outcome, String> {
        for _ in 0..STEPS {
            if let Some(outcome) = self.move_on(scenario, index) {
                return Ok(outcome);
            }
        }
        Err(format!("process {index} never ends"))
    }

    fn move_on(&mut self, scenario: &Scenario, index: usize) -> Option<Outcome> {
        if self.claim_owner() == Some(None) {
            self.expire(false);
        }
        if self.is_held_up(index) {
            return None;
        }
        self.act(scenario, index, Wire::Delivers)
    }
}

const STEPS: usize = 100;
