//! One refresh as a machine without I/O: it is told what happened and says what to do next.
//!
//! The shell in `drive` carries the steps out; the model checker carries them out in every order, with every fault. Everything
//! that decides whether a login survives is here and in [`oidc_core::store::rules`].

mod ledger;
#[cfg(test)]
mod model;
mod step;

use std::time::Duration;

use oidc_core::{
    Cause, Payload,
    store::{Abandon, Begin, Commit, Lease, Record, WriteId},
};

pub(crate) use self::{
    ledger::{Ledger, Standing},
    step::{Adopted, Event, Outcome, Sent, Step, StoreFault, Waits},
};

/// One refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    spends: bool,
    waits: Waits,
    ledger: Ledger,
    attempt: WriteId,
    phase: Phase,
    replays: bool,
    replayed: bool,
    rounds: u8,
    waited: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Loading,
    Adopting,
    Preparing,
    Beginning,
    Waiting,
    Sending { lease: Lease, doubt: bool },
    Committing { lease: Lease, payload: Payload, after: After, served: bool },
    Saving { lease: Lease, payload: Payload, after: After },
    Abandoning { after: AfterAbandon },
    Rereading { cause: Cause },
    Discarding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum After {
    Renewed,
    Failed,
    Repaired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum AfterAbandon {
    Failed,
    LoggedOut,
    Replay,
    Reread { cause: Cause, lease: Lease, tries: u8 },
}

impl Flight {
    /// A refresh that starts from what this process remembers. `attempt` is new and random.
    pub(crate) fn new(spends: bool, waits: Waits, ledger: Ledger, attempt: WriteId) -> Self {
        let phase = Phase::Loading;
        let (replays, replayed, rounds, waited) = (true, false, 0, Duration::ZERO);
        Self { spends, waits, ledger, attempt, phase, replays, replayed, rounds, waited }
    }

    /// Whether a lost answer is made up for at once. If not, the same refresh token is sent when the back-off has ended.
    pub(crate) fn with_replay(self, replays: bool) -> Self {
        Self { replays, ..self }
    }

    /// What this process remembers now.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The first step. Where nothing is remembered the store is read first: somebody may have left tokens that will do.
    pub(crate) fn start(&mut self) -> Step {
        if self.ledger.seen().is_none() { self.to(Phase::Loading, Step::Load) } else { self.prepare() }
    }

    /// The next step, after `event` answered the last one.
    pub(crate) fn on(&mut self, event: Event) -> Step {
        match (self.phase.clone(), event) {
            (Phase::Loading, Event::Loaded(Ok(record))) => self.loaded(record.unwrap_or_default()),
            (Phase::Adopting, Event::Adopted(Adopted::Usable)) => Step::Finish(Outcome::Adopted),
            (Phase::Adopting, Event::Adopted(Adopted::Ended)) => self.prepare(),
            (Phase::Preparing, Event::Prepared(true)) => self.begin(),
            (Phase::Preparing, Event::Prepared(false)) => Step::Finish(Outcome::Failed),
            (Phase::Beginning, Event::Began(Ok(begin))) => self.began(begin),
            (Phase::Waiting, Event::Woke) => self.begin(),
            (Phase::Sending { lease, doubt }, Event::Sent(sent)) => self.sent(lease, doubt, sent),
            (Phase::Committing { lease, payload, after, served }, Event::Committed(result)) => match result {
                Ok(commit) => self.committed(lease, payload, after, commit),
                Err(StoreFault) => self.save_later(lease, payload, after, served),
            },
            (Phase::Saving { lease, payload, after }, Event::Served) => {
                self.to(Phase::Saving { lease, payload, after }, Step::Pause(self.waits.save))
            }
            (Phase::Saving { lease, payload, after }, Event::Woke) => {
                self.commit(lease, payload, after, true)
            }
            (Phase::Abandoning { after }, Event::Abandoned(result)) => self.abandoned(after, result),
            (Phase::Rereading { cause }, Event::Loaded(result)) => self.reread(cause, result),
            (Phase::Discarding, Event::Discarded) => Step::Finish(Outcome::LoggedOut),
            _ => Step::Finish(Outcome::StoreFailed),
        }
    }

    fn to(&mut self, phase: Phase, step: Step) -> Step {
        self.phase = phase;
        step
    }

    fn loaded(&mut self, record: Record) -> Step {
        if let Some(cause) = record.rejected {
            return Step::Finish(Outcome::Dead(cause));
        }
        if !record.is_tombstone() {
            return self.adopt(record);
        }
        if self.spends { Step::Finish(Outcome::LoggedOut) } else { self.prepare() }
    }

    fn adopt(&mut self, record: Record) -> Step {
        let Some(payload) = record.payload.clone() else { return self.logged_out() };
        self.ledger.hold(record.revision, payload);
        self.to(Phase::Adopting, Step::Adopt(record))
    }

    fn logged_out(&mut self) -> Step {
        self.ledger.forget();
        if self.spends { Step::Finish(Outcome::LoggedOut) } else { self.prepare() }
    }

    /// Every way round leads through here, so this is where going round for ever ends.
    fn prepare(&mut self) -> Step {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > Self::ROUNDS {
            return Step::Finish(Outcome::StoreFailed);
        }
        self.to(Phase::Preparing, Step::Prepare)
    }

    fn begin(&mut self) -> Step {
        self.to(Phase::Beginning, Step::Begin { attempt: self.attempt })
    }

    fn began(&mut self, begin: Begin) -> Step {
        match begin {
            Begin::Held { record, lease, doubt } => self.held(record, lease, doubt),
            Begin::Newer { record } => self.adopt(record),
            Begin::Busy { record, retry_in } => self.busy(record, retry_in),
            Begin::NotYet { retry_in, .. } => Step::Finish(Outcome::BackOff(retry_in)),
            Begin::Dead { record, cause } => match self.ledger.standing(&record) {
                Standing::Behind => self.repair(Lease { attempt: self.attempt, base: record.revision }),
                Standing::Same | Standing::Theirs => Step::Finish(Outcome::Dead(cause)),
            },
        }
    }

    fn held(&mut self, record: Record, lease: Lease, doubt: bool) -> Step {
        if self.ledger.standing(&record) == Standing::Behind {
            return self.repair(lease);
        }
        if self.spends && record.is_tombstone() {
            self.ledger.forget();
            return self.abandon(lease, Abandon::NotSent, None, AfterAbandon::LoggedOut);
        }
        self.to(Phase::Sending { lease, doubt }, Step::Send { record, lease })
    }

    /// The store lost a write that this process made or adopted: write it again, onto exactly the state that is there.
    fn repair(&mut self, lease: Lease) -> Step {
        match self.ledger.payload().cloned() {
            Some(payload) => self.commit(lease, payload, After::Repaired, true),
            None => Step::Finish(Outcome::StoreFailed),
        }
    }

    fn busy(&mut self, record: Record, retry_in: Duration) -> Step {
        let limit = if self.spends { self.waits.patience } else { self.waits.brief };
        if self.waited < limit {
            let pause = retry_in.min(self.waits.poll);
            self.waited = self.waited.saturating_add(pause);
            return self.to(Phase::Waiting, Step::Pause(pause));
        }
        if self.spends {
            return Step::Finish(Outcome::StoreFailed);
        }
        let lease = Lease { attempt: self.attempt, base: record.revision };
        self.to(Phase::Sending { lease, doubt: false }, Step::Send { record, lease })
    }

    fn sent(&mut self, lease: Lease, doubt: bool, sent: Sent) -> Step {
        match sent {
            Sent::Won(payload) => self.commit(lease, payload, After::Renewed, false),
            Sent::Salvaged(payload) => self.commit(lease, payload, After::Failed, false),
            Sent::NotProcessed { retry_in } => {
                // Nothing was sent this time. If something was before, giving the lease back must not hide it.
                let outcome = if self.replayed { Abandon::Unknown } else { Abandon::NotSent };
                self.abandon(lease, outcome, Some(retry_in), AfterAbandon::Failed)
            }
            Sent::Unknown { retry_in } if !self.spends => {
                self.abandon(lease, Abandon::NotSent, Some(retry_in), AfterAbandon::Failed)
            }
            Sent::Unknown { retry_in } if self.replayed || !self.replays => {
                self.abandon(lease, Abandon::Unknown, Some(retry_in), AfterAbandon::Failed)
            }
            Sent::Unknown { .. } => self.abandon(lease, Abandon::Unknown, None, AfterAbandon::Replay),
            Sent::Refused(_) if !self.spends => {
                self.abandon(lease, Abandon::NotSent, Some(self.waits.patience), AfterAbandon::Failed)
            }
            Sent::Refused(refused) => {
                // The store may not have taken the news of the lost answer, so it is told again.
                let in_doubt = (doubt || self.replayed) && refused == Cause::GrantRejected;
                let cause = if in_doubt { Cause::RefreshOutcomeUnknown } else { refused };
                let after = AfterAbandon::Reread { cause, lease, tries: 0 };
                self.abandon(lease, Abandon::Rejected(cause), None, after)
            }
        }
    }

    fn abandon(
        &mut self,
        lease: Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
        after: AfterAbandon,
    ) -> Step {
        self.to(Phase::Abandoning { after }, Step::Abandon { lease, outcome, retry_in })
    }

    fn abandoned(&mut self, after: AfterAbandon, result: Result<(), StoreFault>) -> Step {
        match after {
            AfterAbandon::Failed => Step::Finish(Outcome::Failed),
            AfterAbandon::LoggedOut => Step::Finish(Outcome::LoggedOut),
            AfterAbandon::Replay => {
                self.replayed = true;
                self.begin()
            }
            AfterAbandon::Reread { cause, lease, tries } if result.is_err() && tries < Self::TRIES => {
                let after = AfterAbandon::Reread { cause, lease, tries: tries.saturating_add(1) };
                self.abandon(lease, Abandon::Rejected(cause), None, after)
            }
            AfterAbandon::Reread { cause, .. } => self.to(Phase::Rereading { cause }, Step::Load),
        }
    }

    /// After a refusal: somebody may have renewed in between, and then the refusal says nothing about their refresh token.
    fn reread(&mut self, cause: Cause, result: Result<Option<Record>, StoreFault>) -> Step {
        let Ok(record) = result else { return Step::Finish(Outcome::StoreFailed) };
        let record = record.unwrap_or_default();
        match (record.rejected, self.ledger.standing(&record)) {
            (Some(cause), _) => Step::Finish(Outcome::Dead(cause)),
            (None, Standing::Theirs) => self.adopt(record),
            (None, Standing::Same | Standing::Behind) => Step::Finish(Outcome::Dead(cause)),
        }
    }

    fn commit(&mut self, lease: Lease, payload: Payload, after: After, served: bool) -> Step {
        let step = Step::Commit { lease, payload: payload.clone() };
        self.to(Phase::Committing { lease, payload, after, served }, step)
    }

    fn committed(&mut self, lease: Lease, payload: Payload, after: After, commit: Commit) -> Step {
        let current = match commit {
            Commit::Done(_) => return self.saved(lease, payload, after),
            Commit::Superseded { current } if current.revision == lease.successor() => {
                return self.saved(lease, payload, after);
            }
            Commit::Superseded { current } => current,
        };
        let ours = match self.ledger.standing(&current) {
            Standing::Behind => true,
            Standing::Same => after != After::Repaired,
            Standing::Theirs => false,
        };
        if ours {
            let lease = Lease { base: current.revision, ..lease };
            return self.commit(lease, payload, after, true);
        }
        if current.is_tombstone() {
            self.ledger.forget();
            return self.to(Phase::Discarding, Step::Discard(payload));
        }
        self.adopt(current)
    }

    fn saved(&mut self, lease: Lease, payload: Payload, after: After) -> Step {
        self.ledger.hold(lease.successor(), payload.clone());
        match after {
            After::Renewed => Step::Finish(Outcome::Renewed),
            After::Failed => Step::Finish(Outcome::Failed),
            After::Repaired => {
                self.attempt = following(self.attempt);
                let revision = lease.successor();
                let record = Record { revision, payload: Some(payload), ..Record::default() };
                self.to(Phase::Adopting, Step::Adopt(record))
            }
        }
    }

    fn save_later(&mut self, lease: Lease, payload: Payload, after: After, served: bool) -> Step {
        let step = if served { Step::Pause(self.waits.save) } else { Step::Serve(payload.clone()) };
        self.to(Phase::Saving { lease, payload, after }, step)
    }

    const ROUNDS: u8 = 8;
    const TRIES: u8 = 3;
}

fn following(id: WriteId) -> WriteId {
    WriteId(u128::from_be_bytes(id.0).wrapping_add(1).to_be_bytes())
}
