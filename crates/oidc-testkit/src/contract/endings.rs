//! How a refresh ends that brings no successor.

use std::time::Duration;

use oidc_core::{
    Cause,
    store::{Abandon, Begin, Lease, WriteId},
};

use super::stage::{ENDED, LONG, Stage, same};

// REF-13
pub(super) async fn a_request_that_was_not_sent_leaves_no_trace(stage: Stage) {
    stage.log_in("tokens").await;
    let before = stage.record().await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::NotSent, None).await;
    same(stage.record().await, before, "the record");
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, false, "doubt");
}

// REF-12
pub(super) async fn an_unknown_outcome_leaves_doubt(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::Unknown, None).await;
    let record = stage.record().await;
    same((record.revision, record.claim), (revision, None), "revision and claim");
    let (again, doubt) = stage.hold(LONG).await;
    same(doubt, true, "doubt");
    stage.abandon(&again, Abandon::NotSent, None).await;
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, true, "doubt after one that sent nothing");

    // A record that has nothing but its endings is one as well.
    let stage = stage.of("nobody");
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::NotSent, None).await;
    stage.abandon(&lease, Abandon::Unknown, None).await;
    same(stage.record().await.doubt, Some(0), "doubt where nobody is logged in");
}

// REF-07
pub(super) async fn a_refusal_is_for_good(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::Rejected(Cause::GrantRejected), None).await;
    let record = stage.record().await;
    same(record.revision, revision, "the revision, which a late answer must still find");
    for attempt in [lease.attempt, WriteId::random()] {
        match stage.begin(None, attempt, LONG).await {
            Begin::Dead { record: found, cause } => {
                same((found, cause), (record.clone(), Cause::GrantRejected), "what everybody is told");
            }
            other => panic!("the refresh token was refused, and yet: {other:?}"),
        }
    }
    for cause in [Cause::RefreshMismatch, Cause::LoggedOut, Cause::RefreshOutcomeUnknown] {
        stage.log_in("again").await;
        let (lease, _) = stage.hold(LONG).await;
        stage.abandon(&lease, Abandon::Rejected(cause), None).await;
        same(stage.record().await.rejected, Some(cause), "the cause");
    }
}

// REF-12, CAN-05
pub(super) async fn a_refusal_in_doubt_is_named(stage: Stage) {
    stage.log_in("first").await;
    stage.hold(ENDED).await;
    let (lease, _) = stage.hold(LONG).await;
    stage.commit(&lease, "second").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::Rejected(Cause::GrantRejected), None).await;
    same(stage.record().await.rejected, Some(Cause::RefreshOutcomeUnknown), "the cause after a lost answer");

    let stage = stage.of("another");
    stage.log_in("first").await;
    stage.hold(ENDED).await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::Rejected(Cause::RefreshMismatch), None).await;
    same(stage.record().await.rejected, Some(Cause::RefreshMismatch), "a cause that is sure");
}

// REF-08, MPR-10
pub(super) async fn a_refusal_of_an_earlier_revision_changes_nothing(stage: Stage) {
    stage.log_in("first").await;
    let (late, _) = stage.hold(ENDED).await;
    let (lease, _) = stage.hold(LONG).await;
    stage.commit(&lease, "second").await;
    let (holder, _) = stage.hold(LONG).await;
    let before = stage.record().await;
    for outcome in [Abandon::Rejected(Cause::GrantRejected), Abandon::Unknown, Abandon::NotSent] {
        stage.abandon(&late, outcome, Some(LONG)).await;
        same(stage.record().await, before.clone(), "the record of a newer revision");
    }
    // Where nothing is, there is nothing to give back.
    stage.of("nobody").abandon(&holder, Abandon::Unknown, Some(LONG)).await;
    stage.of("nobody").log_in("tokens").await;
    stage.of("nobody").hold(LONG).await;
}

// MPR-07
pub(super) async fn the_claim_of_another_is_not_given_back(stage: Stage) {
    let base = stage.log_in("tokens").await;
    let (holder, _) = stage.hold(LONG).await;
    let other = Lease { attempt: WriteId::random(), base };
    for outcome in [Abandon::NotSent, Abandon::Unknown] {
        stage.abandon(&other, outcome, None).await;
        same(
            stage.record().await.claim.map(|claim| claim.attempt),
            Some(holder.attempt),
            "whose claim it is",
        );
    }
}

// REF-10
pub(super) async fn a_back_off_holds_for_everybody_and_ends(stage: Stage) {
    const SHORT: Duration = Duration::from_millis(400);
    stage.log_in("tokens").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::NotSent, Some(LONG)).await;
    for attempt in [lease.attempt, WriteId::random()] {
        match stage.begin(None, attempt, LONG).await {
            Begin::NotYet { retry_in, record } => {
                assert!(retry_in > LONG / 2 && retry_in <= LONG, "it ends in an hour, not in {retry_in:?}");
                same(record.claim, None, "the claim of those who have to wait");
            }
            other => panic!("the back-off has not ended, and yet: {other:?}"),
        }
    }
    // Whoever comes late with a shorter one does not shorten it.
    stage.abandon(&lease, Abandon::Unknown, Some(SHORT)).await;
    stage.pass(2 * SHORT).await;
    let waiting = stage.begin(None, WriteId::random(), LONG).await;
    assert!(
        matches!(waiting, Begin::NotYet { .. }),
        "the longer back-off has not ended, and yet: {waiting:?}"
    );

    let stage = stage.of("another");
    stage.log_in("tokens").await;
    let (lease, _) = stage.hold(LONG).await;
    stage.abandon(&lease, Abandon::NotSent, Some(SHORT)).await;
    stage.pass(2 * SHORT).await;
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, false, "doubt after a back-off");
}
