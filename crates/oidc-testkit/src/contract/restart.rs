//! What is left of an instance.

use std::time::Duration;

use oidc_core::store::{Abandon, Begin, Commit, Renew, WriteId};

use super::stage::{LONG, Stage, same, text};

// STO-02
pub(super) async fn logins_and_sign_outs_outlive_an_instance(stage: Stage) {
    let out = stage.of("signed out");
    out.log_in("tokens").await;
    out.remove(WriteId::random()).await;
    stage.log_in("first").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.commit(&lease, "second").await;
    let (record, tombstone) = (stage.record().await, out.record().await);
    drop(out);
    let Some(stage) = stage.reopened().await else { return };
    same(stage.record().await, record, "a login");
    let found = stage.of("signed out").record().await;
    // Only where other processes may remember an older revision has the counter to go on.
    if stage.is_shared() {
        same(found, tombstone, "a sign-out");
    } else {
        same(found.is_tombstone(), true, "whether a sign-out is one still");
    }
    stage.hold(LONG).await;
}

// CAN-05
pub(super) async fn a_claim_outlives_its_instance_or_leaves_doubt(stage: Stage) {
    stage.log_in("tokens").await;
    let (lease, _) = stage.hold(LONG).await;
    let Some(stage) = stage.reopened().await else { return };
    match stage.begin(None, WriteId::random(), LONG).await {
        Begin::Busy { .. } => {
            same(stage.renew(&lease, LONG).await, Renew::Held, "a heartbeat after the restart");
        }
        Begin::Held { doubt, .. } => same(doubt, true, "doubt about what the instance did that ended"),
        other => panic!("neither busy nor held: {other:?}"),
    }
    let late = stage.commit(&lease, "late").await;
    same(late, Commit::Done(lease.successor()), "a successor that was won before the restart");
    let (lease, _) = stage.of("back-off").hold(LONG).await;
    stage.of("back-off").abandon(&lease, Abandon::NotSent, Some(LONG)).await;
    let Some(stage) = stage.reopened().await else { return };
    match stage.of("back-off").begin(None, WriteId::random(), LONG).await {
        Begin::NotYet { retry_in, .. } => assert!(retry_in <= LONG, "the back-off has not grown"),
        other => panic!("the back-off has not ended, and yet: {other:?}"),
    }
}

// MPR-06
pub(super) async fn a_second_instance_sees_what_the_first_one_does(stage: Stage) {
    if !stage.is_shared() {
        return;
    }
    let other = stage.beside().await;
    stage.log_in("first").await;
    same(other.record().await, stage.record().await, "a login elsewhere");
    let (lease, _) = stage.hold(LONG).await;
    let busy = other.begin(None, WriteId::random(), LONG).await;
    assert!(matches!(busy, Begin::Busy { .. }), "the lease is taken elsewhere, and yet: {busy:?}");
    stage.commit(&lease, "second").await;
    match other.begin(Some(lease.base), WriteId::random(), LONG).await {
        Begin::Newer { record } => same(text(&record), Some("second".into()), "what was won elsewhere"),
        other => panic!("there is something new, and yet: {other:?}"),
    }
    let (lease, _) = other.hold(Duration::ZERO).await;
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, true, "doubt about a claim that ran out elsewhere");
    same(
        other.commit(&lease, "third").await,
        Commit::Done(lease.successor()),
        "a late commit from elsewhere",
    );
    let tombstone = other.remove(WriteId::random()).await;
    same(stage.record().await.revision, tombstone, "a sign-out elsewhere");
}
