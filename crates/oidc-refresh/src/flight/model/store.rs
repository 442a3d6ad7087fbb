//! A store that follows the rules, or a variant of them, and that can lose its last writes.

use std::{collections::VecDeque, time::Duration};

use oidc_core::{
    Cause, Payload,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, StoreTime, WriteId, rules},
};

use super::{scenario::Scenario, variant::Variant};

/// There is no clock: a deadline either lies ahead of now, or it has passed.
const NOW: StoreTime = StoreTime(0);
const TTL: Duration = Duration::from_millis(1);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) row: Option<Record>,
    /// What the row was before its last writes, newest last.
    earlier: VecDeque<(Option<Record>, u8)>,
    /// Counts leases, for the variant that numbers them.
    leases: u8,
}

impl Store {
    pub(super) fn record(&self) -> Record {
        self.row.clone().unwrap_or_default()
    }

    pub(super) fn live_claim(&self) -> Option<WriteId> {
        let claim = self.row.as_ref()?.claim.filter(|claim| claim.deadline > NOW)?;
        Some(claim.attempt)
    }

    pub(super) fn backs_off(&self) -> bool {
        self.row.as_ref().is_some_and(|record| record.not_before.is_some())
    }

    /// The live claim ends.
    pub(super) fn expire(&mut self) {
        let Some(attempt) = self.live_claim() else { return };
        for record in self.records() {
            if let Some(claim) = record.claim.as_mut().filter(|claim| claim.attempt == attempt) {
                claim.deadline = NOW;
            }
        }
    }

    /// The back-off ends.
    pub(super) fn end_back_off(&mut self) {
        for record in self.records() {
            record.not_before = None;
        }
    }

    /// What was written until now is safe.
    pub(super) fn settle(&mut self) {
        self.earlier.clear();
    }

    pub(super) fn can_fail_over(&self) -> bool {
        !self.earlier.is_empty()
    }

    /// Loses all the writes that it can lose.
    pub(super) fn fail_over(&mut self) {
        if let Some((row, leases)) = self.earlier.pop_front() {
            (self.row, self.leases) = (row, leases);
        }
        self.earlier.clear();
    }

    /// `attempt` is what the client calls itself; `id` what the store calls it.
    pub(super) fn begin(
        &mut self,
        scenario: &Scenario,
        seen: Option<Revision>,
        attempt: WriteId,
        id: &mut WriteId,
    ) -> Begin {
        let (mut seen, mut called) = (seen, attempt);
        let mut record = self.record();
        let dead_owner = record.claim.filter(|claim| claim.deadline <= NOW && claim.attempt != attempt);
        if !matches!(scenario.variant, Variant::CounterOnlyRevisions | Variant::LeaseIdsFromStoreCounter) {
            *id = attempt;
        }
        match scenario.variant {
            Variant::RefuseAfterDeadOwner
                if dead_owner.is_some_and(|claim| claim.base == record.revision) =>
            {
                return Begin::Dead { record, cause: Cause::RefreshOutcomeUnknown };
            }
            Variant::NoMarker if dead_owner.is_some() => record.claim = None,
            Variant::DoubtOnlyOnSameRevision
                if dead_owner.is_some_and(|claim| claim.base != record.revision) =>
            {
                record.claim = None;
            }
            Variant::BackOffIgnored => record.not_before = None,
            Variant::TokenFromMemory => seen = None,
            Variant::CounterOnlyRevisions => called = *id,
            Variant::LeaseIdsFromStoreCounter => {
                if *id == WriteId::NIL {
                    *id = WriteId([self.leases + 1; 16]);
                }
                called = *id;
            }
            _ => {}
        }
        let altered = self.row.as_ref().map(|_| record);
        let mut begin = self.write(scenario, |row, leases| {
            let kept = std::mem::replace(row, altered);
            let begin = rules::begin(row, NOW, seen, called, TTL);
            match &begin {
                Begin::Held { .. } => {
                    *leases += u8::from(scenario.variant == Variant::LeaseIdsFromStoreCounter)
                }
                _ => *row = kept,
            }
            begin
        });
        if let (Variant::CounterOnlyRevisions, Begin::Held { lease, .. }) = (scenario.variant, &mut begin) {
            lease.attempt = WriteId::NIL;
        }
        begin
    }

    pub(super) fn renew(&mut self, scenario: &Scenario, lease: Lease, id: WriteId) -> Renew {
        let lease = owned(scenario, lease, id);
        self.write(scenario, |row, _| rules::renew(row, NOW, &lease, TTL))
    }

    pub(super) fn commit(
        &mut self,
        scenario: &Scenario,
        lease: Lease,
        id: WriteId,
        payload: Payload,
    ) -> Commit {
        let lease = owned(scenario, lease, id);
        let current = self.record();
        let own = current.claim.filter(|claim| claim.attempt == lease.attempt);
        let refused = match scenario.variant {
            Variant::CommitNeedsLiveLease => own.is_none_or(|claim| claim.deadline <= NOW),
            Variant::CommitNeedsSameAttempt => own.is_none(),
            _ => false,
        };
        if refused {
            return Commit::Superseded { current };
        }
        self.write(scenario, |row, _| {
            let commit = rules::commit(row, &lease, payload);
            if let (Commit::Done(_), Some(record)) = (&commit, row.as_mut()) {
                match scenario.variant {
                    Variant::CommitClearsForeignClaim => record.claim = None,
                    Variant::DoubtNotInherited => record.doubt = None,
                    _ => {}
                }
                untag(scenario, &mut record.revision);
            }
            commit
        })
    }

    pub(super) fn abandon(
        &mut self,
        scenario: &Scenario,
        lease: Lease,
        id: WriteId,
        outcome: Abandon,
        retry_in: Option<Duration>,
    ) {
        let mut lease = owned(scenario, lease, id);
        let before = self.record();
        if let (Variant::RejectionIgnoresRevision, Abandon::Rejected(_)) = (scenario.variant, outcome) {
            lease.base = before.revision;
        }
        self.write(scenario, |row, _| {
            rules::abandon(row, NOW, &lease, outcome, retry_in);
            let Some(record) = row else { return };
            record.not_before = record.not_before.filter(|not_before| *not_before > NOW);
            match (scenario.variant, outcome) {
                (Variant::NotSentClearsDoubt, Abandon::NotSent) => record.doubt = None,
                (Variant::RejectionChangesRevision, Abandon::Rejected(_))
                    if lease.base == record.revision =>
                {
                    record.revision = lease.successor();
                }
                _ => {}
            }
        });
    }

    pub(super) fn put(
        &mut self,
        scenario: &Scenario,
        expected: Option<Revision>,
        id: WriteId,
        payload: Payload,
    ) -> Put {
        let before = self.record().revision;
        let expected = if scenario.variant == Variant::PutIgnoresRevision { Some(before) } else { expected };
        self.write(scenario, |row, _| {
            let put = rules::put(row, expected, id, payload);
            if let (Put::Done(_), Some(record)) = (&put, row.as_mut()) {
                if scenario.variant == Variant::PutKeepsRevision {
                    record.revision = before;
                }
                untag(scenario, &mut record.revision);
            }
            put
        })
    }

    pub(super) fn remove(&mut self, scenario: &Scenario, id: WriteId) {
        self.write(scenario, |row, _| {
            let before = row.clone();
            rules::remove(row, id);
            match (scenario.variant, row.as_mut()) {
                (Variant::RemoveDeletesRow, _) => *row = None,
                (Variant::RemoveKeepsRevision, Some(record)) => {
                    record.revision = before.unwrap_or_default().revision;
                }
                (_, Some(record)) => untag(scenario, &mut record.revision),
                (_, None) => {}
            }
        });
    }

    fn write<T>(&mut self, scenario: &Scenario, rule: impl FnOnce(&mut Option<Record>, &mut u8) -> T) -> T {
        let before = (self.row.clone(), self.leases);
        let result = rule(&mut self.row, &mut self.leases);
        if scenario.lost_writes > 0 && before.0 != self.row {
            self.earlier.push_back(before);
            if self.earlier.len() > scenario.lost_writes {
                self.earlier.pop_front();
            }
        }
        result
    }

    fn records(&mut self) -> impl Iterator<Item = &mut Record> {
        self.earlier.iter_mut().filter_map(|(row, _)| row.as_mut()).chain(self.row.as_mut())
    }
}

/// The lease as the store knows it.
fn owned(scenario: &Scenario, lease: Lease, id: WriteId) -> Lease {
    let attempt = if scenario.variant == Variant::CounterOnlyRevisions { id } else { lease.attempt };
    Lease { attempt, ..lease }
}

fn untag(scenario: &Scenario, revision: &mut Revision) {
    if scenario.variant == Variant::CounterOnlyRevisions {
        revision.tag = WriteId::NIL;
    }
}
