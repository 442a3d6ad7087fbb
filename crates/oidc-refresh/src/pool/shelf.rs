//! Keeps shared things by the login that they belong to, and drops those that were not used for longest.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use hashbrown::{HashTable, hash_table::Entry};
use oidc_core::KeyId;

/// A map from logins to shared things: several for one login, told apart by the things themselves, which also keep the key.
///
/// It is in shards, so that threads seldom meet and none waits while all of it grows.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    shards: Box<[Shard<T>]>,
    hasher: RandomState,
    length: AtomicUsize,
    capacity: usize,
}

/// What can be put on a shelf.
pub(crate) trait Shelved {
    fn key(&self) -> &KeyId;

    /// Notes that somebody asked for it.
    fn mark(&self);

    /// Whether somebody asked for it since this was called last.
    fn take_mark(&self) -> bool;

    /// Whether dropping it loses nothing that cannot be had again. Asked only while nobody holds it.
    fn is_idle(&self) -> bool;
}

/// On a cache line of its own: the locks of two shards are not contended together.
#[derive(Debug)]
#[repr(align(64))]
struct Shard<T>(Mutex<Slots<T>>);

#[derive(Debug)]
struct Slots<T> {
    table: HashTable<Arc<T>>,
    /// Where the search for something to drop goes on.
    hand: usize,
}

impl<T: Shelved> Shelf<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let shards = (capacity / SHARE).next_power_of_two().min(SHARDS);
        let shards = (0..shards).map(|_| Shard(Mutex::new(Slots { table: HashTable::new(), hand: 0 })));
        let (hasher, length) = Default::default();
        Self { shards: shards.collect(), hasher, length, capacity }
    }

    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// The thing of `key` that is `right`. Where there is none, `make` makes it; it runs under the lock, so that none is made twice.
    pub(crate) fn get(
        &self,
        key: &KeyId,
        right: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Arc<T>,
    ) -> Arc<T> {
        let hash = self.hasher.hash_one(key);
        let mut slots = self.slots(hash);
        let found =
            slots.table.entry(hash, |thing| thing.key() == key && right(thing), |thing| self.hash(thing));
        let thing = match found {
            Entry::Occupied(found) => found.get().clone(),
            Entry::Vacant(vacant) => {
                self.length.fetch_add(1, Ordering::Relaxed);
                vacant.insert(make()).get().clone()
            }
        };
        thing.mark();
        self.make_room(&mut slots);
        thing
    }

    /// Shows everything of `key`.
    pub(crate) fn each_of(&self, key: &KeyId, mut show: impl FnMut(&T)) {
        let hash = self.hasher.hash_one(key);
        let slots = self.slots(hash);
        slots.table.iter_hash(hash).filter(|thing| thing.key() == key).for_each(|thing| show(thing));
    }

    /// Everything, in portions that are each shown under one lock; what comes while they are asked for may be missing.
    pub(crate) fn portions(&self) -> impl Iterator<Item = Portion<'_, T>> {
        self.shards.iter().map(Portion)
    }

    /// Drops something where there is too much: what nobody holds or needs, and was not asked for since the hand came by last. The
    /// hand goes only so far at a time; where all that it sees was asked for, one of those goes.
    fn make_room(&self, slots: &mut Slots<T>) {
        let mut second = None;
        for _ in 0..REACH {
            if self.len() <= self.capacity {
                return;
            }
            slots.hand =
                slots.hand.checked_add(1).filter(|next| *next < slots.table.num_buckets()).unwrap_or(0);
            match slots.table.get_bucket(slots.hand) {
                Some(thing) if !is_free(thing) => thing.mark(),
                Some(thing) if thing.take_mark() => second = second.or(Some(slots.hand)),
                Some(_) => self.remove(slots, slots.hand),
                None => {}
            }
        }
        if let Some(second) = second.filter(|_| self.len() > self.capacity) {
            self.remove(slots, second);
        }
    }

    fn remove(&self, slots: &mut Slots<T>, index: usize) {
        if let Ok(entry) = slots.table.get_bucket_entry(index) {
            self.length.fetch_sub(1, Ordering::Relaxed);
            entry.remove();
        }
    }

    #[expect(clippy::indexing_slicing, reason = "an index modulo the length, of which there is one at least")]
    fn slots(&self, hash: u64) -> MutexGuard<'_, Slots<T>> {
        // The table uses the highest and the lowest bits.
        let index = usize::try_from((hash >> 32) & u64::from(u16::MAX)).unwrap_or(0);
        self.shards[index % self.shards.len()].lock()
    }

    fn hash(&self, thing: &Arc<T>) -> u64 {
        self.hasher.hash_one(thing.key())
    }
}

/// Part of what is on a shelf.
pub(crate) struct Portion<'a, T>(&'a Shard<T>);

impl<T> Portion<'_, T> {
    pub(crate) fn each(&self, show: impl FnMut(&Arc<T>)) {
        self.0.lock().table.iter().for_each(show);
    }
}

impl<T> Shard<T> {
    /// The slots; a panic under the lock leaves the table complete.
    fn lock(&self) -> MutexGuard<'_, Slots<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nobody holds it, and nobody can get hold of it either: that takes the lock of its shard.
fn is_free<T: Shelved>(thing: &Arc<T>) -> bool {
    Arc::strong_count(thing) == 1 && thing.is_idle()
}

/// Enough for the threads of a large machine.
const SHARDS: usize = 64;

/// A shard is not worth having for fewer things.
const SHARE: usize = 256;

/// How far the hand goes at a time, empty slots included: the longest that somebody who asks waits for it, a few microseconds.
const REACH: usize = 128;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use oidc_core::{Issuer, Subject, TokenKey};
    use proptest::prelude::*;

    use super::*;

    struct Thing {
        key: KeyId,
        marked: AtomicBool,
        idle: AtomicBool,
    }

    impl Shelved for Thing {
        fn key(&self) -> &KeyId {
            &self.key
        }

        fn mark(&self) {
            self.marked.store(true, Ordering::Relaxed);
        }

        fn take_mark(&self) -> bool {
            self.marked.swap(false, Ordering::Relaxed)
        }

        fn is_idle(&self) -> bool {
            self.idle.load(Ordering::Relaxed)
        }
    }

    fn key(number: usize) -> KeyId {
        let issuer = Issuer::new("https://id.example").unwrap();
        TokenKey::new(issuer, "app", Subject::App).with_session(number.to_string()).id()
    }

    fn thing(key: KeyId) -> Arc<Thing> {
        Arc::new(Thing { key, marked: AtomicBool::new(false), idle: AtomicBool::new(true) })
    }

    impl Shelf<Thing> {
        fn ask(&self, number: usize) -> Arc<Thing> {
            self.get(&key(number), |_| true, || thing(key(number)))
        }

        fn has(&self, number: usize) -> bool {
            let mut found = false;
            self.each_of(&key(number), |_| found = true);
            found
        }
    }

    #[test]
    fn what_passes_through_stays_bounded() {
        for capacity in [0, 1, 10, 300, 5_000] {
            let shelf = Shelf::new(capacity);
            for number in 0..3 * capacity + 10 {
                shelf.ask(number);
                assert!(shelf.len() <= capacity + 1, "{} of {capacity}", shelf.len());
            }
            let mut counted = 0;
            shelf.portions().for_each(|portion| portion.each(|_| counted += 1));
            assert_eq!(counted, shelf.len());
        }
    }

    #[test]
    fn what_is_held_or_busy_stays_and_what_is_used_again_and_again_does_mostly() {
        let shelf = Shelf::new(1_000);
        let held = shelf.ask(0);
        shelf.ask(1).idle.store(false, Ordering::Relaxed);
        for number in 10..20_000 {
            shelf.ask(number);
            if number % 100 == 0 {
                shelf.ask(2);
            }
        }
        assert!(Arc::ptr_eq(&held, &shelf.ask(0)));
        assert!(shelf.has(1) && shelf.has(2));
        assert!((10..18_000).all(|number| !shelf.has(number)), "and what was not used for long is gone");
    }

    #[test]
    fn what_was_held_by_many_at_once_goes_when_it_is_let_go() {
        let shelf = Shelf::new(500);
        let held: Vec<_> = (0..2_000).map(|number| shelf.ask(number)).collect();
        assert_eq!(shelf.len(), 2_000);
        drop(held);
        for round in 0..2_000 {
            shelf.ask(round % 100);
        }
        assert!(shelf.len() <= 501, "{}", shelf.len());
    }

    proptest! {
        #[test]
        fn one_thing_is_one_thing(asked in prop::collection::vec(0usize..20, 0..200)) {
            let shelf = Shelf::new(1_000);
            let first: Vec<_> = (0..20).map(|number| shelf.ask(number)).collect();
            for number in asked {
                prop_assert!(Arc::ptr_eq(&first[number], &shelf.ask(number)));
            }
        }
    }
}
