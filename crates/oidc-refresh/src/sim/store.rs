//! The store of a world, behind a network that loses things.
//!
//! It follows the rules of the contract.

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use oidc_core::{
    KeyId, Payload, StoreError, StoreErrorKind, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};
use tokio::sync::oneshot;

use super::{
    history::{Event, Fault, Login, Operation, Refresh, Write},
    process::Process,
    world::World,
};

/// One record, and what it was before the last write.
#[derive(Debug, Default)]
pub(super) struct Row {
    record: Option<Record>,
    before: Option<Record>,
}

impl Row {
    /// Loses the last write. Says what kind of write it was, where it changed the tokens.
    pub(super) fn lose_write(&mut self) -> Option<Write> {
        let lost = std::mem::replace(&mut self.record, self.before.clone());
        write_between(self.record.as_ref(), lost.as_ref())
    }
}

/// The store as one process reaches it.
#[derive(Clone, Debug)]
pub(super) struct SimStore(pub(super) Arc<Process>);

#[derive(Clone, Copy)]
struct Fate {
    there: Duration,
    back: Duration,
    /// Whether it is done, where it fails; and whether that is told.
    failure: Option<(bool, bool)>,
}

impl SimStore {
    /// One operation. It goes its way whatever becomes of the process that asked for it.
    async fn perform<T: Send + 'static>(
        &self,
        key: &KeyId,
        operation: Operation,
        rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (process, world) = (&self.0, self.0.world.clone());
        process.running().await;
        let login = world.login_of(key);
        process.may_crash(world.plan.rates.crash_in_step);
        process.running().await;
        let fate = self.fate(login, operation);
        let (answer, arrival) = oneshot::channel();
        let pid = process.pid;
        tokio::spawn(async move {
            world.sleep(fate.there).await;
            let done = fate.failure.is_none_or(|(done, _)| done);
            let result = done.then(|| apply(&world, login, pid, rule));
            world.sleep(fate.back).await;
            match fate.failure {
                Some((_, false)) => pending::<()>().await,
                Some((_, true)) => drop(answer),
                None => drop(answer.send(result)),
            }
        });
        let answer = arrival.await.ok().flatten();
        process.may_pause(process.world.plan.rates.pause_in_step);
        process.may_crash(process.world.plan.rates.crash_in_step);
        process.running().await;
        let shown = answer.as_ref().and_then(|(_, shown)| *shown);
        let done = answer.is_some();
        process.note(Event::Answered { login, process: process.pid, operation, done, shown });
        answer.map(|(result, _)| result).ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable))
    }

    fn fate(&self, login: Login, operation: Operation) -> Fate {
        let (process, world) = (&self.0, &self.0.world);
        let rates = &world.plan.rates;
        let wrong = |rate, fault| world.goes_wrong(rate, Some(process.pid), Some(login), fault);
        let (there, back, done, told) = world.with(|inside| {
            let rng = &mut inside.rng;
            (rng.millis(0, 8), rng.millis(0, 8), rng.chance(500), rng.chance(700))
        });
        if wrong(rates.store_fails, Fault::StoreFails { operation, done }) {
            return Fate { there, back, failure: Some((done, told)) };
        }
        if wrong(rates.store_slow, Fault::StoreSlow { operation }) {
            let slow = world.with(|inside| (inside.rng.millis(0, 1_500), inside.rng.millis(0, 1_500)));
            return Fate { there: slow.0, back: slow.1, failure: None };
        }
        Fate { there, back, failure: None }
    }
}

/// Changes the record by a rule of the contract. Gives what the record holds now as well.
fn apply<T>(
    world: &World,
    login: Login,
    process: super::history::Pid,
    rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T,
) -> (T, Option<Refresh>) {
    let at = world.now();
    let now = StoreTime(i64::try_from(at.as_millis()).unwrap());
    world.with(|inside| {
        let row = &mut inside.rows[usize::from(login)];
        let before = row.record.clone();
        let result = rule(&mut row.record, now);
        let after = row.record.clone();
        if before != after {
            row.before.clone_from(&before);
        }
        let tokens = after.as_ref().and_then(|record| world.saved(login, record));
        let shown = tokens.as_ref().map(|tokens| tokens.refresh);
        if let Some(write) = write_between(before.as_ref(), after.as_ref()) {
            inside.note(at, Event::Stored { login, process, write, tokens });
        }
        let rejected =
            |record: &Option<Record>| record.as_ref().is_some_and(|record| record.rejected.is_some());
        if rejected(&before) != rejected(&after) {
            inside.note(at, Event::Marked { login, process, rejected: rejected(&after) });
        }
        (result, shown)
    })
}

/// Which write leads from one state of a record to the other.
fn write_between(before: Option<&Record>, after: Option<&Record>) -> Option<Write> {
    let after = after?;
    let before = before.cloned().unwrap_or_default();
    if before.revision == after.revision {
        return None;
    }
    Some(match after.payload {
        None => Write::Remove,
        Some(_) if before.login != after.login => Write::Put,
        Some(_) => Write::Commit,
    })
}

#[async_trait]
impl TokenStore for SimStore {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        self.perform(key, Operation::Load, |row, _| row.clone()).await
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        self.perform(key, Operation::Put, move |row, _| rules::put(row, expected, id, payload)).await
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        self.perform(key, Operation::Begin, move |row, now| rules::begin(row, now, seen, attempt, ttl)).await
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        let lease = *lease;
        self.perform(key, Operation::Renew, move |row, now| rules::renew(row, now, &lease, ttl)).await
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let lease = *lease;
        self.perform(key, Operation::Commit, move |row, _| rules::commit(row, &lease, payload)).await
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        let lease = *lease;
        let abandon = move |row: &mut _, now| rules::abandon(row, now, &lease, outcome, retry_in);
        self.perform(key, Operation::Abandon, abandon).await
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        self.perform(key, Operation::Remove, move |row, _| rules::remove(row, id)).await
    }
}
