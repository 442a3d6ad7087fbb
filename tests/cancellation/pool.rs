//! A pool whose callers give up.

use std::sync::Arc;

use oidc_core::TokenSource;
use oidc_refresh::TokenPool;
use oidc_testkit::{Endpoint, Fault, Hold, Yielding, drop_after, every_drop};

use crate::stage::{Login, Stage};

fn pool(stage: &Stage, login: &Login) -> TokenPool {
    let grant = Yielding::new(stage.world.client.refresh_grant());
    let clock = Arc::new(stage.world.clock.clone());
    TokenPool::builder(login.store.clone(), grant).clock(clock).build().unwrap()
}

// CAN-01, CAN-03
#[tokio::test]
async fn the_last_who_wants_a_token_may_drop_the_pool_as_well() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let login = stage.ended().await;
        let before = stage.refreshes();
        let pool = pool(&stage, &login);
        cut.short(async { pool.source(&login.key).token().await.map(drop) }).await;
        drop(pool);
        stage.soon(login.source.token()).await.unwrap();
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}

// CAN-04
#[tokio::test]
async fn a_shutdown_of_a_pool_that_is_given_up_has_closed_it_and_lost_nothing() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let login = stage.ended().await;
        let before = stage.refreshes();
        let pool = pool(&stage, &login);
        let source = pool.source(&login.key);
        let caller = tokio::spawn(async move { source.token().await.map(drop) });
        tokio::task::yield_now().await;
        cut.short(pool.shutdown()).await;
        stage.soon(pool.shutdown()).await.unwrap();
        stage.assert_drained(&login, before + 1).await;
        let _ = stage.soon(caller).await.unwrap();
        assert!(pool.source(&login.key).token().await.is_err(), "closed is closed");
        stage.soon(login.source.token()).await.unwrap();
        assert_eq!(stage.refreshes(), before + 1, "after {} polls", cut.polls());
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}

// CAN-04
#[tokio::test]
async fn a_shutdown_of_a_pool_waits_for_the_answer_whether_an_earlier_one_was_given_up_or_not() {
    let stage = Stage::new().await;
    for polls in (0..10).chain([50, 300]) {
        let login = stage.ended().await;
        let (before, hold) = (stage.refreshes(), Hold::new());
        stage.world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
        let pool = pool(&stage, &login);
        let source = pool.source(&login.key);
        let caller = tokio::spawn(async move { source.token().await.map(drop) });
        hold.wait_for_arrivals(1).await;
        drop_after(polls, pool.shutdown()).await;
        assert!(drop_after(1_000, pool.shutdown()).await.is_none(), "not waited for after {polls} polls");
        hold.release();
        stage.soon(pool.shutdown()).await.unwrap();
        stage.assert_drained(&login, before + 1).await;
        let _ = stage.soon(caller).await.unwrap();
    }
    stage.world.assert_each_spent_once();
}

// CAN-01
#[tokio::test]
async fn a_sign_in_to_a_pool_may_be_given_up_and_done_again() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let login = stage.user();
        let pool = pool(&stage, &login);
        cut.short(pool.sign_in(&login.key, &login.tokens)).await;
        stage.soon(pool.sign_in(&login.key, &login.tokens)).await.unwrap();
        stage.soon(pool.source(&login.key).token()).await.unwrap();
        stage.assert_goes_on(&login, cut).await;
    })
    .await;
}

// CAN-01, LGO-12
#[tokio::test]
async fn a_sign_out_from_a_pool_that_is_given_up_goes_on() {
    let stage = Stage::new().await;
    every_drop(async |cut| {
        let login = stage.signed_in().await;
        let pool = pool(&stage, &login);
        pool.source(&login.key).token().await.unwrap();
        cut.short(pool.sign_out(&login.key)).await;
        if cut.polls() == 0 {
            return stage.assert_goes_on(&login, cut).await;
        }
        assert!(pool.source(&login.key).token().await.is_err(), "after {} polls", cut.polls());
        let elsewhere = Login { source: stage.source(&login.key, &login.store), ..login };
        stage.assert_signed_out(&elsewhere, cut).await;
    })
    .await;
}
