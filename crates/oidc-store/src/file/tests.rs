//! Calls of the system that fail, and a kernel lock that another process holds.

use std::{sync::Arc, time::Duration};

use oidc_core::{
    Issuer, Subject, TokenKey,
    store::{Begin, Commit, Put, WriteId},
};
use rustix::io::Errno;

use super::{step::Step, *};

const TTL: Duration = Duration::from_secs(3);

fn key() -> KeyId {
    TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id()
}

fn payload(text: &str) -> Payload {
    Payload::new(text.as_bytes().to_vec())
}

fn store(folder: &tempfile::TempDir) -> FileStore {
    FileStore::new(folder.path().join("logins"))
}

fn fail_next(store: &FileStore, step: Step, error: Errno) {
    let directory: Arc<Directory> = store.0.directory().unwrap();
    *directory.steps.fail_next.lock().unwrap() = Some((step, error));
}

async fn held(store: &FileStore) -> Lease {
    match store.begin(&key(), None, WriteId::random(), TTL).await.unwrap() {
        Begin::Held { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

async fn text(store: &FileStore) -> Vec<u8> {
    store.load(&key()).await.unwrap().unwrap().payload.unwrap().as_bytes().to_vec()
}

fn files(folder: &tempfile::TempDir) -> usize {
    let names = std::fs::read_dir(folder.path().join("logins")).unwrap();
    names.filter(|entry| !entry.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".lock")).count()
}

// FIL-01, FIL-03, FIL-04
#[tokio::test]
async fn whatever_call_fails_there_is_the_old_record_or_the_new_one() {
    let faults = [
        (Step::Create, Errno::NOSPC, StoreErrorKind::Full),
        (Step::Create, Errno::ROFS, StoreErrorKind::Unavailable),
        (Step::Create, Errno::MFILE, StoreErrorKind::Unavailable),
        (Step::Write, Errno::DQUOT, StoreErrorKind::Full),
        (Step::Write, Errno::IO, StoreErrorKind::Unavailable),
        (Step::Sync, Errno::IO, StoreErrorKind::Unavailable),
        (Step::Rename, Errno::NOSPC, StoreErrorKind::Full),
        (Step::Settle, Errno::IO, StoreErrorKind::Unavailable),
    ];
    for (step, errno, kind) in faults {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        assert!(matches!(store.put(&key(), None, WriteId::random(), payload("old")).await, Ok(Put::Done(_))));
        let lease = held(&store).await;
        fail_next(&store, step, errno);
        let error = store.commit(&key(), &lease, payload("new")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{step:?}");
        let there = text(&store).await;
        assert_eq!(there, if step == Step::Settle { b"new" } else { b"old" }, "{step:?}");
        assert_eq!(files(&folder), 1, "{step:?}: nothing is left behind");
        // The same commit again, as the contract says, is done or finds itself.
        match store.commit(&key(), &lease, payload("new")).await.unwrap() {
            Commit::Done(revision) => assert_eq!(revision, lease.successor()),
            Commit::Superseded { current } => assert_eq!(current.revision, lease.successor()),
        }
        assert_eq!(text(&store).await, b"new");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.put(&key(), None, WriteId::random(), payload("old")).await.unwrap();
    fail_next(&store, Step::Read, Errno::IO);
    assert_eq!(store.load(&key()).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    fail_next(&store, Step::Read, Errno::MFILE);
    let error = store.put(&key(), None, WriteId::random(), payload("new")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(text(&store).await, b"old");
}

// FIL-06
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_too_long_is_named_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.put(&key(), None, WriteId::random(), payload("old")).await.unwrap();
    let lock = store.0.directory().unwrap().lock(&key()).unwrap().unwrap();
    let error = store.put(&key(), None, WriteId::random(), payload("new")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    assert_eq!(text(&store).await, b"old", "reading needs no lock");
    drop(lock);
    held(&store).await;
}

// CAN-05, CAN-06: a machine that was booted anew
#[tokio::test]
async fn a_claim_from_before_a_reboot_has_run_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.put(&key(), None, WriteId::random(), payload("old")).await.unwrap();
    let lease = held(&store).await;
    let directory = store.0.directory().unwrap();
    let bytes = directory.read(&key()).unwrap().unwrap();
    let envelope = Envelope::open(&key(), &bytes).unwrap();
    let earlier = Envelope::seal(&key(), WriteId([1; 16]), envelope.written, &envelope.record);
    directory.write(&key(), &earlier).unwrap();
    match store.begin(&key(), None, WriteId::random(), TTL).await.unwrap() {
        Begin::Held { doubt, .. } => assert!(doubt),
        other => panic!("{other:?}"),
    }
    assert!(matches!(store.commit(&key(), &lease, payload("late")).await, Ok(Commit::Done(_))));
}
