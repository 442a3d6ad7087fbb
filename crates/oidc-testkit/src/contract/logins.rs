//! How logins begin and end.

use oidc_core::{
    Cause,
    store::{Abandon, Begin, Commit, Put, Record, Revision, WriteId},
};

use super::stage::{LONG, Stage, payload, same, text};

pub(super) async fn what_was_never_written_is_absent(stage: Stage) {
    same(stage.record().await, Record::default(), "a record that nobody wrote");
    same(stage.record().await, Record::default(), "reading makes no record");
}

pub(super) async fn a_login_is_read_as_it_was_written(stage: Stage) {
    let id = WriteId::random();
    let revision = Revision::ABSENT.next(id);
    same(stage.put(None, id, "tokens").await, Put::Done(revision), "a first login");
    let written = Record { revision, payload: Some(payload("tokens")), login: id, ..Record::default() };
    same(stage.record().await, written, "what is read");
}

// STO-01
pub(super) async fn a_login_replaces_only_the_revision_that_it_expects(stage: Stage) {
    let first = stage.log_in("first").await;
    let before = stage.record().await;
    let other = Revision { tag: WriteId::random(), ..first };
    for expected in [None, Some(Revision::ABSENT), Some(other), Some(first.next(first.tag))] {
        let refused = stage.put(expected, WriteId::random(), "another").await;
        same(refused, Put::Superseded { current: before.clone() }, "a login that expects another revision");
    }
    same(stage.record().await, before, "the record after it was refused");
    let id = WriteId::random();
    same(stage.put(Some(first), id, "second").await, Put::Done(first.next(id)), "one that expects this one");
    same(text(&stage.record().await), Some("second".into()), "its tokens");
}

pub(super) async fn a_new_login_ends_claim_doubt_rejection_and_back_off(stage: Stage) {
    stage.log_in("first").await;
    let (unknown, _) = stage.hold(LONG).await;
    stage.abandon(&unknown, Abandon::Unknown, None).await;
    let (refused, _) = stage.hold(LONG).await;
    stage.abandon(&refused, Abandon::Rejected(Cause::GrantRejected), Some(LONG)).await;
    let id = WriteId::random();
    let revision = stage.record().await.revision.next(id);
    stage.put(Some(stage.record().await.revision), id, "second").await;
    let fresh = Record { revision, payload: Some(payload("second")), login: id, ..Record::default() };
    same(stage.record().await, fresh, "the new login");

    stage.hold(LONG).await;
    stage.log_in("third").await;
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, false, "doubt after a new login while a refresh was under way");
}

pub(super) async fn a_sign_out_leaves_a_tombstone_that_counts_on(stage: Stage) {
    let id = WriteId::random();
    let revision = Revision::ABSENT.next(id);
    same(stage.remove(id).await, revision, "a sign-out where nobody was logged in");
    same(stage.record().await, Record { revision, ..Record::default() }, "its tombstone");

    let login = stage.log_in("tokens").await;
    stage.hold(LONG).await;
    let before = stage.record().await;
    let revision = stage.remove(id).await;
    same(revision, login.next(id), "the revision of a sign-out");
    same(
        stage.record().await,
        Record { revision, login: before.login, ..Record::default() },
        "the tombstone",
    );
}

// STO-02
pub(super) async fn after_a_sign_out_nothing_comes_back(stage: Stage) {
    let first = stage.log_in("first").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.remove(WriteId::random()).await;
    let tombstone = stage.record().await;
    same(
        stage.commit(&lease, "late").await,
        Commit::Superseded { current: tombstone.clone() },
        "a late commit",
    );
    for expected in [None, Some(first)] {
        let late = stage.put(expected, WriteId::random(), "late").await;
        same(late, Put::Superseded { current: tombstone.clone() }, "a login from before the sign-out");
    }
    stage.abandon(&lease, Abandon::Rejected(Cause::GrantRejected), Some(LONG)).await;
    same(stage.record().await, tombstone.clone(), "the tombstone");

    let again = stage.log_in("again").await;
    same(again.counter, tombstone.revision.counter + 1, "the counter after the next login");
}

// REF-08
pub(super) async fn a_new_login_is_not_overwritten_by_the_one_before(stage: Stage) {
    stage.log_in("first").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.log_in("second").await;
    let second = stage.record().await;
    same(stage.commit(&lease, "late").await, Commit::Superseded { current: second.clone() }, "a late commit");
    stage.abandon(&lease, Abandon::Rejected(Cause::GrantRejected), Some(LONG)).await;
    same(stage.record().await, second, "the second login");
    match stage.begin(None, WriteId::random(), LONG).await {
        Begin::Held { record, doubt, .. } => {
            same((text(&record), doubt), (Some("second".into()), false), "its refresh");
        }
        other => panic!("the second login can be refreshed, and yet: {other:?}"),
    }
}
