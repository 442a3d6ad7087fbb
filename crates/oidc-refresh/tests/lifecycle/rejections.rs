//! What happens when APIs reject tokens that are fresh.

use std::time::Duration;

use oidc_core::{Clock, TokenErrorKind, TokenSource};

use crate::support::{LIFE, Scene, Twist, token_of};

// LAY-08
#[tokio::test]
async fn an_api_that_rejects_everything_makes_no_storm() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    let time = tokio::spawn({
        let clock = clock.clone();
        async move {
            loop {
                clock.wait_for_sleepers(1).await;
                clock.advance(Duration::from_millis(50));
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut last, start) = (None, clock.boot());
    while clock.boot().since(start) < Duration::from_secs(600) {
        let Ok(credential) = source.token().await else {
            clock.advance(Duration::from_secs(1));
            continue;
        };
        last = Some(source.renew(credential.generation()).await);
    }
    time.abort();
    assert_eq!(last.unwrap().unwrap_err().kind(), TokenErrorKind::Rejected);
    assert!(grant.sent().len() < 25, "{} requests in ten minutes", grant.sent().len());
}

// TOK-17
#[tokio::test]
async fn a_provider_that_gives_the_rejected_token_again_is_not_asked_again_at_once() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    let credential = source.token().await.unwrap();
    grant.twist(Twist::SameAccess);
    assert_eq!(source.renew(credential.generation()).await.unwrap_err().kind(), TokenErrorKind::Rejected);
    assert_eq!(source.token().await.unwrap_err().kind(), TokenErrorKind::Rejected);
    assert_eq!(grant.sent(), ["r1"]);
    clock.advance(Duration::from_secs(2));
    assert_eq!(token_of(&source.token().await.unwrap()), "a3");
}

// LAY-08
#[tokio::test]
async fn rejections_now_and_then_are_not_a_row() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    for _ in 0..10 {
        clock.advance(Duration::from_secs(2));
        let credential = source.token().await.unwrap();
        assert!(source.renew(credential.generation()).await.is_ok(), "after {:?}", grant.sent());
        clock.advance(LIFE);
        source.token().await.unwrap();
    }
}
