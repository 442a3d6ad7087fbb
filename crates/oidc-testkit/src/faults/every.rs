//! One scenario, with a fault at each of its operations.

use std::fmt::Debug;

/// Repeats `scenario` with each of `faults` at its first operation, its second, and so on, until a run in which nothing failed.
///
/// The scenario gets the number of the operation that is to fail, counted from 1, and the fault. It starts from nothing each time,
/// arms its own store or transport, does what a program does, checks what has to hold whatever failed, and says whether the fault was
/// met: `pending_faults() == 0` with [`FaultStore`](super::FaultStore) and [`FaultTransport`](super::FaultTransport), and whatever
/// tells it with doubles of your own. The first run that did not meet its fault had fewer operations, and the next fault is taken.
///
/// Gives in how many runs something failed. Compare it with what the scenario has at least: a test in which nothing ever fails
/// proves nothing.
///
/// ```
/// use oidc_core::{Issuer, KeyId, MemoryStore, Payload, StoreErrorKind, Subject, TokenKey, TokenStore, store::{Put, WriteId}};
/// use oidc_testkit::{FaultStore, StoreFault, every_fault};
///
/// /// Writes a login, and asks what has become of it where that failed.
/// async fn save(store: &impl TokenStore, key: &KeyId) -> bool {
///     let id = WriteId::random();
///     let written = store.put(key, None, id, Payload::new(b"tokens".to_vec())).await;
///     match written {
///         Ok(put) => matches!(put, Put::Done(_)),
///         Err(_) => store.load(key).await.is_ok_and(|record| record.is_some_and(|record| record.login == id)),
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let key = TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id();
/// let kind = StoreErrorKind::Unavailable;
/// let failed = every_fault([StoreFault::Before(kind), StoreFault::After(kind)], async |n, fault| {
///     let store = FaultStore::new(MemoryStore::new());
///     store.fail_nth(n, fault);
///     let saved = save(&store, &key).await;
///     let there = store.get_ref().load(&key).await.unwrap().is_some();
///     assert!(there || !saved, "what is said to be saved is there");
///     store.pending_faults() == 0
/// })
/// .await;
/// // Each fault hit the write. Without one there nothing is asked, so no run has a second operation to fail alone.
/// assert_eq!(failed, 2);
/// # });
/// ```
///
/// # Panics
/// Where the scenario does: the fault and its number are named then, on standard error. Also where it still meets its fault at the
/// 1,000th operation, since it would hardly ever end.
pub async fn every_fault<F: Clone + Debug>(
    faults: impl IntoIterator<Item = F>,
    scenario: impl AsyncFn(u64, F) -> bool,
) -> u64 {
    let mut failed = 0;
    for fault in faults {
        for number in 1.. {
            assert!(number <= LIMIT, "{fault:?} is met by the operation {number}: the scenario has no end");
            let place = Place { number, fault: &fault };
            let met = scenario(number, fault.clone()).await;
            drop(place);
            if !met {
                break;
            }
            failed += 1;
        }
    }
    failed
}

const LIMIT: u64 = 1_000;

/// Where the loop is, for those who read why it ended.
struct Place<'a, F: Debug> {
    number: u64,
    fault: &'a F,
}

impl<F: Debug> Drop for Place<'_, F> {
    #[expect(
        clippy::print_stderr,
        reason = "beside the message of the panic that is under way, which goes there too"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with {:?} at operation {}", self.fault, self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, panic::AssertUnwindSafe};

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn each_fault_meets_each_operation_and_then_none() {
        let runs = RefCell::new(Vec::new());
        let failed = every_fault(["lost", "late"], async |n, fault| {
            runs.borrow_mut().push((n, fault));
            n <= 2
        })
        .await;
        assert_eq!(failed, 4);
        let expected = [(1, "lost"), (2, "lost"), (3, "lost"), (1, "late"), (2, "late"), (3, "late")];
        assert_eq!(*runs.borrow(), expected);
    }

    #[tokio::test]
    async fn a_scenario_without_an_end_is_noticed() {
        let endless = every_fault(["lost"], async |_, _| true);
        assert!(AssertUnwindSafe(endless).catch_unwind().await.is_err());
    }
}
