//! A process: what it remembers, and the shell around its refresh.

use std::time::Duration;

use oidc_core::{
    Cause, Payload,
    store::{Abandon, Begin, Commit, Lease, Record, Renew, Revision, WriteId},
};

use super::{
    provider::Tokens,
    scenario::Scenario,
    variant::Variant,
    world::{World, attempt_ids},
};
use crate::flight::{Adopted, Event, Flight, Ledger, Outcome, Phase, Sent, Step, StoreFault, Waits};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) ledger: Ledger,
    pub(super) flight: Option<Airborne>,
    /// How many more refreshes it may start.
    pub(super) asks: u8,
    serial: u8,
}

/// A refresh, and the step that it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Airborne {
    pub(super) flight: Flight,
    pub(super) step: Step,
    pub(super) gate: Gate,
    /// What the store calls it.
    pub(super) id: WriteId,
    /// What the process remembered at the start.
    memory: Option<Payload>,
    /// Somebody signed in or out in this process meanwhile: what it brings counts no more.
    outdated: bool,
}

/// Where a request stands that has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gate {
    /// The claim has surely not ended yet.
    Open,
    /// It may have ended.
    Closed,
    /// It had not when the process looked, but it has now.
    Passed,
    /// It has not ended; the store lost it.
    Unguarded,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wire {
    Delivers,
    LosesRequest,
    LosesAnswer,
    TurnsAway,
    Salvages,
}

/// Waiting takes no time here, so that nobody's patience ends, but for those who have none.
const WAITS: Waits = Waits {
    poll: Duration::ZERO,
    patience: Duration::from_millis(1),
    brief: Duration::ZERO,
    save: Duration::ZERO,
};
const LATER: Duration = Duration::from_millis(1);

impl Process {
    pub(super) fn new(asks: u8, remembered: Option<(Revision, Payload)>) -> Self {
        let mut ledger = Ledger::default();
        if let Some((revision, payload)) = remembered {
            ledger.hold(revision, payload);
        }
        Self { ledger, flight: None, asks, serial: 0 }
    }

    pub(super) fn crash(&mut self) {
        *self = Self { ledger: Ledger::default(), flight: None, ..*self };
    }

    pub(super) fn hold(&mut self, revision: Revision, payload: Payload) {
        self.ledger.hold(revision, payload);
        self.outdate();
    }

    pub(super) fn forget(&mut self) {
        self.ledger.forget();
        self.outdate();
    }

    fn outdate(&mut self) {
        if let Some(airborne) = &mut self.flight {
            airborne.outdated = true;
        }
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.ledger.payload().map(Tokens::of)
    }

    /// Whether it holds the lease of this login, as far as it can know, and has yet to send.
    pub(super) fn is_about_to_send(&self, family: u8) -> bool {
        self.flight.as_ref().is_some_and(|airborne| match &airborne.step {
            Step::Send { record, .. } if airborne.gate == Gate::Open => {
                record.payload.as_ref().is_some_and(|payload| Tokens::of(payload).family == family)
            }
            _ => false,
        })
    }

    /// The lease of a request that has to be sent.
    pub(super) fn sending(&self) -> Option<(Lease, Gate)> {
        let airborne = self.flight.as_ref()?;
        match airborne.step {
            Step::Send { lease, .. } => Some((lease, airborne.gate)),
            _ => None,
        }
    }
}

impl World {
    /// A process starts a refresh. Returns how it ended, if it did.
    pub(super) fn ask(&mut self, scenario: &Scenario, index: usize) -> Option<Outcome> {
        let process = &mut self.processes[index];
        process.asks = process.asks.saturating_sub(1);
        process.serial += 1;
        let number = u8::try_from(index).expect("few processes");
        let (id, attempt) = attempt_ids(scenario, number, process.serial);
        let ledger = match scenario.variant {
            Variant::NothingRepaired => without_past(&process.ledger),
            _ => process.ledger.clone(),
        };
        let mut flight = Flight::new(scenario.spends, WAITS, ledger, attempt).with_replay(scenario.replays);
        let step = flight.start();
        let memory = process.ledger.payload().cloned();
        let airborne =
            Airborne { flight, step: Step::Prepare, gate: Gate::Open, id, memory, outdated: false };
        self.follow(scenario, index, airborne, step)
    }

    /// The step that a process waits for is carried out.
    pub(super) fn act(&mut self, scenario: &Scenario, index: usize, wire: Wire) -> Option<Outcome> {
        let mut airborne = self.processes[index].flight.take()?;
        let event = match airborne.step.clone() {
            Step::Send { record, .. } => Event::Sent(self.send(scenario, &airborne, &record, wire)),
            _ => self.operate(scenario, index, &mut airborne),
        };
        if let Event::Committed(Ok(Commit::Done(_))) = event {
            self.acknowledge();
        }
        if let Some(outcome) = self.deviate(scenario, index, &mut airborne, &event) {
            return Some(outcome);
        }
        let step = airborne.flight.on(event);
        self.follow(scenario, index, airborne, step)
    }

    /// The operation of the store that a process waits for fails, `done` or not.
    pub(super) fn fail(&mut self, scenario: &Scenario, index: usize, done: bool) -> Option<Outcome> {
        let mut airborne = self.processes[index].flight.take()?;
        if done {
            self.operate(scenario, index, &mut airborne);
        }
        if let (Variant::DeadWithoutReading, Phase::Rereading { cause }) =
            (scenario.variant, &airborne.flight.phase)
        {
            let outcome = Outcome::Dead(*cause);
            return Some(self.land(scenario, index, airborne, outcome));
        }
        let event = match airborne.step {
            Step::Load => Event::Loaded(Err(StoreFault)),
            Step::Begin { .. } => Event::Began(Err(StoreFault)),
            Step::Commit { .. } => Event::Committed(Err(StoreFault)),
            _ => Event::Abandoned(Err(StoreFault)),
        };
        if let Some(outcome) = self.deviate(scenario, index, &mut airborne, &event) {
            return Some(outcome);
        }
        let step = airborne.flight.on(event);
        self.follow(scenario, index, airborne, step)
    }

    /// A heartbeat.
    pub(super) fn renew(&mut self, scenario: &Scenario, index: usize) {
        let Some((lease, gate)) = self.processes[index].sending() else { return };
        let Some(airborne) = &mut self.processes[index].flight else { return };
        let renewed = self.store.renew(scenario, lease, airborne.id);
        airborne.gate = match (renewed, gate) {
            (_, Gate::Passed) => Gate::Passed,
            (Renew::Held, _) => Gate::Open,
            (Renew::Lost, _) => Gate::Closed,
        };
    }

    /// The claim of whoever holds it ends.
    pub(super) fn expire(&mut self, passed: bool) {
        let Some(id) = self.store.live_claim() else { return };
        self.store.expire();
        let owner = self.processes.iter_mut().filter_map(|process| process.flight.as_mut());
        for airborne in owner.filter(|airborne| airborne.id == id && airborne.gate == Gate::Open) {
            airborne.gate = if passed { Gate::Passed } else { Gate::Closed };
        }
    }

    /// One operation of the store.
    fn operate(&mut self, scenario: &Scenario, index: usize, airborne: &mut Airborne) -> Event {
        match airborne.step.clone() {
            Step::Load => Event::Loaded(Ok(self.store.row.clone())),
            Step::Begin { attempt } => {
                let seen = airborne.flight.ledger().seen();
                let (backs_off, before) = (self.store.backs_off(), self.store.live_claim());
                let begin = self.store.begin(scenario, seen, attempt, &mut airborne.id);
                let holds = self.store.live_claim();
                if let Begin::Held { .. } = begin {
                    self.note_held(scenario, index, backs_off && holds != before);
                }
                Event::Began(Ok(begin))
            }
            Step::Commit { lease, payload } => {
                let (before, won) = (self.stored(), Tokens::of(&payload));
                let commit = self.store.commit(scenario, lease, airborne.id, payload);
                if let (Commit::Done(_), Some(before)) = (&commit, before) {
                    self.seen.overwritten |= before.family == won.family && before.number > won.number;
                }
                Event::Committed(Ok(commit))
            }
            Step::Abandon { lease, mut outcome, retry_in } => {
                if scenario.variant == Variant::RefusalWithoutDoubt
                    && outcome == Abandon::Rejected(Cause::RefreshOutcomeUnknown)
                {
                    outcome = Abandon::Rejected(Cause::GrantRejected);
                }
                self.abandon(scenario, lease, airborne.id, outcome, retry_in);
                Event::Abandoned(Ok(()))
            }
            _ => Event::Woke,
        }
    }

    fn send(&mut self, scenario: &Scenario, airborne: &Airborne, record: &Record, wire: Wire) -> Sent {
        if airborne.gate == Gate::Closed {
            return Sent::NotProcessed { retry_in: Duration::ZERO };
        }
        if wire == Wire::TurnsAway {
            return Sent::NotProcessed { retry_in: LATER };
        }
        let memory = airborne.memory.as_ref().filter(|_| scenario.variant == Variant::TokenFromMemory);
        let sent = match memory.or(record.payload.as_ref()) {
            Some(payload) => Tokens::of(payload),
            None if scenario.spends => return Sent::Refused(Cause::LoggedOut),
            None => Tokens { family: 0, number: 0, access: 0 },
        };
        self.note_sent(scenario, sent);
        if wire == Wire::LosesRequest {
            return Sent::Unknown { retry_in: LATER };
        }
        match (self.provider.handle(sent), wire) {
            (_, Wire::LosesAnswer) => Sent::Unknown { retry_in: LATER },
            (Some(won), Wire::Salvages) => Sent::Salvaged(Tokens { access: sent.access, ..won }.payload()),
            (Some(won), _) => Sent::Won(won.payload()),
            (None, _) => Sent::Refused(Cause::GrantRejected),
        }
    }

    /// What some variants of the client do instead of what the machine does.
    fn deviate(
        &mut self,
        scenario: &Scenario,
        index: usize,
        airborne: &mut Airborne,
        event: &Event,
    ) -> Option<Outcome> {
        let Step::Commit { lease, payload } = airborne.step.clone() else { return None };
        let outcome = match (scenario.variant, event) {
            (Variant::ReleaseAfterCommitError, Event::Committed(Err(_))) => Abandon::NotSent,
            (Variant::UnknownAfterCommitError, Event::Committed(Err(_))) => Abandon::Unknown,
            (Variant::RevokeOnEverySuperseded, Event::Committed(Ok(Commit::Superseded { .. }))) => {
                self.provider.revoke(Tokens::of(&payload));
                return None;
            }
            (
                Variant::CommitNeedsLiveLease | Variant::CommitNeedsSameAttempt,
                Event::Committed(Ok(Commit::Superseded { current })),
            ) if current.revision == lease.base => {
                return Some(self.land(scenario, index, airborne.clone(), Outcome::Failed));
            }
            _ => return None,
        };
        self.store.abandon(scenario, lease, airborne.id, outcome, None);
        Some(self.land(scenario, index, airborne.clone(), Outcome::Failed))
    }

    /// Carries out what concerns nobody else, until there is something that does.
    fn follow(
        &mut self,
        scenario: &Scenario,
        index: usize,
        mut airborne: Airborne,
        mut step: Step,
    ) -> Option<Outcome> {
        loop {
            let event = match step {
                Step::Adopt(record) => Event::Adopted(self.judge(&record)),
                Step::Prepare => Event::Prepared(true),
                Step::Serve(_) => Event::Served,
                Step::Discard(payload) => {
                    self.provider.revoke(Tokens::of(&payload));
                    Event::Discarded
                }
                Step::Finish(outcome) => return Some(self.land(scenario, index, airborne, outcome)),
                step => {
                    airborne.step = step;
                    airborne.gate = Gate::Open;
                    self.processes[index].flight = Some(airborne);
                    return None;
                }
            };
            step = airborne.flight.on(event);
        }
    }

    fn judge(&self, record: &Record) -> Adopted {
        match record.payload.as_ref().map(Tokens::of) {
            Some(tokens) if self.is_usable(tokens) => Adopted::Usable,
            Some(_) => Adopted::Ended,
            None => Adopted::Unreadable,
        }
    }

    fn land(&mut self, scenario: &Scenario, index: usize, airborne: Airborne, outcome: Outcome) -> Outcome {
        let process = &mut self.processes[index];
        if !airborne.outdated {
            process.ledger = airborne.flight.ledger().clone();
            match outcome {
                Outcome::LoggedOut | Outcome::Dead(_) => process.ledger.forget(),
                _ => {}
            }
        }
        if let Outcome::Dead(cause) = outcome {
            self.note_cause(scenario, cause);
        }
        outcome
    }
}

/// The same tokens, without the revisions that came before.
fn without_past(ledger: &Ledger) -> Ledger {
    let mut fresh = Ledger::default();
    if let (Some(revision), Some(payload)) = (ledger.seen(), ledger.payload()) {
        fresh.hold(revision, payload.clone());
    }
    fresh
}
