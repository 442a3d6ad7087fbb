//! How successors are written.

use oidc_core::{
    Cause,
    store::{Abandon, Commit, Lease, Put, Record, Revision, WriteId},
};

use super::stage::{ENDED, LONG, Stage, payload, same, text};

pub(super) async fn a_commit_writes_the_successor_and_ends_the_claim(stage: Stage) {
    stage.log_in("first").await;
    let login = stage.record().await.login;
    let (lease, _) = stage.hold(LONG).await;
    let revision = lease.successor();
    same(stage.commit(&lease, "second").await, Commit::Done(revision), "a commit");
    let written = Record { revision, payload: Some(payload("second")), login, ..Record::default() };
    same(stage.record().await, written, "what it wrote");
    stage.hold(LONG).await;
}

// STO-01
pub(super) async fn a_commit_onto_another_revision_changes_nothing(stage: Stage) {
    let first = stage.log_in("first").await;
    let (lease, _) = stage.hold(LONG).await;
    let before = stage.record().await;
    let bases = [
        Revision::ABSENT,
        Revision { tag: WriteId::random(), ..first },
        Revision { counter: first.counter + 1, ..first },
        lease.successor(),
    ];
    for base in bases {
        let refused = stage.commit(&Lease { base, ..lease }, "wrong").await;
        same(refused, Commit::Superseded { current: before.clone() }, "a commit onto another revision");
    }
    same(stage.record().await, before, "the record");
}

// MPR-05, MPR-07
pub(super) async fn a_late_commit_lands_and_spares_the_claim_of_another(stage: Stage) {
    stage.log_in("first").await;
    let (late, _) = stage.hold(ENDED).await;
    let (other, _) = stage.hold(LONG).await;
    same(stage.commit(&late, "second").await, Commit::Done(late.successor()), "a late commit");
    let record = stage.record().await;
    same(text(&record), Some("second".into()), "what it wrote");
    same(record.claim.map(|claim| claim.attempt), Some(other.attempt), "the claim of the other");
    same(
        stage.commit(&other, "third").await,
        Commit::Superseded { current: record },
        "a commit onto what was replaced",
    );
}

pub(super) async fn a_commit_ends_rejection_and_back_off(stage: Stage) {
    stage.log_in("first").await;
    let (late, _) = stage.hold(ENDED).await;
    let (other, _) = stage.hold(LONG).await;
    stage.abandon(&other, Abandon::Rejected(Cause::GrantRejected), Some(LONG)).await;
    same(stage.commit(&late, "second").await, Commit::Done(late.successor()), "a late commit");
    let record = stage.record().await;
    same((record.rejected, record.not_before), (None, None), "rejection and back-off of what was replaced");
    stage.hold(LONG).await;
}

// REF-12
pub(super) async fn a_commit_keeps_the_doubt_for_one_more_revision(stage: Stage) {
    stage.log_in("first").await;
    stage.hold(ENDED).await;
    for (revision, expected) in [("second", true), ("third", true), ("fourth", false)] {
        let (lease, doubt) = stage.hold(LONG).await;
        same(doubt, expected, "doubt about the successors of a lost answer");
        stage.commit(&lease, revision).await;
    }
}

// STO-04
pub(super) async fn a_repeated_commit_finds_itself(stage: Stage) {
    stage.log_in("first").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.commit(&lease, "second").await;
    match stage.commit(&lease, "second").await {
        Commit::Superseded { current } => {
            same(current.revision, lease.successor(), "the revision that says that it was done");
        }
        Commit::Done(revision) => panic!("one answer was written twice, again as {revision:?}"),
    }
    let id = WriteId::random();
    let expected = Some(lease.successor());
    stage.put(expected, id, "login").await;
    match stage.put(expected, id, "login").await {
        Put::Superseded { current } => same(current.login, id, "the login that says that it was done"),
        Put::Done(revision) => panic!("one login was written twice, again as {revision:?}"),
    }
}
