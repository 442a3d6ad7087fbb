//! Many tasks at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use oidc_core::Clock;
use tests::{ApiClient, World};
use tokio::task::JoinSet;

const SECOND: Duration = Duration::from_secs(1);
const TASKS: usize = 32;

/// Sends requests from many tasks until `end` has passed on the clock, which moves one second with every so many answers; `tick` is
/// told each of these seconds. Gives how often the answer was 200, and panics on any other.
async fn call_until_passed(
    world: &Arc<World>,
    client: &ApiClient,
    end: Duration,
    tick: impl Fn(&World, u64) + Clone + Send + 'static,
) -> u64 {
    const ANSWERS_PER_SECOND: u64 = 40;
    let (answers, end) = (Arc::new(AtomicU64::new(0)), world.clock.boot().after(end));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (world, client, answers, tick) = (world.clone(), client.clone(), answers.clone(), tick.clone());
        tasks.spawn(async move {
            while world.clock.boot() < end {
                let answer = world.get(&client).await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
                let answer = answers.fetch_add(1, Relaxed) + 1;
                if answer.is_multiple_of(ANSWERS_PER_SECOND) {
                    world.clock.advance(SECOND);
                    tick(&world, answer / ANSWERS_PER_SECOND);
                }
            }
        });
    }
    tasks.join_all().await;
    answers.load(Relaxed)
}

// REF-01, REF-03, LAY-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_over_many_expiries_spend_each_refresh_token_once() {
    let life = Duration::from_secs(10);
    let world = Arc::new(World::with(|provider| provider.access_token_lifetime(life)).await);
    let client = world.api_client(&world.signed_in().await);
    let answers = call_until_passed(&world, &client, 6 * life, |_, _| {}).await;

    let judge = world.provider.judge();
    assert!(answers >= 2_400 && judge.refreshes_accepted >= 6, "{answers} {}", judge.refreshes_accepted);
    assert_eq!((judge.logins, judge.grants("refresh_token")), (1, judge.refreshes_accepted));
    world.assert_each_spent_once();
}

// REF-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_come_to_an_ended_token_wait_for_one_refresh() {
    let world = Arc::new(World::start().await);
    let client = world.api_client(&world.signed_in().await);
    for round in 1..=5 {
        world.clock.advance(World::LIFE);
        let mut tasks = JoinSet::new();
        for _ in 0..4 * TASKS {
            let (world, client) = (world.clone(), client.clone());
            tasks.spawn(async move { world.get_ok(&client).await });
        }
        tasks.join_all().await;
        assert_eq!(world.provider.judge().grants("refresh_token"), round);
    }
    assert_eq!(world.api.unauthorized(), 0);
    world.assert_each_spent_once();
}

// REF-21, LAY-07, LAY-08, LAY-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_tokens_that_are_revoked_under_load_reach_no_caller_as_a_401() {
    let world = Arc::new(World::start().await);
    let client = world.api_client(&world.signed_in().await);
    let answers = call_until_passed(&world, &client, Duration::from_secs(60), |world, second| {
        if second.is_multiple_of(15) {
            world.provider.revoke_access_tokens();
        }
    })
    .await;

    let judge = world.provider.judge();
    assert!(answers >= 2_400 && world.api.unauthorized() >= 3, "the API did refuse");
    assert!((3..=4).contains(&judge.refreshes_accepted), "one renewal for all who were refused");
    world.assert_each_spent_once();
}
