//! Who may spend a refresh token.

use std::time::Duration;

use oidc_core::store::{Begin, Lease, Renew, Revision, WriteId};

use super::stage::{ENDED, LONG, Stage, same, text};

// MPR-02
pub(super) async fn one_attempt_holds_the_lease(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    let attempt = WriteId::random();
    match stage.begin(None, attempt, LONG).await {
        Begin::Held { record, lease, doubt } => {
            same(lease, Lease { attempt, base: revision }, "the lease");
            same((text(&record), doubt), (Some("tokens".into()), false), "what may be spent");
            let claim = record.claim.map(|claim| (claim.attempt, claim.base));
            same(claim, Some((attempt, revision)), "the claim");
            same(stage.record().await, record, "the record that others read");
        }
        other => panic!("the lease is free, and yet: {other:?}"),
    }
    match stage.begin(None, WriteId::random(), LONG).await {
        Begin::Busy { record, retry_in } => {
            same(text(&record), Some("tokens".into()), "what others are told");
            assert!(
                retry_in > LONG / 2 && retry_in <= LONG,
                "the claim ends in an hour, not in {retry_in:?}"
            );
        }
        other => panic!("the lease is taken, and yet: {other:?}"),
    }
}

// STO-04
pub(super) async fn the_same_attempt_gets_its_lease_again(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    let attempt = WriteId::random();
    for ttl in [ENDED, LONG, LONG] {
        match stage.begin(None, attempt, ttl).await {
            Begin::Held { lease, doubt, .. } => {
                same(
                    (lease, doubt),
                    (Lease { attempt, base: revision }, false),
                    "the lease, asked for again",
                );
            }
            other => panic!("the lease is its own, and yet: {other:?}"),
        }
    }
}

// MPR-09
pub(super) async fn who_is_behind_gets_the_record_and_no_lease(stage: Stage) {
    let first = stage.log_in("first").await;
    let second = stage.log_in("second").await;
    let another = Revision { tag: WriteId::random(), ..second };
    for seen in [Revision::ABSENT, first, another] {
        match stage.begin(Some(seen), WriteId::random(), LONG).await {
            Begin::Newer { record } => same(text(&record), Some("second".into()), "what is new"),
            other => panic!("there is something new, and yet: {other:?}"),
        }
    }
    same(stage.record().await.claim, None, "the claim of those who are behind");
    // Whoever remembers more than the store knows is not behind: a fail-over has lost writes.
    match stage.begin(Some(second.next(WriteId::random())), WriteId::random(), LONG).await {
        Begin::Held { record, .. } => same(record.revision, second, "what is held"),
        other => panic!("the lease is free, and yet: {other:?}"),
    }
}

// MPR-06, CAN-06
pub(super) async fn a_claim_that_ran_out_leaves_doubt(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    stage.hold(ENDED).await;
    let (lease, doubt) = stage.hold(LONG).await;
    same(doubt, true, "doubt about what the first one did");
    same(stage.record().await.doubt, Some(revision.counter), "the doubt of the record");
    stage.abandon(&lease, oidc_core::store::Abandon::NotSent, None).await;
    let (_, doubt) = stage.hold(LONG).await;
    same(doubt, true, "doubt after the second one did nothing");
}

pub(super) async fn a_lease_needs_no_login(stage: Stage) {
    let (lease, doubt) = stage.hold(LONG).await;
    same((lease.base, doubt), (Revision::ABSENT, false), "a lease where there is no record");
    let busy = stage.begin(None, WriteId::random(), LONG).await;
    assert!(matches!(busy, Begin::Busy { .. }), "the lease is taken, and yet: {busy:?}");

    let stage = stage.of("signed out");
    stage.log_in("tokens").await;
    let tombstone = stage.remove(WriteId::random()).await;
    let (lease, doubt) = stage.hold(LONG).await;
    same((lease.base, doubt), (tombstone, false), "a lease on a tombstone");
}

pub(super) async fn a_heartbeat_is_for_its_own_lease(stage: Stage) {
    let revision = stage.log_in("tokens").await;
    let foreign = Lease { attempt: WriteId::random(), base: revision };
    same(stage.renew(&foreign, LONG).await, Renew::Lost, "a lease that nobody holds");
    let (own, _) = stage.hold(ENDED).await;
    same(stage.renew(&foreign, LONG).await, Renew::Lost, "the lease of another");
    same(stage.renew(&own, LONG).await, Renew::Held, "its own lease");
    let busy = stage.begin(None, WriteId::random(), LONG).await;
    assert!(matches!(busy, Begin::Busy { .. }), "the lease was prolonged, and yet: {busy:?}");

    stage.log_in("another").await;
    same(stage.renew(&own, LONG).await, Renew::Lost, "a lease from before a new login");
    let nobodys = stage.of("nobody");
    same(nobodys.renew(&own, LONG).await, Renew::Lost, "a lease where there is no record");
}

// MPR-03
pub(super) async fn a_lease_ends_by_itself_unless_it_is_prolonged(stage: Stage) {
    const SHORT: Duration = Duration::from_millis(400);
    stage.log_in("tokens").await;
    let (lease, _) = stage.hold(SHORT).await;
    same(stage.renew(&lease, LONG).await, Renew::Held, "a heartbeat");
    stage.pass(2 * SHORT).await;
    let busy = stage.begin(None, WriteId::random(), LONG).await;
    assert!(matches!(busy, Begin::Busy { .. }), "the lease was prolonged, and yet: {busy:?}");

    same(stage.renew(&lease, SHORT).await, Renew::Held, "a heartbeat that makes it shorter");
    stage.pass(2 * SHORT).await;
    match stage.begin(None, WriteId::random(), LONG).await {
        Begin::Held { doubt, .. } => same(doubt, true, "doubt"),
        other => panic!("the lease has ended, and yet: {other:?}"),
    }
    same(stage.renew(&lease, LONG).await, Renew::Lost, "a heartbeat that comes too late");
}
