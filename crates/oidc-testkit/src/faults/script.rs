//! Which of many operations is to fail, and how.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Faults that wait for their operation, by its number or by its kind, and a count of the operations.
pub(super) struct Script<K, F>(Mutex<State<K, F>>);

struct State<K, F> {
    counts: BTreeMap<K, u64>,
    by_number: BTreeMap<u64, F>,
    by_kind: BTreeMap<K, VecDeque<F>>,
}

impl<K: Copy + Ord, F> Script<K, F> {
    pub(super) fn new() -> Self {
        let (counts, by_number, by_kind) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self(Mutex::new(State { counts, by_number, by_kind }))
    }

    /// Lets the operation with this number fail; the first one is 1.
    pub(super) fn fail_nth(&self, number: u64, fault: F) {
        self.lock().by_number.insert(number, fault);
    }

    /// Lets the next operation of this kind fail that no earlier fault is waiting for.
    pub(super) fn fail_next(&self, kind: K, fault: F) {
        self.lock().by_kind.entry(kind).or_default().push_back(fault);
    }

    /// Counts an operation and hands out its fault: the one for its number before those for its kind.
    pub(super) fn enter(&self, kind: K) -> Option<F> {
        let mut state = self.lock();
        *state.counts.entry(kind).or_default() += 1;
        let number = state.counts.values().sum();
        state.by_number.remove(&number).or_else(|| state.by_kind.get_mut(&kind)?.pop_front())
    }

    /// How many operations of this kind there were.
    pub(super) fn count(&self, kind: K) -> u64 {
        self.lock().counts.get(&kind).copied().unwrap_or(0)
    }

    /// How many operations there were.
    pub(super) fn total(&self) -> u64 {
        self.lock().counts.values().sum()
    }

    /// How many faults are still waiting for their operation.
    pub(super) fn pending(&self) -> usize {
        let state = self.lock();
        state.by_number.len() + state.by_kind.values().map(VecDeque::len).sum::<usize>()
    }

    fn lock(&self) -> MutexGuard<'_, State<K, F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Ord, F> fmt::Debug for Script<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("total", &self.total()).field("pending", &self.pending()).finish()
    }
}
