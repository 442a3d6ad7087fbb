//! The rules of the contract as pure functions over one record.
//!
//! A store that can read a record, change it and write it back with nobody in between (under a lock, in a
//! transaction) needs no rules of its own: it calls these. [`MemoryStore`](crate::MemoryStore) does, and the model
//! checker drives the same functions. A store whose engine runs code of its own (a Redis script, SQL) repeats them there and is compared
//! with these by the contract suite.
//!
//! `row` is the record as stored (`None`: never written) and is changed in place; `now` is the store's own time.

use std::time::Duration;

use super::{
    Abandon, Begin, Claim, Commit, Lease, Payload, Put, Record, Renew, Revision, StoreTime, WriteId,
};
use crate::Cause;

/// [`TokenStore::put`](super::TokenStore::put): compares the revision with `expected` and starts a login.
pub fn put(row: &mut Option<Record>, expected: Option<Revision>, id: WriteId, payload: Payload) -> Put {
    let current = row.clone().unwrap_or_default();
    if current.revision != expected.unwrap_or(Revision::ABSENT) {
        return Put::Superseded { current };
    }
    let revision = current.revision.next(id);
    *row = Some(Record { revision, payload: Some(payload), login: id, ..Record::default() });
    Put::Done(revision)
}

/// [`TokenStore::begin`](super::TokenStore::begin): takes the lease, sets the marker and reads, in one step.
pub fn begin(
    row: &mut Option<Record>,
    now: StoreTime,
    seen: Option<Revision>,
    attempt: WriteId,
    ttl: Duration,
) -> Begin {
    let mut record = row.clone().unwrap_or_default();
    if let Some(cause) = record.rejected {
        return Begin::Dead { record, cause };
    }
    if seen.is_some_and(|seen| record.revision.is_news_to(seen)) {
        return Begin::Newer { record };
    }
    let own = record.claim.is_some_and(|claim| claim.attempt == attempt);
    if let Some(claim) = record.claim.filter(|_| !own) {
        if claim.deadline > now {
            return Begin::Busy { retry_in: claim.deadline.since(now), record };
        }
        // On an earlier revision too: the request may still be under way, and cost the whole family.
        record.doubt = Some(record.revision.counter);
    }
    if let Some(not_before) = record.not_before.filter(|not_before| *not_before > now && !own) {
        return Begin::NotYet { retry_in: not_before.since(now), record };
    }
    let base = record.revision;
    record.claim = Some(Claim { attempt, base, deadline: now.after(ttl) });
    *row = Some(record.clone());
    Begin::Held { doubt: record.in_doubt(), lease: Lease { attempt, base }, record }
}

/// [`TokenStore::renew`](super::TokenStore::renew): prolongs the lease if it is still there and of use.
pub fn renew(row: &mut Option<Record>, now: StoreTime, lease: &Lease, ttl: Duration) -> Renew {
    let Some(record) = row else { return Renew::Lost };
    match &mut record.claim {
        Some(claim) if claim.attempt == lease.attempt && record.revision == lease.base => {
            claim.deadline = now.after(ttl);
            Renew::Held
        }
        _ => Renew::Lost,
    }
}

/// [`TokenStore::commit`](super::TokenStore::commit): compares the revision, and nothing else, and writes the successor.
pub fn commit(row: &mut Option<Record>, lease: &Lease, payload: Payload) -> Commit {
    let current = row.clone().unwrap_or_default();
    if current.revision != lease.base {
        return Commit::Superseded { current };
    }
    let revision = lease.successor();
    *row = Some(Record {
        revision,
        payload: Some(payload),
        login: current.login,
        claim: current.claim.filter(|claim| claim.attempt != lease.attempt),
        doubt: current.doubt,
        rejected: None,
        not_before: None,
    });
    Commit::Done(revision)
}

/// [`TokenStore::abandon`](super::TokenStore::abandon): gives the lease back and says what became of the refresh token.
pub fn abandon(
    row: &mut Option<Record>,
    now: StoreTime,
    lease: &Lease,
    outcome: Abandon,
    retry_in: Option<Duration>,
) {
    let Some(record) = row else { return };
    record.claim = record.claim.filter(|claim| claim.attempt != lease.attempt);
    if record.revision != lease.base {
        return;
    }
    if let Some(retry_in) = retry_in {
        // A longer pause that somebody else was told of still counts.
        record.not_before = record.not_before.max(Some(now.after(retry_in)));
    }
    match outcome {
        Abandon::NotSent => {}
        Abandon::Unknown => record.doubt = Some(record.revision.counter),
        Abandon::Rejected(Cause::GrantRejected) if record.in_doubt() => {
            record.rejected = Some(Cause::RefreshOutcomeUnknown);
        }
        Abandon::Rejected(cause) => record.rejected = Some(cause),
    }
}

/// [`TokenStore::remove`](super::TokenStore::remove): leaves a tombstone with a revision of its own.
pub fn remove(row: &mut Option<Record>, id: WriteId) -> Revision {
    let current = row.clone().unwrap_or_default();
    let revision = current.revision.next(id);
    *row = Some(Record { revision, login: current.login, ..Record::default() });
    revision
}
