//! What one process remembers of a record.

use std::collections::VecDeque;

use oidc_core::{
    Payload,
    store::{Record, Revision},
};

/// The newest tokens that this process knows of a login, and the revisions that it has already passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    held: Option<(Revision, Payload)>,
    passed: VecDeque<Revision>,
}

/// How a record in the store stands to what this process remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The store has a state that this process has already left behind: it lost a write.
    Behind,
    /// The store has the state that this process holds.
    Same,
    /// Anything else: somebody else's work, to be adopted.
    Theirs,
}

impl Ledger {
    /// One that holds `held` and has passed `passed`, the oldest first.
    pub(crate) fn of(held: Option<(Revision, Payload)>, passed: VecDeque<Revision>) -> Self {
        Self { held, passed }
    }

    /// The revisions that it has passed, the oldest first.
    pub(crate) fn passed(&self) -> impl ExactSizeIterator<Item = Revision> {
        self.passed.iter().copied()
    }

    /// The revision that this process holds.
    pub(crate) fn seen(&self) -> Option<Revision> {
        self.held.as_ref().map(|(revision, _)| *revision)
    }

    /// The tokens that this process holds.
    pub(crate) fn payload(&self) -> Option<&Payload> {
        self.held.as_ref().map(|(_, payload)| payload)
    }

    /// Takes over a newer state.
    pub(crate) fn hold(&mut self, revision: Revision, payload: Payload) {
        self.forget();
        self.passed.retain(|passed| *passed != revision);
        self.held = Some((revision, payload));
    }

    /// Lets go of what it holds: signed out.
    pub(crate) fn forget(&mut self) {
        if let Some((revision, _)) = self.held.take() {
            self.passed.push_back(revision);
        }
        while self.passed.len() > Self::REMEMBERED {
            self.passed.pop_front();
        }
    }

    /// Compares the record in the store with what this process holds.
    pub(crate) fn standing(&self, record: &Record) -> Standing {
        let Some((held, _)) = &self.held else { return Standing::Theirs };
        let revision = record.revision;
        if revision == *held {
            return Standing::Same;
        }
        if revision.counter < held.counter
            && (revision == Revision::ABSENT || self.passed.contains(&revision))
        {
            return Standing::Behind;
        }
        Standing::Theirs
    }

    /// A fail-over loses the last writes, not the last dozen.
    const REMEMBERED: usize = 8;
}
