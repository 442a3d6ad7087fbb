//! All that this crate leaves to chance: identifiers of writes, the jitter of a source, the length of a back-off.
//!
//! It comes from the operating system. Tests of this crate can put a seed in its place for the thread that they run on; a program
//! cannot, because the seed does not exist outside of them.

use oidc_core::store::WriteId;

/// A new identifier.
pub(crate) fn write_id() -> WriteId {
    #[cfg(test)]
    if let Some(id) = seed::next() {
        return id;
    }
    WriteId::random()
}

/// A random number, uniform over all of `u64`.
pub(crate) fn number() -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = write_id().0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Chance that can be repeated.
#[cfg(test)]
pub(crate) mod seed {
    use std::cell::RefCell;

    use oidc_core::store::WriteId;

    type Source = Box<dyn FnMut() -> [u8; 16]>;

    thread_local! {
        static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
    }

    /// Until this is dropped, everything that this thread leaves to chance comes from `source`.
    pub(crate) fn plant(source: impl FnMut() -> [u8; 16] + 'static) -> Planted {
        SOURCE.with_borrow_mut(|place| *place = Some(Box::new(source)));
        Planted(())
    }

    /// Gives the thread back to real chance when it is dropped.
    #[must_use]
    pub(crate) struct Planted(());

    impl Drop for Planted {
        fn drop(&mut self) {
            SOURCE.with_borrow_mut(|place| *place = None);
        }
    }

    pub(super) fn next() -> Option<WriteId> {
        SOURCE.with_borrow_mut(|source| source.as_mut().map(|source| WriteId(source())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replaces_chance_until_it_is_dropped() {
        let mut count = 0;
        let planted = seed::plant(move || {
            count += 1;
            [count; 16]
        });
        assert_eq!((write_id(), number()), (WriteId([1; 16]), 0x0202_0202_0202_0202));
        drop(planted);
        assert_ne!(write_id(), write_id());
    }
}
