//! A store in memory that breaks one rule.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use async_trait::async_trait;
use oidc_core::{
    Clock, KeyId, Payload, StoreError, SystemClock, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};

macro_rules! wrongs {
    ($($name:ident)*) => {
        /// What is wrong with it. Each is a simpler way that looks as good.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Wrong {
            $($name,)*
        }

        impl Wrong {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

wrongs! {
    CommitNeedsALiveLease
    CommitNeedsItsClaim
    CommitIgnoresTheRevision
    CommitComparesTheCounterOnly
    CommitEndsForeignClaims
    CommitForgetsTheDoubt
    CommitKeepsTheBackOff
    CommitForgetsTheLogin
    RejectionChangesTheRevision
    RejectionIgnoresTheRevision
    RejectionForgetsTheDoubt
    RemoveKeepsTheRevision
    RemoveDeletesTheRow
    RemoveForgetsTheLogin
    PutKeepsTheRevision
    PutIgnoresWhatIsExpected
    PutKeepsTheClaim
    DeadOwnersBlockForEver
    EndedClaimsLeaveNoDoubt
    NotSentEndsDoubt
    UnknownLeavesNoDoubt
    AbandonEndsForeignClaims
    BackOffIsForgotten
    BackOffIsShortened
    BeginIgnoresWhatWasSeen
    BeginIgnoresClaims
    BeginForgetsItsOwnAttempt
    BeginRevivesTheDead
    HeartbeatsForEverybody
    HeartbeatsForNobody
    LeasesNeverEnd
    PayloadsAreText
    KeysAreCut
    ReadsAreNotAtomic
}

#[derive(Debug)]
pub(crate) struct WrongStore {
    wrong: Option<Wrong>,
    rows: Mutex<HashMap<Vec<u8>, Option<Record>>>,
    clock: SystemClock,
}

impl WrongStore {
    pub(crate) fn new(wrong: Option<Wrong>) -> Self {
        Self { wrong, rows: Mutex::default(), clock: SystemClock::new() }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    fn row<T>(&self, key: &KeyId, rule: impl FnOnce(&mut Option<Record>, StoreTime) -> T) -> T {
        let now = StoreTime(0).after(self.clock.boot().since_origin());
        let cut = if self.is(Wrong::KeysAreCut) { 0 } else { 32 };
        let mut rows = self.rows.lock().unwrap();
        rule(rows.entry(key.as_bytes().iter().take(cut).copied().collect()).or_default(), now)
    }

    fn written(&self, payload: Payload) -> Payload {
        if !self.is(Wrong::PayloadsAreText) {
            return payload;
        }
        Payload::new(String::from_utf8_lossy(payload.as_bytes()).into_owned().into_bytes())
    }
}

#[async_trait]
impl TokenStore for WrongStore {
    async fn load(&self, key: &KeyId) -> Result<Option<Record>, StoreError> {
        let record = self.row(key, |row, _| row.clone());
        if !self.is(Wrong::ReadsAreNotAtomic) {
            return Ok(record);
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let payload = self.row(key, |row, _| row.clone().and_then(|row| row.payload));
        Ok(record.map(|record| Record { payload, ..record }))
    }

    async fn put(
        &self,
        key: &KeyId,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Result<Put, StoreError> {
        let payload = self.written(payload);
        Ok(self.row(key, |row, _| {
            let before = row.clone().unwrap_or_default();
            let expected =
                if self.is(Wrong::PutIgnoresWhatIsExpected) { Some(before.revision) } else { expected };
            let put = rules::put(row, expected, id, payload);
            if let (Put::Done(_), Some(row)) = (&put, row) {
                if self.is(Wrong::PutKeepsTheClaim) {
                    row.claim = before.claim;
                }
                if self.is(Wrong::PutKeepsTheRevision) && before.payload.is_some() {
                    row.revision = before.revision;
                    return Put::Done(before.revision);
                }
            }
            put
        }))
    }

    async fn begin(
        &self,
        key: &KeyId,
        seen: Option<Revision>,
        attempt: WriteId,
        ttl: Duration,
    ) -> Result<Begin, StoreError> {
        let seen = seen.filter(|_| !self.is(Wrong::BeginIgnoresWhatWasSeen));
        let ttl = if self.is(Wrong::LeasesNeverEnd) { ttl + Duration::from_secs(1_000) } else { ttl };
        Ok(self.row(key, |row, now| {
            if let Some(record) = row.as_mut() {
                let ended =
                    record.claim.is_some_and(|claim| claim.deadline <= now && claim.attempt != attempt);
                if ended && self.is(Wrong::EndedClaimsLeaveNoDoubt) || self.is(Wrong::BeginIgnoresClaims) {
                    record.claim = None;
                }
                if ended && self.is(Wrong::DeadOwnersBlockForEver) {
                    return Begin::Busy { record: record.clone(), retry_in: ttl };
                }
                if self.is(Wrong::BeginRevivesTheDead) {
                    record.rejected = None;
                }
                if let Some(claim) =
                    record.claim.as_mut().filter(|_| self.is(Wrong::BeginForgetsItsOwnAttempt))
                {
                    claim.attempt = WriteId::random();
                }
            }
            rules::begin(row, now, seen, attempt, ttl)
        }))
    }

    async fn renew(&self, key: &KeyId, lease: &Lease, ttl: Duration) -> Result<Renew, StoreError> {
        match self.wrong {
            Some(Wrong::HeartbeatsForEverybody) => Ok(Renew::Held),
            Some(Wrong::HeartbeatsForNobody) => Ok(Renew::Lost),
            _ => Ok(self.row(key, |row, now| rules::renew(row, now, lease, ttl))),
        }
    }

    async fn commit(&self, key: &KeyId, lease: &Lease, payload: Payload) -> Result<Commit, StoreError> {
        let payload = self.written(payload);
        Ok(self.row(key, |row, now| {
            let before = row.clone().unwrap_or_default();
            let own = before.claim.filter(|claim| claim.attempt == lease.attempt);
            let refused = self.is(Wrong::CommitNeedsItsClaim) && own.is_none()
                || self.is(Wrong::CommitNeedsALiveLease) && own.is_none_or(|claim| claim.deadline <= now);
            if refused {
                return Commit::Superseded { current: before };
            }
            let same_counter = before.revision.counter == lease.base.counter;
            let lease = match self.wrong {
                Some(Wrong::CommitIgnoresTheRevision) => Lease { base: before.revision, ..*lease },
                Some(Wrong::CommitComparesTheCounterOnly) if same_counter => {
                    Lease { base: before.revision, ..*lease }
                }
                _ => *lease,
            };
            let commit = rules::commit(row, &lease, payload);
            if let (Commit::Done(_), Some(row)) = (&commit, row) {
                match self.wrong {
                    Some(Wrong::CommitEndsForeignClaims) => row.claim = None,
                    Some(Wrong::CommitForgetsTheDoubt) => row.doubt = None,
                    Some(Wrong::CommitKeepsTheBackOff) => row.not_before = before.not_before,
                    Some(Wrong::CommitForgetsTheLogin) => row.login = lease.attempt,
                    _ => {}
                }
            }
            commit
        }))
    }

    async fn abandon(
        &self,
        key: &KeyId,
        lease: &Lease,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) -> Result<(), StoreError> {
        let retry_in = retry_in.filter(|_| !self.is(Wrong::BackOffIsForgotten));
        self.row(key, |row, now| {
            let before = row.clone().unwrap_or_default();
            let mut lease = *lease;
            if self.is(Wrong::AbandonEndsForeignClaims)
                && let Some(row) = row.as_mut()
            {
                row.claim = None;
            }
            let is_rejection = matches!(outcome, Abandon::Rejected(_));
            if is_rejection && self.is(Wrong::RejectionIgnoresTheRevision) {
                lease.base = before.revision;
            }
            if let Some(row) =
                row.as_mut().filter(|_| self.is(Wrong::BackOffIsShortened) && retry_in.is_some())
            {
                row.not_before = None;
            }
            rules::abandon(row, now, &lease, outcome, retry_in);
            let Some(row) = row else { return };
            match (self.wrong, outcome) {
                (Some(Wrong::RejectionChangesTheRevision), Abandon::Rejected(_)) => {
                    row.revision = row.revision.next(lease.attempt);
                }
                (Some(Wrong::RejectionForgetsTheDoubt), Abandon::Rejected(cause)) => {
                    row.rejected = Some(cause)
                }
                (Some(Wrong::NotSentEndsDoubt), Abandon::NotSent) => row.doubt = None,
                (Some(Wrong::UnknownLeavesNoDoubt), Abandon::Unknown) => row.doubt = before.doubt,
                _ => {}
            }
        });
        Ok(())
    }

    async fn remove(&self, key: &KeyId, id: WriteId) -> Result<Revision, StoreError> {
        Ok(self.row(key, |row, _| {
            let before = row.clone().unwrap_or_default();
            let revision = rules::remove(row, id);
            match (self.wrong, row.as_mut()) {
                (Some(Wrong::RemoveDeletesTheRow), _) => *row = None,
                (Some(Wrong::RemoveKeepsTheRevision), Some(row)) => row.revision = before.revision,
                (Some(Wrong::RemoveForgetsTheLogin), Some(row)) => row.login = WriteId::NIL,
                _ => {}
            }
            revision
        }))
    }
}
