//! Restart, a second instance, damage, faults and cancellation.

use std::{sync::Arc, time::Duration};

use oidc_core::{
    Cause, KeyId, Payload, StoreError, StoreErrorKind, TokenStore,
    store::{Abandon, Begin, Commit, Lease, Put, Record, Renew, Revision, WriteId},
};
use oidc_store::SingleProcess;
use oidc_testkit::ManualClock;

use crate::notes::{Fault, Notes, key};

const TTL: Duration = Duration::from_secs(3);

/// An instance at some time after a reboot: its boot clock has nothing to do with that of others.
fn instance(notes: &Notes, clock: &ManualClock) -> SingleProcess<Notes> {
    SingleProcess::with_clock(notes.clone(), Arc::new(clock.clone()))
}

fn payload(text: &str) -> Payload {
    Payload::new(text.as_bytes().to_vec())
}

async fn log_in(store: &impl TokenStore, key: &KeyId) -> Revision {
    let expected = store.load(key).await.unwrap().map(|record| record.revision);
    match store.put(key, expected, WriteId::random(), payload("first")).await.unwrap() {
        Put::Done(revision) => revision,
        Put::Superseded { current } => panic!("{current:?}"),
    }
}

async fn begin(store: &impl TokenStore, key: &KeyId) -> (Lease, bool) {
    match store.begin(key, None, WriteId::random(), TTL).await.unwrap() {
        Begin::Held { lease, doubt, .. } => (lease, doubt),
        other => panic!("{other:?}"),
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreErrorKind {
    result.unwrap_err().kind()
}

/// The kind of error of every operation, which must be one and the same.
async fn kind_of_all(store: &impl TokenStore, key: &KeyId) -> StoreErrorKind {
    let lease = Lease { attempt: WriteId([1; 16]), base: Revision::ABSENT };
    let kinds = [
        kind(store.load(key).await),
        kind(store.put(key, None, WriteId([2; 16]), payload("x")).await),
        kind(store.begin(key, None, WriteId([3; 16]), TTL).await),
        kind(store.renew(key, &lease, TTL).await),
        kind(store.commit(key, &lease, payload("x")).await),
        kind(store.abandon(key, &lease, Abandon::NotSent, None).await),
        kind(store.remove(key, WriteId([4; 16])).await),
    ];
    assert!(kinds.iter().all(|kind| *kind == kinds[0]), "{kinds:?}");
    kinds[0]
}

#[tokio::test]
async fn a_login_outlives_a_restart() {
    let (notes, key) = (Notes::default(), key("app"));
    let revision = log_in(&instance(&notes, &ManualClock::new()), &key).await;
    let later = instance(&notes, &ManualClock::new());
    let record = later.load(&key).await.unwrap().unwrap();
    assert_eq!((record.revision, record.payload, record.doubt), (revision, Some(payload("first")), None));
    let (lease, doubt) = begin(&later, &key).await;
    assert!(!doubt);
    assert_eq!(later.commit(&key, &lease, payload("second")).await.unwrap(), Commit::Done(lease.successor()));
}

// A refresh was under way when the process ended.
#[tokio::test]
async fn a_claim_of_an_ended_instance_leaves_doubt() {
    let (notes, key) = (Notes::default(), key("app"));
    let earlier = instance(&notes, &ManualClock::new());
    log_in(&earlier, &key).await;
    let (lease, _) = begin(&earlier, &key).await;
    assert_eq!(earlier.renew(&key, &lease, Duration::from_secs(1_000_000)).await.unwrap(), Renew::Held);
    drop(earlier);

    // The machine was booted anew, so that the deadline is far ahead on the new clock.
    let clock = ManualClock::at(std::time::SystemTime::UNIX_EPOCH, oidc_core::BootTime::default());
    let later = instance(&notes, &clock);
    let (lease, doubt) = begin(&later, &key).await;
    assert!(doubt);
    later.abandon(&key, &lease, Abandon::Rejected(Cause::GrantRejected), None).await.unwrap();
    let record = later.load(&key).await.unwrap().unwrap();
    assert_eq!(record.rejected, Some(Cause::RefreshOutcomeUnknown));
}

#[tokio::test]
async fn a_lease_that_was_given_back_leaves_none() {
    let (notes, key) = (Notes::default(), key("app"));
    let earlier = instance(&notes, &ManualClock::new());
    log_in(&earlier, &key).await;
    let (lease, _) = begin(&earlier, &key).await;
    earlier.abandon(&key, &lease, Abandon::NotSent, None).await.unwrap();
    let (_, doubt) = begin(&instance(&notes, &ManualClock::new()), &key).await;
    assert!(!doubt);
}

#[tokio::test]
async fn of_a_back_off_there_is_left_what_the_wall_clock_says() {
    let minute = Duration::from_secs(60);
    for (wall_moves, left) in [(0, 60), (25, 35), (60, 0), (1_000_000, 0), (-1_000, 60)] {
        let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
        let earlier = instance(&notes, &clock);
        log_in(&earlier, &key).await;
        let (lease, _) = begin(&earlier, &key).await;
        earlier.abandon(&key, &lease, Abandon::NotSent, Some(minute)).await.unwrap();

        let wall = oidc_core::Clock::wall(&clock);
        let by = Duration::from_secs(i64::unsigned_abs(wall_moves));
        let wall = if wall_moves < 0 { wall - by } else { wall + by };
        let later = instance(&notes, &ManualClock::at(wall, oidc_core::BootTime::from_origin(minute)));
        match later.begin(&key, None, WriteId::random(), TTL).await.unwrap() {
            Begin::NotYet { retry_in, .. } => assert_eq!(retry_in, Duration::from_secs(left), "{wall_moves}"),
            Begin::Held { .. } => assert_eq!(left, 0, "{wall_moves}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn prolonging_a_lease_writes_nothing() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let store = instance(&notes, &clock);
    log_in(&store, &key).await;
    let (lease, _) = begin(&store, &key).await;
    let writes = notes.writes();
    for _ in 0..10 {
        clock.advance(TTL / 2);
        assert_eq!(store.renew(&key, &lease, TTL).await.unwrap(), Renew::Held);
    }
    assert_eq!(notes.writes(), writes);
    let busy = store.begin(&key, None, WriteId::random(), TTL).await.unwrap();
    assert!(matches!(busy, Begin::Busy { retry_in, .. } if retry_in == TTL), "{busy:?}");
    clock.advance(TTL);
    assert!(begin(&store, &key).await.1);
}

#[tokio::test]
async fn a_sign_out_removes_what_is_saved_and_late_answers_meet_a_tombstone() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let store = instance(&notes, &clock);
    log_in(&store, &key).await;
    let (lease, _) = begin(&store, &key).await;
    let gone = store.remove(&key, WriteId::random()).await.unwrap();
    assert_eq!(notes.page(&key), None);
    let late = store.commit(&key, &lease, payload("late")).await.unwrap();
    assert!(
        matches!(late, Commit::Superseded { current } if current.is_tombstone() && current.revision == gone)
    );
    assert_eq!(notes.page(&key), None);
    assert_eq!(log_in(&store, &key).await.counter, gone.counter + 1);

    store.remove(&key, WriteId::random()).await.unwrap();
    assert_eq!(instance(&notes, &clock).load(&key).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_noted_on_a_tombstone_outlives_a_restart() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let store = instance(&notes, &clock);
    log_in(&store, &key).await;
    store.remove(&key, WriteId::random()).await.unwrap();
    let (lease, _) = begin(&store, &key).await;
    store.abandon(&key, &lease, Abandon::Rejected(Cause::GrantRejected), None).await.unwrap();
    let later = instance(&notes, &clock).begin(&key, None, WriteId::random(), TTL).await.unwrap();
    assert!(matches!(later, Begin::Dead { cause: Cause::GrantRejected, .. }), "{later:?}");
}

#[tokio::test]
async fn what_a_second_instance_writes_is_a_conflict_for_the_first() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let first = instance(&notes, &clock);
    log_in(&first, &key).await;
    let second = instance(&notes, &clock);
    begin(&second, &key).await;
    let page = notes.page(&key);
    assert_eq!(kind_of_all(&first, &key).await, StoreErrorKind::Conflict);
    assert_eq!(notes.page(&key), page);
    assert!(second.load(&key).await.unwrap().is_some());
}

#[tokio::test]
async fn what_an_earlier_instance_writes_after_it_was_taken_over_is_a_conflict() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let first = instance(&notes, &clock);
    let second = instance(&notes, &clock);
    log_in(&first, &key).await;
    second.load(&key).await.unwrap();
    begin(&first, &key).await;
    assert_eq!(kind_of_all(&second, &key).await, StoreErrorKind::Conflict);
}

#[tokio::test]
async fn a_record_that_appears_or_vanishes_is_a_conflict() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let (first, second) = (instance(&notes, &clock), instance(&notes, &clock));
    assert_eq!(second.load(&key).await.unwrap(), None);
    log_in(&first, &key).await;
    assert_eq!(kind_of_all(&second, &key).await, StoreErrorKind::Conflict);
    notes.write(&key, None);
    assert_eq!(kind_of_all(&first, &key).await, StoreErrorKind::Conflict);
}

#[tokio::test]
async fn a_record_from_before_a_sign_out_does_not_undo_it() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let store = instance(&notes, &clock);
    log_in(&store, &key).await;
    let page = notes.page(&key);
    let gone = store.remove(&key, WriteId::random()).await.unwrap();
    notes.write(&key, page);
    let record = store.load(&key).await.unwrap().unwrap();
    assert!(record.is_tombstone() && record.revision == gone);
}

// STO-07
#[tokio::test]
async fn damage_is_an_error_and_stays_where_it_is() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    log_in(&instance(&notes, &clock), &key).await;
    let good = notes.page(&key).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [Vec::new(), good[..good.len() - 1].to_vec(), flipped, b"something else".to_vec()] {
        notes.write(&key, Some(bad.clone()));
        let store = instance(&notes, &clock);
        assert_eq!(kind_of_all(&store, &key).await, StoreErrorKind::Corrupt);
        assert_eq!(notes.page(&key), Some(bad));
        notes.write(&key, Some(good.clone()));
        assert!(store.load(&key).await.unwrap().is_some());
    }
}

// STO-04
#[tokio::test]
async fn a_commit_whose_write_failed_is_repeated() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Panic] {
        let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
        let store = instance(&notes, &clock);
        log_in(&store, &key).await;
        let (lease, _) = begin(&store, &key).await;
        notes.fail_next_write(fault);
        assert!(store.commit(&key, &lease, payload("second")).await.is_err());
        let done = match store.commit(&key, &lease, payload("second")).await.unwrap() {
            Commit::Done(revision) => revision,
            Commit::Superseded { current } => current.revision,
        };
        assert_eq!(done, lease.successor());
        let record = store.load(&key).await.unwrap().unwrap();
        assert_eq!((record.payload, record.claim), (Some(payload("second")), None));
    }
}

#[tokio::test]
async fn a_sign_out_whose_removal_failed_is_repeated() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Panic] {
        let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
        let store = instance(&notes, &clock);
        let login = log_in(&store, &key).await;
        notes.fail_next_write(fault);
        assert!(store.remove(&key, WriteId::random()).await.is_err());
        // As ambiguous as it is, it is one or the other.
        let record = store.load(&key).await.unwrap().unwrap();
        assert_eq!(record.is_tombstone(), fault == Fault::FailAfter);
        assert!(record.is_tombstone() || record.revision == login);
        store.remove(&key, WriteId::random()).await.unwrap();
        assert!(store.load(&key).await.unwrap().unwrap().is_tombstone());
        assert_eq!(notes.page(&key), None);
    }
}

#[tokio::test]
async fn an_operation_whose_caller_goes_away_is_finished_first() {
    let (notes, key, clock) = (Notes::default(), key("app"), ManualClock::new());
    let store = instance(&notes, &clock);
    log_in(&store, &key).await;
    let (lease, _) = begin(&store, &key).await;
    let writes = notes.writes();
    notes.hold_writes();
    let commit = tokio::spawn({
        let store = store.clone();
        async move { store.commit(&key, &lease, payload("second")).await }
    });
    while notes.writes() == writes {
        tokio::task::yield_now().await;
    }
    commit.abort();
    assert!(commit.await.unwrap_err().is_cancelled());
    // The next operation for this login waits, those for others do not.
    let mut load = tokio::spawn({
        let store = store.clone();
        async move { store.load(&key).await }
    });
    assert_eq!(store.load(&crate::notes::key("other")).await.unwrap(), None);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!load.is_finished());
    notes.release_writes();
    let record: Record = (&mut load).await.unwrap().unwrap().unwrap();
    assert_eq!((record.revision, record.payload), (lease.successor(), Some(payload("second"))));
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let store = instance(&Notes::default(), &ManualClock::new());
    let key = key("app");
    let mut load = std::pin::pin!(store.load(&key));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match load.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => assert_eq!(kind(result), StoreErrorKind::Unavailable),
        std::task::Poll::Pending => panic!("nobody would wake it"),
    }
}
