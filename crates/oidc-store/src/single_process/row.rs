//! What this instance knows of one record, and what that says about what it finds.

use oidc_core::{
    KeyId, StoreError, StoreErrorKind,
    store::{Claim, Record, StoreTime, WriteId},
};

use crate::envelope::{Envelope, Hash, Moment};

/// What this instance remembers of one record between two operations.
#[derive(Debug, Default)]
pub(super) struct Row {
    known: Known,
    /// What is left behind by a removal that may or may not have been done.
    removing: Option<Box<Record>>,
    /// Whose claim has a later deadline than the one that is saved.
    prolonged: Option<(WriteId, StoreTime)>,
}

/// What is in the store, as far as this instance knows.
#[derive(Debug, Default)]
enum Known {
    /// It has not looked yet.
    #[default]
    NotYet,
    /// Nothing. The record, if there is one, is a tombstone that only this instance needs.
    Empty(Option<Box<Record>>),
    /// A record that this instance wrote.
    Own,
    /// A record that an earlier instance left, with this hash.
    TakenOver(Hash),
}

/// What has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    Save,
    Remove,
}

impl Row {
    /// The record that the saved bytes stand for.
    pub(super) fn read(
        &mut self,
        key: &KeyId,
        instance: WriteId,
        now: Moment,
        saved: Option<&[u8]>,
    ) -> Result<Option<Record>, StoreError> {
        let Some(saved) = saved else { return self.read_nothing() };
        let envelope = Envelope::open(key, saved)?;
        if envelope.era == instance {
            return Ok(Some(self.read_own(envelope.record)));
        }
        match self.known {
            Known::NotYet => self.known = Known::TakenOver(envelope.hash),
            Known::TakenOver(hash) if hash == envelope.hash => {}
            _ => return Err(StoreError::new(StoreErrorKind::Conflict)),
        }
        Ok(Some(envelope.inherited(now)))
    }

    fn read_nothing(&mut self) -> Result<Option<Record>, StoreError> {
        match (&self.known, self.removing.take()) {
            (Known::Own | Known::TakenOver(_), None) => Err(StoreError::new(StoreErrorKind::Conflict)),
            (Known::Own | Known::TakenOver(_), Some(tombstone)) => {
                let record = (*tombstone).clone();
                self.known = Known::Empty(Some(tombstone));
                Ok(Some(record))
            }
            (Known::Empty(tombstone), _) => Ok(tombstone.as_deref().cloned()),
            (Known::NotYet, _) => {
                self.known = Known::Empty(None);
                Ok(None)
            }
        }
    }

    fn read_own(&mut self, mut record: Record) -> Record {
        // A record from before a sign-out that comes back does not undo it.
        if let Known::Empty(Some(tombstone)) = &self.known
            && record.revision.counter < tombstone.revision.counter
        {
            return (**tombstone).clone();
        }
        self.known = Known::Own;
        if let (Some(claim), Some((attempt, deadline))) = (&mut record.claim, self.prolonged)
            && claim.attempt == attempt
        {
            claim.deadline = deadline;
        }
        record
    }

    /// What has to be written for `after` to be kept. A deadline is kept here: it ends with this instance.
    pub(super) fn change(&mut self, before: Option<&Record>, after: Option<&Record>) -> Change {
        let Some(after) = after else { return Change::Nothing };
        if before.is_some_and(|before| same_but_for_the_deadline(before, after)) {
            self.prolonged = after.claim.map(|claim| (claim.attempt, claim.deadline));
            return Change::Nothing;
        }
        if is_bare_tombstone(after) {
            self.removing = Some(Box::new(after.clone()));
            return Change::Remove;
        }
        Change::Save
    }

    /// Notes that the change was made.
    pub(super) fn changed(&mut self, change: Change) {
        match change {
            Change::Nothing => return,
            Change::Save => self.known = Known::Own,
            Change::Remove => self.known = Known::Empty(self.removing.take()),
        }
        (self.removing, self.prolonged) = (None, None);
    }
}

fn same_but_for_the_deadline(one: &Record, other: &Record) -> bool {
    let timeless = |record: &Record| Record {
        claim: record.claim.map(|claim| Claim { deadline: StoreTime(0), ..claim }),
        ..record.clone()
    };
    timeless(one) == timeless(other)
}

/// Whether there is nothing in it that a later instance would have to know.
fn is_bare_tombstone(record: &Record) -> bool {
    let Record { revision: _, login: _, payload, claim, doubt, rejected, not_before } = record;
    payload.is_none() && claim.is_none() && doubt.is_none() && rejected.is_none() && not_before.is_none()
}
